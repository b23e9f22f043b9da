/** Number of further resets that are granted each second. */
const PER_SECOND = 1;

/**
 * Budget for requests that a client resets before their response is complete. A browser that leaves a page resets
 * several at once; a client that resets without pause makes the server start work for nothing (CVE-2023-44487).
 */
export class ResetBudget {
  readonly #max: number;
  readonly #now: () => number;
  #left: number;
  #since: number;

  /**
   * @param max Resets in quick succession; one more is granted each second.
   * @param now Clock in milliseconds.
   */
  constructor(max: number, now: () => number = () => performance.now()) {
    this.#max = this.#left = max;
    this.#now = now;
    this.#since = now();
  }

  /** Notes a reset; returns whether the client may go on. */
  spend(): boolean {
    const now = this.#now();
    const regained = (now - this.#since) / 1000 * PER_SECOND;
    this.#since = now;
    this.#left = Math.min(this.#max, this.#left + regained) - 1;
    return this.#left >= 0;
  }
}
