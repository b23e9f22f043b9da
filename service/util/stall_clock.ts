import { type Clock, machineClock } from "./clock.ts";

/** What has come while nothing could happen is looked at before any time limit: it gets so many milliseconds. */
const GRACE = 20;

/** Milliseconds that a guest may run in one go before others count as held up by it. */
const LONG_RUN = 20;

/**
 * Tells how long the process was held up by a guest that did not pause: nothing else could happen meanwhile, so that
 * time limits leave it out.
 */
export class StallClock {
  /** The time with what is left out here. */
  readonly clock: Clock;
  #heldUp = 0;

  constructor(clock: Clock = machineClock) {
    this.clock = clock;
  }

  /** Milliseconds on a clock that stands still while the process is held up. */
  get now(): number {
    return this.clock.elapsed() - this.#heldUp;
  }

  /** Milliseconds in all. */
  get heldUp(): number {
    return this.#heldUp;
  }

  /** Notes that nothing could happen for so many milliseconds; a short time does not count. */
  holdUp(ms: number): void {
    if (ms > LONG_RUN && !this.clock.manual) this.#heldUp += ms;
  }

  /**
   * Calls back once that many milliseconds have passed in which the process was not held up.
   *
   * @returns What prevents the call.
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
