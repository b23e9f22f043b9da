import { ImageError } from "./error.ts";

/** Semaphore with a bounded queue in order of arrival. */
export class Semaphore {
  readonly #waiting = new Set<() => void>();
  readonly #max: number;
  #free: number;

  /**
   * @param count Number of slots.
   * @param max Maximum number of callers that may wait for a slot.
   */
  constructor(count: number, max: number) {
    this.#free = count;
    this.#max = max;
  }

  /**
   * Waits for a slot, which is released by disposing of the result. Rejects with the signal's reason if that aborts first.
   *
   * @throws {ImageError} If too many callers wait.
   */
  async take(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    return { [Symbol.dispose]: () => this.#giveBack() };
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#max) {
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
