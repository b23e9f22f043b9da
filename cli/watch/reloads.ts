import { messageOf } from "../../service/errors.ts";
import type { Terminal } from "../telemetry/terminal.ts";

/**
 * Runs one reload at a time. Requests for a reload while one runs are joined into one after it, so that no change is lost.
 */
export class Reloads {
  readonly #reload: () => Promise<void>;
  readonly #terminal: Terminal;
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  /** @param reload Loads the current program and options; if it rejects, the previous ones stay in use. */
  constructor(reload: () => Promise<void>, terminal: Terminal) {
    this.#reload = reload;
    this.#terminal = terminal;
  }

  /** Reloads; resolves when the current program is in use, or its fault was reported. */
  next(): Promise<void> {
    if (!this.#running) return this.#running = this.#run();
    return this.#waiting ??= this.#running.then(() => {
      this.#waiting = undefined;
      return this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    const began = performance.now();
    try {
      await this.#reload();
      this.#terminal.note("info", `Reloaded in ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      const reason = messageOf(error);
      this.#terminal.note("error", `${reason}. The old program goes on`);
    }
    if (!this.#waiting) this.#running = undefined;
  }
}
