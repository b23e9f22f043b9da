import { type Clock, machineClock } from "./clock.ts";

/** Milliseconds granted after a stall, so that I/O that arrived during it is handled before a timeout fires. */
const GRACE = 20;

/**
 * Longest time in milliseconds for which a guest may run without yielding, and a timer may be late, before that counts as a
 * stall.
 */
const MAX_RUN = 20;

/**
 * Clock that excludes event-loop stalls. Time during which a guest ran without yielding is subtracted, so that timeouts
 * count only time in which I/O could make progress.
 */
export class StallClock {
  /** Clock without this subtraction. */
  readonly clock: Clock;
  #heldUp = 0;

  constructor(clock: Clock = machineClock) {
    this.clock = clock;
  }

  /** Milliseconds since a fixed moment, without stalls. */
  get now(): number {
    return this.clock.elapsed() - this.#heldUp;
  }

  /** Total duration of all stalls, in milliseconds. */
  get heldUp(): number {
    return this.#heldUp;
  }

  /** Adds a guest's run of `ms` milliseconds, if it is long enough to count as a stall. */
  holdUp(ms: number): void {
    if (ms > MAX_RUN && !this.clock.manual) this.#heldUp += ms;
  }

  /**
   * Calls back after `ms` milliseconds, stalls excluded. If the timer is late for another reason (a call that blocks, a
   * machine without a free processor), I/O that has arrived by then is handled first.
   *
   * @returns Function that cancels the timer.
   */
  after(ms: number, callback: () => void): () => void {
    let counted = this.#heldUp;
    let since = this.clock.elapsed();
    let left = ms;
    let waited = false;
    const expire = () => {
      const now = this.clock.elapsed();
      const missed = this.#heldUp - counted;
      const late = !waited && !this.clock.manual && now - since - left > MAX_RUN;
      if (missed === 0 && !late) return callback();
      waited ||= late;
      left = Math.max(GRACE, left - (now - since - missed));
      counted = this.#heldUp;
      since = now;
      stop = this.clock.after(left, expire);
    };
    let stop = this.clock.after(ms, expire);
    return () => stop();
  }

  /**
   * Bounds the wait for an answer.
   *
   * @param ms Time limit in milliseconds, stalls excluded.
   * @param late Returns the error to reject with if the answer does not come in time; it is ignored then.
   */
  within<T>(ms: number, answer: Promise<T>, late: () => Error): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const stop = this.after(ms, () => reject(late()));
    answer.then(resolve, reject).finally(stop);
    return promise;
  }
}
