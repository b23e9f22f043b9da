import { afterTurn, type Clock } from "../../util/clock.ts";
import type { KvDriver } from "./driver.ts";

/** Time for which the generation of a deleted or expired record is remembered, in milliseconds. */
export const REMEMBERED = 60_000;
/** Time between two sweeps, in milliseconds. */
const INTERVAL = 60_000;
/** Maximum number of records that one call of the driver deletes. */
const BATCH = 500;

/**
 * Deletes expired records of a driver once a minute: at a write if the service's clock says so, and by a timer between
 * writes. Other work runs between two batches. The timer starts with the first record that expires, and does not keep
 * the process alive.
 */
export class KvSweeper {
  readonly #driver: Required<Pick<KvDriver, "sweep">>;
  readonly #now: () => number;
  readonly #clock: Pick<Clock, "after">;
  #swept: number;
  #sweeping = false;
  #stopTimer: (() => void) | undefined;
  #closed = false;

  /**
   * @param now Returns the time in milliseconds since 1970.
   * @param clock Clock of the timer.
   */
  constructor(
    driver: Required<Pick<KvDriver, "sweep">>,
    now: () => number,
    clock: Pick<Clock, "after">,
  ) {
    this.#clock = clock;
    this.#driver = driver;
    this.#now = now;
    this.#swept = now();
  }

  /**
   * Notes that a record was written or deleted.
   *
   * @param expires Whether the driver has to delete it later.
   */
  note(expires: boolean): void {
    if (this.#closed || !(this.#stopTimer || expires)) return;
    if (!this.#stopTimer) this.#wait();
    if (Math.abs(this.#now() - this.#swept) >= INTERVAL) this.#sweep();
  }

  /** Ends the timer. */
  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
  }

  #wait(): void {
    const expire = () => {
      this.#wait();
      this.#sweep();
    };
    this.#stopTimer = this.#clock.after(INTERVAL, expire, { background: true });
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#swept = this.#now();
    const until = this.#swept - REMEMBERED;
    try {
      while (!this.#closed && await this.#driver.sweep(until, BATCH) >= BATCH) {
        await new Promise<void>(afterTurn);
      }
    } catch {
      // The next sweep tries again. Calls of guests report a driver that fails.
    } finally {
      this.#sweeping = false;
    }
  }
}
