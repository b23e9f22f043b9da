import { RecencyMap } from "../util/recency_map.ts";
import type { RateDriver, RateRecord } from "./driver.ts";

const MINUTE = 60_000;
const MIB = 2 ** 20;
/** What a record takes besides its key and its buckets, in bytes: about. */
const OVERHEAD = 200;
/** What a bucket takes, in bytes: about. */
const BUCKET = 40;

/** A record, and what it was counted for when it was last changed. */
interface Held {
  readonly record: RateRecord;
  bytes: number;
}

/** A driver that tells how much it holds. */
export interface MemoryRateDriver extends RateDriver {
  /** How many records are held. */
  readonly size: number;
  /** What they take, in bytes: about. */
  readonly bytes: number;
}

/**
 * Holds the records in this process, for as long as somebody holds the driver. Beyond its bounds those are forgotten
 * that were read or changed longest ago: of an attacker who sends from ever new addresses, the records that nobody asks
 * for go first, and an entry that goes on making requests stays counted and stays in its box.
 *
 * @param most How many records are held.
 * @param mostBytes What they may take, in bytes.
 */
export function memoryRateDriver(most = 100_000, mostBytes = 64 * MIB): MemoryRateDriver {
  const records = new RecencyMap<string, Held>();
  let swept = -Infinity;
  let bytes = 0;

  const remove = (key: string): void => {
    bytes -= records.get(key)!.bytes;
    records.delete(key);
  };
  const forget = (now: number): void => {
    // Not in the order of their ends: all are looked at, but once a minute.
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
      const held = records.get(key) ?? { record: { buckets: [], expires: 0 }, bytes: 0 };
      change(held.record);
      const size = OVERHEAD + 2 * key.length + BUCKET * held.record.buckets.length;
      bytes += size - held.bytes;
      held.bytes = size;
      records.set(key, held);
      forget(now);
    },
  };
}
