/**
 * Tells how long the process was held up by a guest that did not pause: nothing else could happen meanwhile, so that
 * time limits leave it out.
 */
export class Pace {
  #heldUp = 0;

  /** Milliseconds on a clock that stands still while the process is held up. */
  get now(): number {
    return performance.now() - this.#heldUp;
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
    const expire = () => {
      const missed = this.#heldUp - counted;
      counted = this.#heldUp;
      if (missed > 0) timer = setTimeout(expire, missed);
      else callback();
    };
    let timer = setTimeout(expire, ms);
    return () => clearTimeout(timer);
  }
}
