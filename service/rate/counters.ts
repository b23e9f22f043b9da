import { refuse } from "../errors.ts";
import type { RateDriver, RateRecord } from "./driver.ts";
import { checkedName, keyOf } from "./names.ts";

/** Over how many seconds a rate is an average. */
const WINDOWS: readonly number[] = [1, 10, 60];
/** How many seconds a count may look back. */
const DURATIONS: readonly number[] = [10, 20, 30, 40, 50, 60];
/** How many seconds are kept. */
const KEPT = 60;
/** The most that a guest can be told. */
const MAX_TOLD = 0xffff_ffff;

/**
 * Rate counters by name, each with counts by entry (an address, a user), in buckets of a second. A window of `n` seconds
 * is the second that has begun and the `n - 1` before it. A counter is there from its first use on.
 */
export class RateCounters {
  readonly #now: () => number;
  readonly #driver: RateDriver;

  /** @param now The time in milliseconds since 1970. */
  constructor(now: () => number, driver: RateDriver) {
    this.#now = now;
    this.#driver = driver;
  }

  /** Counts. Refuses `invalid` for a name that is too long. */
  increment(name: string, entry: string, delta: number): void {
    const key = keyOf(checkedName(name), entry);
    const now = this.#now();
    this.#driver.update(key, now, (record) => add(record, Math.floor(now / 1000), delta));
  }

  /** Average per second over a window of 1, 10 or 60 seconds, rounded down; refuses `invalid` for another. */
  rate(name: string, entry: string, window: number): number {
    checkWindow(window);
    return Math.min(Math.floor(this.#sum(name, entry, window) / window), MAX_TOLD);
  }

  /** Count of the last 10, 20, 30, 40, 50 or 60 seconds; refuses `invalid` for others. */
  count(name: string, entry: string, seconds: number): number {
    if (!DURATIONS.includes(seconds)) {
      refuse("invalid", `Cannot count over ${seconds} seconds: choose among ${DURATIONS}`);
    }
    return Math.min(this.#sum(name, entry, seconds), MAX_TOLD);
  }

  /** Whether the average over the window is above `limit` per second; refuses as {@linkcode RateCounters.rate} does. */
  exceeds(name: string, entry: string, window: number, limit: number): boolean {
    checkWindow(window);
    return this.#sum(name, entry, window) > limit * window;
  }

  #sum(name: string, entry: string, seconds: number): number {
    const start = Math.floor(this.#now() / 1000) - seconds;
    const record = this.#driver.get(keyOf(checkedName(name), entry));
    let sum = 0;
    for (const { second, count } of record?.buckets ?? []) if (second > start) sum += count;
    return sum;
  }
}

function add(record: RateRecord, second: number, delta: number): void {
  const { buckets } = record;
  // A clock that has gone back counts where it was, but if that is far ahead, no more would be forgotten until then.
  if (buckets.length && buckets.at(-1)!.second >= second + KEPT) buckets.length = 0;
  const newest = buckets.at(-1);
  if (newest && newest.second >= second) newest.count += delta;
  else buckets.push({ second, count: delta });
  while (buckets[0]!.second <= second - KEPT) buckets.shift();
  record.expires = (buckets.at(-1)!.second + KEPT) * 1000;
}

/** Refuses `invalid` for what is no window of a rate. */
export function checkWindow(window: number): void {
  if (!WINDOWS.includes(window)) {
    refuse("invalid", `Cannot average over ${window} seconds: choose among ${WINDOWS}`);
  }
}
