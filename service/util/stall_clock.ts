import { type Clock, machineClock } from "./clock.ts";

/** Milliseconds granted after a stall, so that I/O that arrived during it is handled before a timeout fires. */
const GRACE = 20;

/** Longest time in milliseconds for which a guest may run without yielding before it counts as a stall. */
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
   * Calls back after `ms` milliseconds, stalls excluded.
   *
   * @returns Function that cancels the timer.
   */
  after(ms: number, callback: () => void): () => void {
    let counted = this.#heldUp;
    let since = this.clock.elapsed();
    let left = ms;
    const expire = () => {
      const missed = this.#heldUp - counted;
      if (missed === 0) return callback();
      const now = this.clock.elapsed();
      left = Math.max(GRACE, left - (now - since - missed));
      counted = this.#heldUp;
      since = now;
      stop = this.clock.after(left, expire);
    };
    let stop = this.clock.after(ms, expire);
    return () => stop();
  }
}
