import { FramelessError } from "../errors.ts";
import type { Eventually } from "./eventually.ts";
import type { StallClock } from "./stall_clock.ts";

/** Error for a driver that has not answered in time. It has no stack: its message names the call. */
export class DriverTimeout extends FramelessError {
  override readonly name = "DriverTimeout";
}

/** Timeout for calls of drivers, so that a driver that never answers blocks no guest forever. */
export class DriverTime {
  readonly #ms: number;
  readonly #clock: StallClock;

  /**
   * @param ms Timeout in milliseconds (`limits.driver_time`); `Infinity` for none.
   * @param clock Clock that excludes the time in which a guest kept the event loop from receiving the answer.
   */
  constructor(ms: number, clock: StallClock) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /**
   * Applies the timeout to a driver's answer.
   *
   * @param action Call of the driver, in words that follow "Cannot".
   * @returns The answer, at once if it is not a promise. Rejects with a {@linkcode DriverTimeout} if it takes too long;
   * an answer after that is ignored.
   */
  bound<T>(action: string, answer: Eventually<T>): Eventually<T> {
    if (!(answer instanceof Promise) || this.#ms === Infinity) return answer;
    return this.#clock.within(this.#ms, answer, () => {
      const bound = `limits.driver_time (${this.#ms} ms)`;
      return new DriverTimeout(
        `Cannot ${action}: the driver has not answered within ${bound}. ` +
          "Check what it is connected to, or raise the limit",
      );
    });
  }
}
