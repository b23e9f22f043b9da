import { RecencyMap } from "../recency_map.ts";
import type { RateDriver, RateRecord } from "./driver.ts";

const MINUTE = 60_000;

/**
 * Holds the records in this process, for as long as somebody holds the driver.
 *
 * @param most How many records are held: beyond them those go that were changed longest ago.
 */
export function memoryRateDriver(most = 100_000): RateDriver & { readonly size: number } {
  const records = new RecencyMap<string, RateRecord>();
  let swept = -Infinity;

  const forget = (now: number): void => {
    // Not in the order of their ends: all are looked at, but once a minute.
    if (Math.abs(now - swept) >= MINUTE) {
      swept = now;
      for (const key of records.keys()) if (records.get(key)!.expires <= now) records.delete(key);
    }
    while (records.size > most) records.delete(records.oldest!);
  };

  return {
    get size() {
      return records.size;
    },
    get: (key) => records.get(key),
    update(key, now, change) {
      const record = records.get(key) ?? { buckets: [], expires: 0 };
      change(record);
      records.set(key, record);
      forget(now);
    },
  };
}
