import { FramelessError } from "../errors.ts";
import type { Eventually } from "./eventually.ts";
import type { StallClock } from "./stall_clock.ts";

/** A driver that has not answered in time. The message needs no stack to be understood. */
export class DriverTimeout extends FramelessError {
  override readonly name = "DriverTimeout";
}

/** Bounds how long a call of a driver may take, so that one that never answers holds up nobody for ever. */
export class DriverTime {
  readonly #most: number;
  readonly #clock: StallClock;

  /**
   * @param most Milliseconds (`limits.driver_time`); `Infinity` waits without a bound.
   * @param clock Leaves out the time in which a guest kept the event loop from hearing the answer.
   */
  constructor(most: number, clock: StallClock) {
    this.#most = most;
    this.#clock = clock;
  }

  /**
   * Passes an answer on: at once if it is here.
   *
   * @param action What was asked of the driver, in words that follow "Cannot".
   * @returns The answer. It rejects with a {@linkcode DriverTimeout} if it takes too long; the call goes on unheard.
   */
  bound<T>(action: string, answer: Eventually<T>): Eventually<T> {
    if (!(answer instanceof Promise) || this.#most === Infinity) return answer;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const stop = this.#clock.after(this.#most, () => {
      const bound = `limits.driver_time (${this.#most} ms)`;
      reject(
        new DriverTimeout(
          `Cannot ${action}: the driver has not answered within ${bound}. ` +
            "Check what it is connected to, or raise the limit",
        ),
      );
    });
    answer.then(resolve, reject).finally(stop);
    return promise;
  }
}
