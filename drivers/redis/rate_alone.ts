import { addTo, sumOf } from "../../service/rate/counters.ts";
import type { RateIncrement, RateRecord } from "../../service/rate/driver.ts";
import { memoryRateDriver } from "../../service/rate/memory_driver.ts";
import type { OnStoreFailure } from "./on_failure.ts";

/** Maximum number of entries with delayed counts, and with delayed times in boxes. */
const MAX_ENTRIES = 100_000;
/** Seconds for which counts are kept: the longest window. */
const KEPT = 60;
/** Count above any limit. */
const TOO_MUCH = 2 ** 52;

/**
 * Rates of one host: all its own counts, for answers while the store fails, and delayed ones, which the store may not have
 * received. These are sent with the next count of the entry, or when the store is back.
 */
export class AloneRates {
  /** Whether every check finds the limit exceeded while the store fails. */
  readonly refuses: boolean;
  readonly #counts = memoryRateDriver();
  readonly #boxes = memoryRateDriver();
  readonly #waitingCounts = new Map<string, Map<number, number>>();
  readonly #waitingBoxes = new Map<string, number>();

  constructor(onFailure: OnStoreFailure) {
    this.refuses = onFailure === "refuse";
  }

  /** Adds to the host's own count; returns its sum over the window. */
  count(key: string, now: number, { delta, window }: RateIncrement): number {
    let sum = 0;
    this.#counts.update(key, now, (record) => {
      addTo(record, Math.floor(now / 1000), delta);
      sum = sumOf(record, now, window);
    });
    return sum;
  }

  /** Adds a delayed count. */
  keepCount(key: string, now: number, delta: number): void {
    const counts = this.#waitingCounts.get(key) ?? new Map<number, number>();
    const second = Math.floor(now / 1000);
    for (const old of counts.keys()) if (old <= second - KEPT) counts.delete(old);
    counts.set(second, (counts.get(second) ?? 0) + delta);
    this.#keep(this.#waitingCounts, key, counts);
  }

  /** Removes and returns the delayed counts of an entry, by second. `restore` puts them back. */
  takeCounts(key: string): {
    readonly counts: readonly (readonly [second: number, count: number])[];
    restore(): void;
  } {
    const counts = this.#waitingCounts.get(key);
    if (!counts) return NOTHING;
    this.#waitingCounts.delete(key);
    return {
      counts: [...counts],
      restore: () => {
        const newer = this.#waitingCounts.get(key);
        for (const [second, count] of newer ?? []) {
          counts.set(second, (counts.get(second) ?? 0) + count);
        }
        this.#keep(this.#waitingCounts, key, counts);
      },
    };
  }

  /** Returns the entries with delayed counts. */
  countedKeys(): string[] {
    return [...this.#waitingCounts.keys()];
  }

  /** Returns the sum to answer with while the store fails. */
  sumOr(counted: number): number {
    return this.refuses ? TOO_MUCH : counted;
  }

  /** Returns the counts to answer with while the store fails. */
  getCounts(key: string, now: number): RateRecord | undefined {
    if (!this.refuses) return this.#counts.get(key);
    const second = Math.floor(now / 1000) + KEPT;
    return { buckets: [{ second, count: TOO_MUCH }], expires: Infinity };
  }

  /** Returns the store's counts with the delayed ones added. */
  withCounts(key: string, record: RateRecord | undefined): RateRecord | undefined {
    const counts = this.#waitingCounts.get(key);
    if (!counts) return record;
    const waiting = [...counts].map(([second, count]) => ({ second, count }));
    const buckets = [...record?.buckets ?? [], ...waiting];
    return { buckets, expires: record?.expires ?? Infinity };
  }

  /**
   * Notes that an entry is in a box.
   *
   * @param waits Whether the store may not have received that.
   */
  box(key: string, now: number, expires: number, waits: boolean): void {
    this.#boxes.update(key, now, (record) => record.expires = expires);
    if (waits) this.#keep(this.#waitingBoxes, key, expires);
  }

  /** Returns the delayed record of an entry that the store may not have in its box. */
  boxed(key: string, now = -Infinity): RateRecord | undefined {
    const expires = this.#waitingBoxes.get(key);
    return expires !== undefined && expires > now ? { buckets: [], expires } : undefined;
  }

  /** Whether an entry is in a box, as far as this host knows. */
  isInBox(key: string, now: number): boolean {
    return (this.#boxes.get(key)?.expires ?? -Infinity) > now;
  }

  /** Returns the record to answer with while the store fails. */
  getBox(key: string): RateRecord | undefined {
    return this.refuses ? { buckets: [], expires: Infinity } : this.#boxes.get(key);
  }

  /** Removes and returns the entries of boxes that the store may not have received. */
  takeBoxes(now: number): [key: string, expires: number][] {
    const waiting = [...this.#waitingBoxes].filter(([, expires]) => expires > now);
    this.#waitingBoxes.clear();
    return waiting;
  }

  #keep<V>(map: Map<string, V>, key: string, value: V): void {
    map.set(key, value);
    if (map.size > MAX_ENTRIES) map.delete(map.keys().next().value!);
  }
}

const NOTHING = { counts: [], restore: () => {} };
