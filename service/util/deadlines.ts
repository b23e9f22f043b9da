import { type Linked, LinkedList } from "./linked_list.ts";
import type { StallClock } from "./stall_clock.ts";

/** A deadline of one piece of work. It is in one {@linkcode Deadlines} at most, from `add` until `delete` or its end. */
export class Deadline implements Linked<Deadline> {
  older: Deadline | undefined;
  newer: Deadline | undefined;
  /** Time on the stall clock, in milliseconds; undefined while it is in no {@linkcode Deadlines}. */
  due: number | undefined;
  /** Called when the time is over; may be replaced while it runs. */
  expire: () => void;

  /** @param expire Called when the time is over. */
  constructor(expire: () => void) {
    this.expire = expire;
  }
}

/** Longest time of a timer, in milliseconds: one for work that has ended meanwhile keeps the process alive. */
const MAX_WAIT = 1000;

/**
 * One time limit for much work that begins and ends: a list in order of arrival, and one timer, for the oldest deadline.
 * The timer is left to pass, so that work that ends in time costs no timer. A deadline is part of its owner, and no key
 * of a map: V8 gives each key of a `WeakMap` a hash of its own and looks at all of them in each collection.
 */
export class Deadlines {
  readonly #ms: number;
  readonly #stallClock: Pick<StallClock, "now" | "after">;
  readonly #list = new LinkedList<Deadline>();
  #stopTimer: (() => void) | undefined;

  /** @param ms Time limit in milliseconds; `Infinity` for none. */
  constructor(ms: number, stallClock: Pick<StallClock, "now" | "after">) {
    this.#ms = ms;
    this.#stallClock = stallClock;
  }

  /** Starts the time of a deadline; does nothing if it runs already. */
  add(deadline: Deadline): void {
    if (deadline.due !== undefined) return;
    const due = deadline.due = this.#stallClock.now + this.#ms;
    this.#list.add(deadline);
    if (!this.#stopTimer && due < Infinity) this.#wait(due);
  }

  /** Starts its time anew; does nothing if it does not run. */
  renew(deadline: Deadline): void {
    if (deadline.due === undefined) return;
    deadline.due = this.#stallClock.now + this.#ms;
    if (deadline === this.#list.newest) return;
    this.#list.remove(deadline);
    this.#list.add(deadline);
  }

  /** Ends its time, as its work has ended; does nothing if it does not run. */
  delete(deadline: Deadline): void {
    if (deadline.due === undefined) return;
    deadline.due = undefined;
    this.#list.remove(deadline);
  }

  /** Makes all expire now. */
  expire(): void {
    for (const deadline of this.#list.all()) {
      if (deadline.due === undefined) continue; // an earlier one has ended it
      this.delete(deadline);
      deadline.expire();
    }
  }

  /** Drops all, so that nothing expires any more. */
  close(): void {
    for (const deadline of this.#list.all()) this.delete(deadline);
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #wait(due: number): void {
    const ms = Math.min(Math.max(1, due - this.#stallClock.now), MAX_WAIT);
    this.#stopTimer = this.#stallClock.after(ms, () => this.#look());
  }

  #look(): void {
    for (let next; (next = this.#list.oldest);) {
      if (next.due! > this.#stallClock.now) return this.#wait(next.due!);
      this.delete(next);
      next.expire();
    }
    this.#stopTimer = undefined;
  }
}
