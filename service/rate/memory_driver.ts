import { RecencyMap } from "../util/recency_map.ts";
import type { RateDriver, RateRecord } from "./driver.ts";

const MINUTE = 60_000;
const MIB = 2 ** 20;
/** Estimated size of a record without its key and its buckets, in bytes. */
const OVERHEAD = 200;
/** Estimated size of a bucket, in bytes. */
const BUCKET = 40;

/** Record with its estimated size at the last change. */
interface SizedRecord {
  readonly record: RateRecord;
  bytes: number;
}

/** Rate driver in memory, which answers synchronously. */
export interface MemoryRateDriver extends RateDriver {
  /** {@linkcode RateDriver.get}, synchronous. */
  get(key: string): RateRecord | undefined;
  /** {@linkcode RateDriver.update}, synchronous. */
  update(key: string, now: number, change: (record: RateRecord) => void): void;
  /** Number of records. */
  readonly size: number;
  /** Estimated size of all records, in bytes. */
  readonly bytes: number;
}

/**
 * Makes a driver that holds records in memory, for as long as it is referenced. Beyond its limits the least recently used
 * records are removed: a flood of new entries removes those that make no more requests first, while an active entry stays
 * counted, and stays in its box.
 *
 * @param max Maximum number of records; by default 100,000.
 * @param maxBytes Maximum estimated size of all records, in bytes; by default 64 MiB.
 */
export function memoryRateDriver(max = 100_000, maxBytes = 64 * MIB): MemoryRateDriver {
  const records = new RecencyMap<string, SizedRecord>();
  let swept = -Infinity;
  let bytes = 0;

  const remove = (key: string): void => {
    bytes -= records.get(key)!.bytes;
    records.delete(key);
  };
  const forget = (now: number): void => {
    // Records are ordered by use, not by expiry, so that a sweep reads all of them; at most once a minute.
    if (Math.abs(now - swept) >= MINUTE) {
      swept = now;
      for (const key of records.keys()) if (records.get(key)!.record.expires <= now) remove(key);
    }
    while (records.size > max || bytes > maxBytes) remove(records.oldest!);
  };

  return {
    get size() {
      return records.size;
    },
    get bytes() {
      return bytes;
    },
    get: (key) => records.use(key)?.record,
    update(key, now, change) {
      const sized = records.get(key) ?? { record: { buckets: [], expires: 0 }, bytes: 0 };
      change(sized.record);
      const size = OVERHEAD + 2 * key.length + BUCKET * sized.record.buckets.length;
      bytes += size - sized.bytes;
      sized.bytes = size;
      records.set(key, sized);
      forget(now);
    },
  };
}
