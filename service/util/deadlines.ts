import { type Linked, LinkedList } from "./linked_list.ts";
import type { StallClock } from "./stall_clock.ts";

/** When something is to have ended, and what happens if it has not. */
interface Deadline<K> extends Linked<Deadline<K>> {
  readonly key: K;
  /** On the clock of the pace. */
  due: number;
  expire: () => void;
}

/** How long a timer runs at the most, in milliseconds: one for what has ended meanwhile keeps the process alive. */
const MAX_WAIT = 1000;

/**
 * A time limit that is the same for all, on much that begins and ends: one list in order of arrival, and one timer, for
 * the oldest. It is left to pass, so that what ends in time costs no timer.
 */
export class Deadlines<K extends WeakKey> {
  readonly #ms: number;
  readonly #stallClock: Pick<StallClock, "now" | "after">;
  readonly #line = new LinkedList<Deadline<K>>();
  readonly #ofKeys = new WeakMap<K, Deadline<K>>();
  #stopTimer: (() => void) | undefined;

  /** @param ms `Infinity` for no limit. */
  constructor(ms: number, stallClock: Pick<StallClock, "now" | "after">) {
    this.#ms = ms;
    this.#stallClock = stallClock;
  }

  /** Begins now. For what has begun already, it only changes what happens when the time is over. */
  add(key: K, expire: () => void): void {
    const known = this.#ofKeys.get(key);
    if (known) {
      known.expire = expire;
      return;
    }
    const due = this.#stallClock.now + this.#ms;
    const deadline = { key, due, expire, older: undefined, newer: undefined };
    this.#ofKeys.set(key, deadline);
    this.#line.add(deadline);
    if (!this.#stopTimer && due < Infinity) this.#wait(due);
  }

  /** Begins anew, if it has begun and not ended. */
  renew(key: K): void {
    const deadline = this.#ofKeys.get(key);
    if (!deadline) return;
    deadline.due = this.#stallClock.now + this.#ms;
    if (deadline === this.#line.newest) return;
    this.#line.remove(deadline);
    this.#line.add(deadline);
  }

  /** Has ended in time, if it has begun. */
  delete(key: K): void {
    const deadline = this.#ofKeys.get(key);
    if (!deadline) return;
    this.#ofKeys.delete(key);
    this.#line.remove(deadline);
  }

  /** Has all expire now. */
  expire(): void {
    for (const { key, expire } of this.#line.all()) {
      this.delete(key);
      expire();
    }
  }

  /** Lets nothing expire any more. */
  close(): void {
    this.#line.clear();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #wait(due: number): void {
    const ms = Math.min(Math.max(1, due - this.#stallClock.now), MAX_WAIT);
    this.#stopTimer = this.#stallClock.after(ms, () => this.#look());
  }

  #look(): void {
    for (let next; (next = this.#line.oldest);) {
      if (next.due > this.#stallClock.now) return this.#wait(next.due);
      this.delete(next.key);
      next.expire();
    }
    this.#stopTimer = undefined;
  }
}
