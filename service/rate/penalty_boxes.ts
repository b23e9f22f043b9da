import { refuse } from "../errors.ts";
import type { DriverTime } from "../util/driver_time.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import type { RateDriver } from "./driver.ts";
import { checkedName, keyOf } from "./names.ts";

/** Bounds of a time in a box, in seconds. */
const MIN_TTL = 60;
const MAX_TTL = 3600;
const MINUTE = 60_000;

/**
 * Penalty boxes by name, each with the entries that are in it for a time. A box exists from its first use on
 * (https://www.fastly.com/documentation/guides/concepts/rate-limiting/).
 */
export class PenaltyBoxes {
  readonly #now: () => number;
  readonly #driver: RateDriver;
  readonly #time: DriverTime | undefined;

  /**
   * @param now Returns the time in milliseconds since 1970.
   * @param time Timeout for the driver's calls; by default there is none.
   */
  constructor(now: () => number, driver: RateDriver, time?: DriverTime) {
    this.#now = now;
    this.#driver = driver;
    this.#time = time;
  }

  /**
   * Puts an entry in a box, or replaces its time there.
   *
   * @param ttl Seconds, 60 to 3600, rounded down to minutes.
   * @throws {HostError} `invalid` for a name that is too long or a time out of bounds.
   */
  add(name: string, entry: string, ttl: number): Eventually<void> {
    checkTtl(ttl);
    const key = keyOf(checkedName(name), entry);
    const now = this.#now();
    const expires = expiryOf(now, ttl);
    const { steps } = this.#driver;
    const answer = steps
      ? steps.expire(key, now, expires)
      : this.#driver.update(key, now, (record) => record.expires = expires);
    return this.#time ? this.#time.bound("write a penalty box", answer) : answer;
  }

  /**
   * Whether an entry is in a box.
   *
   * @throws {HostError} `invalid` for a name that is too long.
   */
  has(name: string, entry: string): Eventually<boolean> {
    const answer = this.#driver.get(keyOf(checkedName(name), entry));
    const record = this.#time ? this.#time.bound("read a penalty box", answer) : answer;
    return chain(record, (record) => (record?.expires ?? -Infinity) > this.#now());
  }
}

/** When an entry leaves a box, in milliseconds since 1970. */
export function expiryOf(now: number, ttl: number): number {
  return now + Math.floor(ttl / 60) * MINUTE;
}

/** @throws {HostError} `invalid` for a time in a box that is not of 60 to 3600 seconds. */
export function checkTtl(ttl: number): void {
  if (ttl >= MIN_TTL && ttl <= MAX_TTL) return;
  refuse("invalid", `Cannot penalize for ${ttl} seconds: it takes ${MIN_TTL} to ${MAX_TTL}`);
}
