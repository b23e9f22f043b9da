import { refuse } from "../errors.ts";
import type { RateDriver } from "./driver.ts";
import { checkedName, keyOf } from "./names.ts";

/** Bounds of a time in a box, in seconds. */
const MIN_TTL = 60;
const MAX_TTL = 3600;
const MINUTE = 60_000;

/** Penalty boxes by name, each with the entries that are in it for a time. A box is there from its first use on. */
export class PenaltyBoxes {
  readonly #now: () => number;
  readonly #driver: RateDriver;

  /** @param now The time in milliseconds since 1970. */
  constructor(now: () => number, driver: RateDriver) {
    this.#now = now;
    this.#driver = driver;
  }

  /**
   * Puts an entry in a box, or gives it a new time there. Refuses `invalid` for a name that is too long, and for a time
   * that {@linkcode checkTtl} refuses.
   *
   * @param ttl Seconds, rounded down to minutes.
   */
  add(name: string, entry: string, ttl: number): void {
    checkTtl(ttl);
    const key = keyOf(checkedName(name), entry);
    const now = this.#now();
    this.#driver.update(key, now, (record) => record.expires = now + Math.floor(ttl / 60) * MINUTE);
  }

  /** Whether an entry is in a box. Refuses `invalid` for a name that is too long. */
  has(name: string, entry: string): boolean {
    const key = keyOf(checkedName(name), entry);
    return (this.#driver.get(key)?.expires ?? -Infinity) > this.#now();
  }
}

/** Refuses `invalid` for a time in a box that is not of 60 to 3600 seconds. */
export function checkTtl(ttl: number): void {
  if (ttl >= MIN_TTL && ttl <= MAX_TTL) return;
  refuse("invalid", `Cannot penalize for ${ttl} seconds: it takes ${MIN_TTL} to ${MAX_TTL}`);
}
