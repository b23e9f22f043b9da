import type { StopSignal } from "../service/options.ts";

/** Signals that stop the process. */
export const SIGNALS: readonly StopSignal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Exit codes of processes that were ended by a signal, as shells report them. */
const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Handles the {@linkcode SIGNALS} in place of their default action, until it is disposed. */
export class Signals implements Disposable {
  readonly #first = Promise.withResolvers<number>();
  readonly #second = Promise.withResolvers<void>();
  readonly #listeners = SIGNALS.map((name) => [name, () => this.#take(name)] as const);
  #count = 0;

  constructor() {
    for (const [name, listener] of this.#listeners) Deno.addSignalListener(name, listener);
  }

  /** Whether a signal has arrived. */
  get received(): boolean {
    return this.#count > 0;
  }

  /** Resolves at the first signal, to the exit code for it. */
  get first(): Promise<number> {
    return this.#first.promise;
  }

  /** Resolves at the second signal. */
  get second(): Promise<void> {
    return this.#second.promise;
  }

  /**
   * Calls back at SIGHUP, until the result is disposed. A SIGHUP of a terminal that has closed is taken as SIGTERM: its
   * user could not see the process any more, nor end it.
   */
  onHangUp(callback: () => void): Disposable {
    const begunInTerminal = hasTerminal();
    const listener = () => begunInTerminal && !hasTerminal() ? this.#take("SIGTERM") : callback();
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", listener);
    return {
      [Symbol.dispose]() {
        if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGHUP", listener);
      },
    };
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
  }

  #take(name: StopSignal): void {
    if (this.#count++) this.#second.resolve();
    else this.#first.resolve(EXIT_CODES[name]);
  }
}

/** Whether the process can be seen in a terminal: one that has closed is none any more. */
function hasTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
}
