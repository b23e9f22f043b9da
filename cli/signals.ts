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
  readonly #listeners: (readonly [Deno.Signal, () => void])[];
  readonly #begunInTerminal = hasTerminal();
  #count = 0;
  #onHangUp: (() => void) | undefined;
  /** Whether a SIGHUP has arrived that nothing was called for. */
  #hungUp = false;

  /** @param hangUp Whether SIGHUP is handled, too; by default it ends the process. */
  constructor(hangUp = false) {
    this.#listeners = SIGNALS.map((name) => [name, () => this.#take(name)] as const);
    if (hangUp && Deno.build.os !== "windows") {
      this.#listeners.push(["SIGHUP", () => this.#takeHangUp()]);
    }
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
   * Calls back at SIGHUP, until the result is disposed; at once if one has arrived before. Later ones are ignored. A SIGHUP of a
   * terminal that has closed is taken as SIGTERM: its user could not see the process any more, nor end it.
   */
  onHangUp(callback: () => void): Disposable {
    this.#onHangUp = callback;
    if (this.#hungUp) callback();
    return { [Symbol.dispose]: () => this.#onHangUp = undefined };
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
  }

  #takeHangUp(): void {
    if (this.#begunInTerminal && !hasTerminal()) return this.#take("SIGTERM");
    if (this.received) return; // it ends
    this.#hungUp = true;
    this.#onHangUp?.();
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
