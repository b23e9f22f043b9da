import { addTo, sumOf } from "../../service/rate/counters.ts";
import type { RateIncrement, RateRecord } from "../../service/rate/driver.ts";
import { memoryRateDriver } from "../../service/rate/memory_driver.ts";
import type { OnStoreFailure } from "./on_failure.ts";

/** Entries whose counts, or times in boxes, wait for the store. */
const MOST = 100_000;
/** Seconds of which counts matter. */
const KEPT = 60;
/** More than any sum that a limit allows. */
const TOO_MUCH = 2 ** 52;

/**
 * What one host knows of rates by itself: all that it has counted, and of that what the store may not have got. The latter
 * is sent along with the next count of the entry, or when the store returns.
 */
export class AloneRates {
  /** Whether everything is refused while the store fails. */
  readonly refuses: boolean;
  readonly #counts = memoryRateDriver();
  readonly #boxes = memoryRateDriver();
  readonly #waitingCounts = new Map<string, Map<number, number>>();
  readonly #waitingBoxes = new Map<string, number>();

  constructor(onFailure: OnStoreFailure) {
    this.refuses = onFailure === "refuse";
  }

  /** Notes a count of this host's, and gives the sum over the window of all of them. */
  count(key: string, now: number, { delta, window }: RateIncrement): number {
    let sum = 0;
    this.#counts.update(key, now, (record) => {
      addTo(record, Math.floor(now / 1000), delta);
      sum = sumOf(record, now, window);
    });
    return sum;
  }

  /** Notes a count that the store may not have got. */
  keepCount(key: string, now: number, delta: number): void {
    const counts = this.#waitingCounts.get(key) ?? new Map<number, number>();
    const second = Math.floor(now / 1000);
    for (const old of counts.keys()) if (old <= second - KEPT) counts.delete(old);
    counts.set(second, (counts.get(second) ?? 0) + delta);
    this.#keep(this.#waitingCounts, key, counts);
  }

  /** Counts by second that wait; they wait no more unless they are restored. */
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

  /** Entries of which counts wait. */
  countedKeys(): string[] {
    return [...this.#waitingCounts.keys()];
  }

  /** The sum that stands for the store's while it fails. */
  sumOr(counted: number): number {
    return this.refuses ? TOO_MUCH : counted;
  }

  /** The counts that stand for the store's while it fails. */
  getCounts(key: string, now: number): RateRecord | undefined {
    if (!this.refuses) return this.#counts.get(key);
    const second = Math.floor(now / 1000) + KEPT;
    return { buckets: [{ second, count: TOO_MUCH }], expires: Infinity };
  }

  /** The store's counts with those that wait. */
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
   * @param waits Whether the store may not have got that.
   */
  box(key: string, now: number, expires: number, waits: boolean): void {
    this.#boxes.update(key, now, (record) => record.expires = expires);
    if (waits) this.#keep(this.#waitingBoxes, key, expires);
  }

  /** The record of an entry that waits to be put into its box. */
  boxed(key: string, now = -Infinity): RateRecord | undefined {
    const expires = this.#waitingBoxes.get(key);
    return expires !== undefined && expires > now ? { buckets: [], expires } : undefined;
  }

  /** Whether an entry is in a box, as far as this host knows. */
  isInBox(key: string, now: number): boolean {
    return (this.#boxes.get(key)?.expires ?? -Infinity) > now;
  }

  /** The record that stands for the store's while it fails. */
  getBox(key: string): RateRecord | undefined {
    return this.refuses ? { buckets: [], expires: Infinity } : this.#boxes.get(key);
  }

  /** Entries that wait to be put into their boxes; they wait no more. */
  takeBoxes(now: number): [key: string, expires: number][] {
    const waiting = [...this.#waitingBoxes].filter(([, expires]) => expires > now);
    this.#waitingBoxes.clear();
    return waiting;
  }

  #keep<V>(map: Map<string, V>, key: string, value: V): void {
    map.set(key, value);
    if (map.size > MOST) map.delete(map.keys().next().value!);
  }
}

const NOTHING = { counts: [], restore: () => {} };
