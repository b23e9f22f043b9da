import { ImageError } from "./error.ts";

/** So many at a time; others wait, up to a bound, in the order in which they came. */
export class Semaphore {
  readonly #waiting = new Set<() => void>();
  readonly #most: number;
  #free: number;

  constructor(count: number, most: number) {
    this.#free = count;
    this.#most = most;
  }

  /**
   * Gives a slot, to be given back by disposing of it. Rejects with the signal's reason if that aborts first.
   *
   * @throws {ImageError} If too many wait.
   */
  async take(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    return { [Symbol.dispose]: () => this.#giveBack() };
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#most) {
      throw new ImageError(503, "Too many images are waiting to be transformed");
    }
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(start);
        reject(signal.reason);
      };
      this.#waiting.add(start);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  #giveBack(): void {
    const [next] = this.#waiting;
    if (!next) return void this.#free++;
    this.#waiting.delete(next);
    next();
  }
}
