/** First pause, in milliseconds. */
const FIRST = 3000;
/** Factor by which each pause is longer than the one before. */
const LONGER = 4;
/** Longest pause, in milliseconds: about a day. */
const MAX = 2 ** 26;

/** Pauses after which a build is made, each longer than the one before. */
export class Pauses {
  #length = FIRST;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether a pause is over, and its build has not begun yet. */
  #over = false;
  #build: (() => void) | undefined;

  /**
   * Has a function build after each pause.
   *
   * @returns Ends that.
   */
  whenOver(build: () => void): Disposable {
    this.#build = build;
    return {
      [Symbol.dispose]: () => {
        this.#build = undefined;
        clearTimeout(this.#timer);
      },
    };
  }

  /** Begins a pause, or begins it anew. */
  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#build) return this.begin();
      this.#over = true;
      this.#build();
    }, this.#length);
  }

  /** Ends the pause, since a build begins. Returns whether it is the build after the pause. */
  end(): boolean {
    clearTimeout(this.#timer);
    const over = this.#over;
    this.#over = false;
    return over;
  }

  /** Makes the next pause longer. */
  lengthen(): void {
    this.#length = Math.min(this.#length * LONGER, MAX);
  }

  /** Makes the next pause as long as the first. */
  reset(): void {
    this.#length = FIRST;
  }
}
