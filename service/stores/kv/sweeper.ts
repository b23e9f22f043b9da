import { afterTurn, type Clock } from "../../util/clock.ts";
import type { KvDriver } from "./driver.ts";

/** How long the generation of what is gone is remembered, in milliseconds. */
export const REMEMBERED = 60_000;
/** Milliseconds from one sweep to the next. */
const INTERVAL = 60_000;
/** Records that are deleted in one go. */
const BATCH = 500;

/**
 * Has a driver delete what has expired: once a minute, by the service's clock when something is written, and by a timer
 * while nothing is. Requests are handled between two batches. The timer starts with the first record that expires, and
 * keeps no process alive.
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
   * @param now The time in milliseconds since 1970.
   * @param clock What its timer runs by.
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
   * @param expires Whether it is to be deleted some time.
   */
  note(expires: boolean): void {
    if (this.#closed || !(this.#stopTimer || expires)) return;
    if (!this.#stopTimer) this.#wait();
    if (Math.abs(this.#now() - this.#swept) >= INTERVAL) this.#sweep();
  }

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
      // The next sweep tries again: a driver that fails shows in what guests ask of it.
    } finally {
      this.#sweeping = false;
    }
  }
}
