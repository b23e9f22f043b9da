import { Line, type Linked } from "./line.ts";
import type { Pace } from "./pace.ts";

/** What has begun and is to end in time. Who has it end notes here when that is. */
export interface Timed {
  deadline?: Deadline | undefined;
}

/** When something is to have ended, and what happens if it has not. */
export interface Deadline extends Linked<Deadline> {
  readonly of: Timed;
  /** On the clock of the pace. */
  readonly due: number;
  expire: () => void;
}

/** How long a timer runs at the most, in milliseconds: one for what has ended meanwhile keeps the process alive. */
const MOST_WAIT = 1000;

/**
 * A time limit that is the same for all, on much that begins and ends: one list in order of arrival, and one timer, for
 * the oldest. It is left to pass, so that what ends in time costs no timer.
 */
export class Deadlines {
  readonly #ms: number;
  readonly #pace: Pick<Pace, "now" | "after">;
  readonly #line = new Line<Deadline>();
  #stopTimer: (() => void) | undefined;

  /** @param ms `Infinity` for no limit. */
  constructor(ms: number, pace: Pick<Pace, "now" | "after">) {
    this.#ms = ms;
    this.#pace = pace;
  }

  /** Begins now. For what has begun already, it only changes what happens when the time is over. */
  add(of: Timed, expire: () => void): void {
    if (this.#ms === Infinity) return;
    if (of.deadline) {
      of.deadline.expire = expire;
      return;
    }
    const due = this.#pace.now + this.#ms;
    this.#line.add(of.deadline = { of, due, expire, older: undefined, newer: undefined });
    if (!this.#stopTimer) this.#wait(due);
  }

  /** Has ended in time, if it has begun. */
  delete(of: Timed): void {
    if (of.deadline) this.#line.remove(of.deadline);
    of.deadline = undefined;
  }

  /** Lets nothing expire any more. */
  close(): void {
    this.#line.clear();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #wait(due: number): void {
    const ms = Math.min(Math.max(1, due - this.#pace.now), MOST_WAIT);
    this.#stopTimer = this.#pace.after(ms, () => this.#look());
  }

  #look(): void {
    for (let next; (next = this.#line.oldest);) {
      if (next.due > this.#pace.now) return this.#wait(next.due);
      this.delete(next.of);
      next.expire();
    }
    this.#stopTimer = undefined;
  }
}
