import { type Linked, LinkedList } from "./linked_list.ts";
import type { StallClock } from "./stall_clock.ts";

/** Timeout of one piece of work. It is in at most one {@linkcode Deadlines}, from `add` until `delete` or its expiry. */
export class Deadline implements Linked<Deadline> {
  older: Deadline | undefined;
  newer: Deadline | undefined;
  /** Time on the stall clock, in milliseconds; undefined while it is in no {@linkcode Deadlines}. */
  due: number | undefined;
  /** Called when the timeout is over; may be replaced while it runs. */
  expire: () => void;

  /** @param expire Called when the timeout is over. */
  constructor(expire: () => void) {
    this.expire = expire;
  }
}

/**
 * Longest single timer, in milliseconds. Timers are not cancelled when their deadline ends, so a longer one would delay
 * the process's exit.
 */
const MAX_WAIT = 1000;

/**
 * One fixed timeout applied to many short-lived deadlines. They are kept in arrival order and share a single timer set for
 * the oldest, so that one which ends in time costs no timer of its own. Owners hold their deadlines, so that no map is
 * needed to find them.
 */
export class Deadlines {
  readonly #ms: number;
  readonly #stallClock: Pick<StallClock, "now" | "after">;
  readonly #running = new LinkedList<Deadline>();
  #stopTimer: (() => void) | undefined;

  /** @param ms Timeout in milliseconds; `Infinity` for none. */
  constructor(ms: number, stallClock: Pick<StallClock, "now" | "after">) {
    this.#ms = ms;
    this.#stallClock = stallClock;
  }

  /** Starts a deadline's timeout; does nothing if it runs already. */
  add(deadline: Deadline): void {
    if (deadline.due !== undefined) return;
    const due = deadline.due = this.#stallClock.now + this.#ms;
    this.#running.add(deadline);
    if (!this.#stopTimer && due < Infinity) this.#wait(due);
  }

  /** Restarts a deadline's timeout; does nothing if it does not run. */
  renew(deadline: Deadline): void {
    if (deadline.due === undefined) return;
    deadline.due = this.#stallClock.now + this.#ms;
    if (deadline === this.#running.newest) return;
    this.#running.remove(deadline);
    this.#running.add(deadline);
  }

  /** Ends a deadline's timeout without calling back; does nothing if it does not run. */
  delete(deadline: Deadline): void {
    if (deadline.due === undefined) return;
    deadline.due = undefined;
    this.#running.remove(deadline);
  }

  /** Expires all deadlines now. */
  expire(): void {
    for (const deadline of this.#running.all()) {
      if (deadline.due === undefined) continue; // an earlier deadline has ended it
      this.delete(deadline);
      deadline.expire();
    }
  }

  /** Ends all timeouts without calling back. */
  close(): void {
    for (const deadline of this.#running.all()) this.delete(deadline);
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #wait(due: number): void {
    const ms = Math.min(Math.max(1, due - this.#stallClock.now), MAX_WAIT);
    this.#stopTimer = this.#stallClock.after(ms, () => this.#expireDue());
  }

  #expireDue(): void {
    for (let next; (next = this.#running.oldest);) {
      if (next.due! > this.#stallClock.now) return this.#wait(next.due!);
      this.delete(next);
      next.expire();
    }
    this.#stopTimer = undefined;
  }
}
