import type { StopSignal } from "../service/options.ts";

/** The signals that ask the process to stop. */
export const SIGNALS: readonly StopSignal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** What a shell tells of a process that a signal has ended. */
const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Hears the {@linkcode SIGNALS}; while this lives, they do nothing else. */
export class Signals implements Disposable {
  readonly #first = Promise.withResolvers<number>();
  readonly #second = Promise.withResolvers<void>();
  readonly #listeners = SIGNALS.map((name) => [name, () => this.#take(name)] as const);
  #count = 0;

  constructor() {
    for (const [name, listener] of this.#listeners) Deno.addSignalListener(name, listener);
  }

  /** Whether one has come. */
  get received(): boolean {
    return this.#count > 0;
  }

  /** Resolves at the first of them, to the exit code of a process that it ends. */
  get first(): Promise<number> {
    return this.#first.promise;
  }

  get second(): Promise<void> {
    return this.#second.promise;
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
  }

  #take(name: StopSignal): void {
    if (this.#count++) this.#second.resolve();
    else this.#first.resolve(EXIT_CODES[name]);
  }
}
