import { RecencyMap } from "../util/recency_map.ts";
import type { RateDriver, RateRecord } from "./driver.ts";

const MINUTE = 60_000;
const MIB = 2 ** 20;
/** Bytes of a record besides its key and its buckets: an estimate. */
const OVERHEAD = 200;
/** Bytes of a bucket: an estimate. */
const BUCKET = 40;

/** A record, and the bytes that were counted for it when it was last changed. */
interface SizedRecord {
  readonly record: RateRecord;
  bytes: number;
}

/** A rate driver in memory: it answers at once and tells its size. */
export interface MemoryRateDriver extends RateDriver {
  /** {@linkcode RateDriver.get}, with the record at once. */
  get(key: string): RateRecord | undefined;
  /** {@linkcode RateDriver.update}, done at once. */
  update(key: string, now: number, change: (record: RateRecord) => void): void;
  /** Number of records. */
  readonly size: number;
  /** Bytes of all records: an estimate. */
  readonly bytes: number;
}

/**
 * Makes a driver that holds the records in this process, for as long as the driver is referenced. Beyond its bounds the
 * least recently read or changed records are forgotten: of an attacker who sends from ever new addresses, the records
 * that are not asked for go first, while an entry that goes on making requests stays counted and stays in its box.
 *
 * @param most Records, 100,000 by default.
 * @param mostBytes Bytes of all records, 64 MiB by default.
 */
export function memoryRateDriver(most = 100_000, mostBytes = 64 * MIB): MemoryRateDriver {
  const records = new RecencyMap<string, SizedRecord>();
  let swept = -Infinity;
  let bytes = 0;

  const remove = (key: string): void => {
    bytes -= records.get(key)!.bytes;
    records.delete(key);
  };
  const forget = (now: number): void => {
    // Records are in order of use, not of expiry: a sweep looks at all of them, at most once a minute.
    if (Math.abs(now - swept) >= MINUTE) {
      swept = now;
      for (const key of records.keys()) if (records.get(key)!.record.expires <= now) remove(key);
    }
    while (records.size > most || bytes > mostBytes) remove(records.oldest!);
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
