import type { Eventually } from "../service/http/bytes.ts";
import { Waitable } from "./waitable.ts";

/** Work that a guest has started and may wait on, poll, or select among. */
export class Pending<T> extends Waitable {
  /** Rejects if the work fails. */
  readonly settled: Promise<T>;
  readonly #cancel: () => void;
  #result: { value: T } | { error: unknown } | undefined;

  /**
   * @param work Is done at once if it is no promise.
   * @param cancel Gives up the work when nobody can want its result any more.
   */
  constructor(work: Eventually<T>, cancel: () => void = () => {}) {
    super();
    this.#cancel = cancel;
    if (work instanceof Promise) {
      this.settled = work;
      work.then((value) => this.#result = { value }, (error) => this.#result = { error });
    } else {
      this.settled = Promise.resolve(work);
      this.#result = { value: work };
    }
  }

  override get ready(): boolean {
    return this.#result !== undefined;
  }

  override whenReady(): Promise<void> {
    return this.settled.then(() => {}, () => {});
  }

  /** The value if it is there, the promise of it if not; throws what the work has failed with. */
  get(): T | Promise<T> {
    if (!this.#result) return this.settled;
    if ("error" in this.#result) throw this.#result.error;
    return this.#result.value;
  }

  override drop(): void {
    if (!this.ready) this.#cancel();
  }
}
