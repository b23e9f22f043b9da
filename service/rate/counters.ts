import { refuse } from "../errors.ts";
import type { DriverTime } from "../util/driver_time.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import type { RateDriver, RateIncrement, RateRecord } from "./driver.ts";
import { checkedName, keyOf } from "./names.ts";

/** Windows of a rate, in seconds. */
const WINDOWS: readonly number[] = [1, 10, 60];
/** Durations of a count, in seconds. */
const DURATIONS: readonly number[] = [10, 20, 30, 40, 50, 60];
/** Time for which counts are kept, in seconds. */
const KEPT = 60;
/** Largest result of a hostcall, which has 32 bits. */
const MAX_RESULT = 0xffff_ffff;

/**
 * Rate counters by name, each with counts by entry (an address, a user), in buckets of a second. A window of `n` seconds
 * is the current second and the `n - 1` before it. A counter exists from its first use on
 * (https://www.fastly.com/documentation/guides/concepts/rate-limiting/).
 */
export class RateCounters {
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
   * Adds to a count.
   *
   * @throws {HostError} `invalid` for a name that is too long.
   */
  increment(name: string, entry: string, delta: number): Eventually<void> {
    const added = this.#add(name, entry, { delta, window: 1 });
    return chain(added, () => {});
  }

  /**
   * Adds to a count and compares the rate, in one step of the driver.
   *
   * @param limit Per second, on average over the window.
   * @returns Whether the rate is above the limit now.
   * @throws {HostError} `invalid` for a window other than 1, 10 or 60 seconds, or a name that is too long.
   */
  incrementAndCompare(
    name: string,
    entry: string,
    delta: number,
    window: number,
    limit: number,
  ): Eventually<boolean> {
    checkWindow(window);
    return chain(this.#add(name, entry, { delta, window }), (sum) => sum > limit * window);
  }

  /**
   * Returns the average per second over a window, rounded down.
   *
   * @throws {HostError} `invalid` for a window other than 1, 10 or 60 seconds, or a name that is too long.
   */
  rate(name: string, entry: string, window: number): Eventually<number> {
    checkWindow(window);
    return chain(
      this.#sum(name, entry, window),
      (sum) => Math.min(Math.floor(sum / window), MAX_RESULT),
    );
  }

  /**
   * Returns the count over the last seconds.
   *
   * @throws {HostError} `invalid` for seconds other than 10, 20, 30, 40, 50 or 60, or a name that is too long.
   */
  count(name: string, entry: string, seconds: number): Eventually<number> {
    if (!DURATIONS.includes(seconds)) {
      refuse("invalid", `Cannot count over ${seconds} seconds: choose among ${DURATIONS}`);
    }
    return chain(this.#sum(name, entry, seconds), (sum) => Math.min(sum, MAX_RESULT));
  }

  #add(name: string, entry: string, increment: RateIncrement): Eventually<number> {
    const key = keyOf(checkedName(name), entry);
    const now = this.#now();
    const { steps } = this.#driver;
    const answer = steps ? steps.add(key, now, increment) : this.#update(key, now, increment);
    return this.#time ? this.#time.bound("write a rate counter", answer) : answer;
  }

  #update(key: string, now: number, { delta, window }: RateIncrement): Eventually<number> {
    let sum = 0;
    const change = (record: RateRecord) => {
      addTo(record, Math.floor(now / 1000), delta);
      sum = sumOf(record, now, window);
    };
    return chain(this.#driver.update(key, now, change), () => sum);
  }

  #sum(name: string, entry: string, seconds: number): Eventually<number> {
    const now = this.#now();
    const answer = this.#driver.get(keyOf(checkedName(name), entry));
    const record = this.#time ? this.#time.bound("read a rate counter", answer) : answer;
    return chain(record, (record) => sumOf(record, now, seconds));
  }
}

/** Sum of a record's counts over the last seconds. */
export function sumOf(record: RateRecord | undefined, now: number, seconds: number): number {
  const start = Math.floor(now / 1000) - seconds;
  let sum = 0;
  for (const { second, count } of record?.buckets ?? []) if (second > start) sum += count;
  return sum;
}

/** Adds to the count of a second, and removes old buckets. */
export function addTo(record: RateRecord, second: number, delta: number): void {
  const { buckets } = record;
  // If the clock was set back, counts go into the newest bucket. One that is far ahead would never be removed.
  if (buckets.length && buckets.at(-1)!.second >= second + KEPT) buckets.length = 0;
  const newest = buckets.at(-1);
  if (newest && newest.second >= second) newest.count += delta;
  else buckets.push({ second, count: delta });
  while (buckets[0]!.second <= second - KEPT) buckets.shift();
  record.expires = (buckets.at(-1)!.second + KEPT) * 1000;
}

/** @throws {HostError} `invalid` for a window other than 1, 10 or 60 seconds. */
export function checkWindow(window: number): void {
  if (!WINDOWS.includes(window)) {
    refuse("invalid", `Cannot average over ${window} seconds: choose among ${WINDOWS}`);
  }
}
