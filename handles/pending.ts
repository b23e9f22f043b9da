import type { Eventually } from "../service/http/bytes.ts";
import { Waitable } from "./waitable.ts";

/** Work that a guest has started and may wait for, poll, or select. */
export class Pending<T> extends Waitable {
  /** Rejects if the work fails. */
  readonly settled: Promise<T>;
  readonly #cancel: () => void;
  #result: { value: T } | { error: unknown } | undefined;

  /**
   * @param work Result, or a promise of it.
   * @param cancel Called if the handle is dropped before the work is done. By default the work goes on.
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

  /** Returns the value, or a promise while the work is not done. Throws the error of work that has failed. */
  get(): T | Promise<T> {
    if (!this.#result) return this.settled;
    if ("error" in this.#result) throw this.#result.error;
    return this.#result.value;
  }

  override drop(): void {
    if (!this.ready) this.#cancel();
  }
}
