import { refuse } from "../errors.ts";
import { checkedName, keyOf } from "./names.ts";

/** Over how many seconds a rate is an average. */
const WINDOWS: readonly number[] = [1, 10, 60];
/** How many seconds a count may look back. */
const DURATIONS: readonly number[] = [10, 20, 30, 40, 50, 60];
/** How many seconds are kept. */
const KEPT = 60;
/** The most that a guest can be told. */
const MOST_TOLD = 0xffff_ffff;

/** What was counted in one second since 1970. */
interface Bucket {
  readonly second: number;
  count: number;
}

/**
 * Rate counters by name, each with counts by entry (an address, a user), in buckets of a second. A window of `n` seconds
 * is the second that has begun and the `n - 1` before it. A counter is there from its first use on.
 *
 * At most `most` entries are kept: what has not been counted in for a minute goes first, then what was counted longest
 * ago, so a flood of new entries makes the host forget the quiet ones and not run out of memory.
 */
export class RateCounters {
  readonly #now: () => number;
  readonly #most: number;
  /** Each with the oldest bucket first; the entry counted last is last. */
  readonly #entries = new Map<string, Bucket[]>();

  /** @param now The time in milliseconds since 1970. */
  constructor(now: () => number, most = 100_000) {
    this.#now = now;
    this.#most = most;
  }

  /** How many entries are kept, over all counters. */
  get size(): number {
    return this.#entries.size;
  }

  /** Counts. Refuses `invalid` for a name that is too long. */
  increment(name: string, entry: string, delta: number): void {
    const key = keyOf(checkedName(name), entry);
    const second = this.#second();
    const buckets = this.#entries.get(key) ?? [];
    // A clock that has gone back counts where it was, but if that is far ahead, no more would be forgotten until then.
    if (buckets.length && buckets.at(-1)!.second >= second + KEPT) buckets.length = 0;
    const newest = buckets.at(-1);
    if (newest && newest.second >= second) newest.count += delta;
    else buckets.push({ second, count: delta });
    while (buckets[0]!.second <= second - KEPT) buckets.shift();
    this.#entries.delete(key);
    this.#entries.set(key, buckets);
    this.#forget(second);
  }

  /** Average per second over a window of 1, 10 or 60 seconds, rounded down; refuses `invalid` for another. */
  rate(name: string, entry: string, window: number): number {
    checkWindow(window);
    return Math.min(Math.floor(this.#sum(name, entry, window) / window), MOST_TOLD);
  }

  /** Count of the last 10, 20, 30, 40, 50 or 60 seconds; refuses `invalid` for others. */
  count(name: string, entry: string, seconds: number): number {
    if (!DURATIONS.includes(seconds)) {
      refuse("invalid", `Cannot count over ${seconds} seconds: choose among ${DURATIONS}`);
    }
    return Math.min(this.#sum(name, entry, seconds), MOST_TOLD);
  }

  /** Whether the average over the window is above `limit` per second; refuses as {@linkcode RateCounters.rate} does. */
  exceeds(name: string, entry: string, window: number, limit: number): boolean {
    checkWindow(window);
    return this.#sum(name, entry, window) > limit * window;
  }

  #sum(name: string, entry: string, seconds: number): number {
    const start = this.#second() - seconds;
    let sum = 0;
    for (const { second, count } of this.#entries.get(keyOf(checkedName(name), entry)) ?? []) {
      if (second > start) sum += count;
    }
    return sum;
  }

  #second(): number {
    return Math.floor(this.#now() / 1000);
  }

  /** The first entries are those that were counted in longest ago. */
  #forget(second: number): void {
    for (const [key, buckets] of this.#entries) {
      if (this.#entries.size <= this.#most && buckets.at(-1)!.second > second - KEPT) return;
      this.#entries.delete(key);
    }
  }
}

/** Refuses `invalid` for what is no window of a rate. */
export function checkWindow(window: number): void {
  if (!WINDOWS.includes(window)) {
    refuse("invalid", `Cannot average over ${window} seconds: choose among ${WINDOWS}`);
  }
}
