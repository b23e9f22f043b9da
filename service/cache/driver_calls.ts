import { describe, isReported } from "../errors.ts";
import { type DriverTime, DriverTimeout } from "../util/driver_time.ts";
import type { Eventually } from "../util/eventually.ts";
import type { CacheDriver } from "./driver.ts";

/** Maximum number of writes that wait for the driver; further ones are refused. */
const MAX_WAITING = 10_000;

/** Options of {@linkcode DriverCalls}. */
export interface DriverCallsOptions {
  /** Timeout for calls; by default there is none. */
  readonly time?: DriverTime | undefined;
  /** Writes a line to the host's log; by default failures are not logged. */
  readonly report?: ((message: string) => void) | undefined;
}

/**
 * Calls of a cache's driver. Writes run one after another, in the order of the calls, so that a purge cannot overtake the
 * write of an object that it concerns. Reads run at any time.
 *
 * A driver that has not answered in time is *late*: until it answers again, calls do not wait for it. Writes that must not
 * be lost (purges, deletions) are still queued, others are refused.
 */
export class DriverCalls {
  readonly #driver: CacheDriver;
  readonly #options: DriverCallsOptions;
  /** Resolves when the last write in the queue has ended; undefined if there is none. */
  #last: Promise<void> | undefined;
  #waiting = 0;
  #late = false;
  /** Kinds of calls that have failed since their last success, so that a failure is logged once. */
  readonly #failing = new Set<"read" | "write">();

  constructor(driver: CacheDriver, options: DriverCallsOptions = {}) {
    this.#driver = driver;
    this.#options = options;
  }

  /**
   * Runs a call that reads, at once.
   *
   * @param action Name of the call, in words that follow "Cannot".
   * @returns The driver's answer. Throws or rejects with the driver's error, or with a {@linkcode DriverTimeout}.
   */
  read<T>(action: string, run: (driver: CacheDriver) => Eventually<T>): Eventually<T> {
    return this.#watched("read", action, () => run(this.#driver));
  }

  /**
   * Runs a call that writes, after those before it.
   *
   * @param action Name of the call, in words that follow "Cannot".
   * @param run Makes the call in its turn, even if its caller has stopped waiting by then.
   * @param lasting Whether it is queued although the driver is late. By default `false`.
   * @returns As {@linkcode DriverCalls.read}.
   */
  write<T>(
    action: string,
    run: (driver: CacheDriver) => Eventually<T>,
    lasting = false,
  ): Eventually<T> {
    return this.#watched("write", action, () => {
      if (!this.#last) return this.#follow(run(this.#driver));
      if (this.#late && !lasting) throw this.#isLate(action);
      if (this.#waiting >= MAX_WAITING) {
        throw new DriverTimeout(`Cannot ${action}: ${MAX_WAITING} calls wait for the driver`);
      }
      return this.#follow(this.#last.then(() => run(this.#driver)));
    });
  }

  /** Resolves when all writes have ended, or the driver is late. */
  drained(): Eventually<void> {
    if (!this.#last || this.#late) return;
    const ended = this.#bounded("finish writing to the cache", this.#last);
    return Promise.resolve(ended).then(() => this.drained(), () => {});
  }

  #follow<T>(answer: Eventually<T>): Eventually<T> {
    if (!(answer instanceof Promise)) return answer;
    this.#waiting++;
    const end = () => {
      this.#waiting--;
      if (this.#last === last) this.#last = undefined;
    };
    const last = answer.then(end, end);
    this.#last = last;
    return answer;
  }

  #watched<T>(kind: "read" | "write", action: string, call: () => Eventually<T>): Eventually<T> {
    const fail = (error: unknown): never => {
      if (!this.#failing.has(kind) && !isReported(error)) this.#report(error);
      this.#failing.add(kind);
      throw error;
    };
    try {
      const answer = call();
      if (!(answer instanceof Promise)) {
        this.#failing.delete(kind);
        return answer;
      }
      return this.#awaited(action, answer).then((value) => {
        this.#failing.delete(kind);
        return value;
      }, fail);
    } catch (error) {
      return fail(error);
    }
  }

  #awaited<T>(action: string, answer: Promise<T>): Promise<T> {
    const wasLate = this.#late;
    const answered = () => void (this.#late = false);
    answer.then(answered, answered);
    if (wasLate) return Promise.reject(this.#isLate(action));
    const bounded = Promise.resolve(this.#bounded(action, answer));
    bounded.catch((error) => {
      if (error instanceof DriverTimeout) this.#late = true;
    });
    return bounded;
  }

  #bounded<T>(action: string, answer: Promise<T>): Eventually<T> {
    return this.#options.time?.bound(action, answer) ?? answer;
  }

  #isLate(action: string): DriverTimeout {
    return new DriverTimeout(`Cannot ${action}: the driver has not answered an earlier call yet`);
  }

  #report(error: unknown): void {
    const reason = describe(error);
    this.#options.report?.(`The cache goes on without its driver: ${reason}`);
  }
}
