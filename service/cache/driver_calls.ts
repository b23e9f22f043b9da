import { type DriverTime, DriverTimeout } from "../util/driver_time.ts";
import type { Eventually } from "../util/eventually.ts";
import type { CacheDriver } from "./driver.ts";

/** Writes that may wait for a driver that has not answered; those beyond are refused. */
const MAX_WAITING = 10_000;

/** Settings of {@linkcode DriverCalls}. */
export interface DriverCallsOptions {
  /** Bounds how long a call may take; by default nothing does. */
  readonly time?: DriverTime | undefined;
  /** Takes a line for the host's log. */
  readonly report?: ((message: string) => void) | undefined;
}

/**
 * Calls of a cache's driver. Writes run one after another, in the order in which they were asked for, so that a purge
 * cannot overtake the object that it is about. Reads run at any time.
 *
 * A driver that has not answered in time is *late*: until it answers again nobody waits for it. Writes that must not be
 * lost (purges, deletions) still take their turn, others are refused.
 */
export class DriverCalls {
  readonly #driver: CacheDriver;
  readonly #options: DriverCallsOptions;
  /** Resolves when the last write that was asked for has ended; undefined if none is running. */
  #last: Promise<void> | undefined;
  #waiting = 0;
  #late = false;
  /** What failed last: is told once until it succeeds again. */
  readonly #told = new Set<"read" | "write">();

  constructor(driver: CacheDriver, options: DriverCallsOptions = {}) {
    this.#driver = driver;
    this.#options = options;
  }

  /**
   * Runs a call that changes nothing, at once.
   *
   * @param action What is read, in words that follow "Cannot".
   * @returns The answer; it throws or rejects with the driver's error, or because the driver is late.
   */
  read<T>(action: string, run: (driver: CacheDriver) => Eventually<T>): Eventually<T> {
    return this.#watched("read", action, () => run(this.#driver));
  }

  /**
   * Runs a call that changes something, after those before it.
   *
   * @param action What is written, in words that follow "Cannot".
   * @param run Is called when it is its turn; what it notes for itself holds even if nobody waits for it any more.
   * @param lasting Whether it takes its turn although the driver is late.
   * @returns As {@linkcode DriverCalls.read} does.
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
      if (!this.#told.has(kind)) this.#tell(error);
      this.#told.add(kind);
      throw error;
    };
    try {
      const answer = call();
      if (!(answer instanceof Promise)) {
        this.#told.delete(kind);
        return answer;
      }
      return this.#awaited(action, answer).then((value) => {
        this.#told.delete(kind);
        return value;
      }, fail);
    } catch (error) {
      return fail(error);
    }
  }

  #awaited<T>(action: string, answer: Promise<T>): Promise<T> {
    const wasLate = this.#late;
    const heard = () => void (this.#late = false);
    answer.then(heard, heard);
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

  #tell(error: unknown): void {
    const reason = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#options.report?.(`The cache goes on without its driver: ${reason}`);
  }
}
