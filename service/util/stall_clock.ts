/** What has come while nothing could happen is looked at before any time limit: it gets so many milliseconds. */
const GRACE = 20;

/**
 * Tells how long the process was held up by a guest that did not pause: nothing else could happen meanwhile, so that
 * time limits leave it out.
 */
export class StallClock {
  #heldUp = 0;

  /** Milliseconds on a clock that stands still while the process is held up. */
  get now(): number {
    return performance.now() - this.#heldUp;
  }

  /** Milliseconds in all. */
  get heldUp(): number {
    return this.#heldUp;
  }

  /** Notes that nothing could happen for so many milliseconds. */
  holdUp(ms: number): void {
    this.#heldUp += ms;
  }

  /**
   * Calls back once that many milliseconds have passed in which the process was not held up.
   *
   * @returns What prevents the call.
   */
  after(ms: number, callback: () => void): () => void {
    let counted = this.#heldUp;
    let since = performance.now();
    let left = ms;
    const expire = () => {
      const missed = this.#heldUp - counted;
      if (missed === 0) return callback();
      const now = performance.now();
      left = Math.max(GRACE, left - (now - since - missed));
      counted = this.#heldUp;
      since = now;
      timer = setTimeout(expire, left);
    };
    let timer = setTimeout(expire, ms);
    return () => clearTimeout(timer);
  }
}
