import type { Pace } from "./pace.ts";

interface Entry {
  /** On the clock of the pace. */
  readonly due: number;
  expire(): void;
}

/** How long a timer runs at the most, in milliseconds: one for what has ended meanwhile keeps the process alive. */
const MOST_WAIT = 1000;

/**
 * A time limit that is the same for all, on much that begins and ends: one list in order of arrival, and one timer, for
 * the oldest. It is left to pass, so that what ends in time costs no timer.
 */
export class Deadlines<K> {
  readonly #ms: number;
  readonly #pace: Pick<Pace, "now" | "after">;
  readonly #entries = new Map<K, Entry>();
  #stopTimer: (() => void) | undefined;

  /** @param ms `Infinity` for no limit. */
  constructor(ms: number, pace: Pick<Pace, "now" | "after">) {
    this.#ms = ms;
    this.#pace = pace;
  }

  /** Begins now. For what has begun already, it only changes what happens when the time is over. */
  add(key: K, expire: () => void): void {
    if (this.#ms === Infinity) return;
    const due = this.#entries.get(key)?.due ?? this.#pace.now + this.#ms;
    this.#entries.set(key, { due, expire });
    if (!this.#stopTimer) this.#wait(due);
  }

  /** Has ended in time. */
  delete(key: K): void {
    this.#entries.delete(key);
  }

  /** Lets nothing expire any more. */
  close(): void {
    this.#entries.clear();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #wait(due: number): void {
    const ms = Math.min(Math.max(1, due - this.#pace.now), MOST_WAIT);
    this.#stopTimer = this.#pace.after(ms, () => this.#look());
  }

  #look(): void {
    for (const [key, { due, expire }] of this.#entries) {
      if (due > this.#pace.now) return this.#wait(due);
      this.#entries.delete(key);
      expire();
    }
    this.#stopTimer = undefined;
  }
}
