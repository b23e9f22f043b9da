import { refuse } from "../errors.ts";
import { checkedName, keyOf } from "./names.ts";

/** Bounds of a time in a box, in seconds. */
const LEAST_TTL = 60;
const MOST_TTL = 3600;
const MINUTE = 60_000;

/**
 * Penalty boxes by name, each with the entries that are in it for a time. A box is there from its first use on.
 *
 * At most `most` entries are kept: those whose time is up go first, then those that were put in longest ago.
 */
export class PenaltyBoxes {
  readonly #now: () => number;
  readonly #most: number;
  /** When each entry comes out, in milliseconds since 1970; the one put in last is last. */
  readonly #entries = new Map<string, number>();
  #swept = -Infinity;

  /** @param now The time in milliseconds since 1970. */
  constructor(now: () => number, most = 100_000) {
    this.#now = now;
    this.#most = most;
  }

  /** How many entries are kept, over all boxes. */
  get size(): number {
    return this.#entries.size;
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
    this.#entries.delete(key);
    this.#entries.set(key, now + Math.floor(ttl / 60) * MINUTE);
    this.#forget(now);
  }

  /** Whether an entry is in a box. Refuses `invalid` for a name that is too long. */
  has(name: string, entry: string): boolean {
    const key = keyOf(checkedName(name), entry);
    return (this.#entries.get(key) ?? -Infinity) > this.#now();
  }

  #forget(now: number): void {
    // Not in the order of their ends: all are looked at, but once a minute.
    if (Math.abs(now - this.#swept) >= MINUTE) {
      this.#swept = now;
      for (const [key, end] of this.#entries) if (end <= now) this.#entries.delete(key);
    }
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#most) return;
      this.#entries.delete(key);
    }
  }
}

/** Refuses `invalid` for a time in a box that is not of 60 to 3600 seconds. */
export function checkTtl(ttl: number): void {
  if (ttl >= LEAST_TTL && ttl <= MOST_TTL) return;
  refuse("invalid", `Cannot penalize for ${ttl} seconds: it takes ${LEAST_TTL} to ${MOST_TTL}`);
}
