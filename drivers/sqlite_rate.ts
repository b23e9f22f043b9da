import type { RateDriver, RateKind, RateRecord } from "../service/rate/driver.ts";
import type { SqliteFile } from "./sqlite_file.ts";

/** Number of changes between two sweeps of expired and surplus records. */
const SWEEP = 1_000;

const encoder = new TextEncoder();

/**
 * Makes a driver of rate counters or of penalty boxes over a file that `openSqlite` has opened. While another process
 * holds the lock, operations are tried again by a timer, for up to 5 s.
 *
 * @param max Number of records to keep, 100,000 by default. Between two sweeps there may be 1,000 more.
 */
export function sqliteRateDriver(
  file: SqliteFile,
  kind: RateKind,
  max = 100_000,
): RateDriver {
  const { database } = file;
  const what = kind === "counters" ? "a rate counter" : "a penalty box";
  const select = database.prepare("SELECT expires, buckets FROM rate WHERE kind = ? AND key = ?");
  // A replaced row gets a new id, the greatest, so that rows with the least ids were changed longest ago.
  const replace = database.prepare(
    "REPLACE INTO rate (kind, key, expires, buckets) VALUES (?, ?, ?, ?)",
  );
  const removeExpired = database.prepare("DELETE FROM rate WHERE kind = ? AND expires <= ?");
  const removeOldest = database.prepare(
    `DELETE FROM rate WHERE kind = ?1 AND id <=
      (SELECT id FROM rate WHERE kind = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
  );
  let changes = 0;

  const read = (key: Uint8Array): RateRecord | undefined => {
    const row = select.get(kind, key) as { expires: number; buckets: string } | undefined;
    if (!row) return undefined;
    const buckets = (JSON.parse(row.buckets) as [number, number][])
      .map(([second, count]) => ({ second, count }));
    return { buckets, expires: row.expires };
  };

  return {
    get: (key) => file.eventually(`read ${what}`, () => read(encoder.encode(key))),
    update: (key, now, change) => {
      const update = () => {
        const bytes = encoder.encode(key);
        const record = read(bytes) ?? { buckets: [], expires: 0 };
        change(record);
        const buckets = record.buckets.map(({ second, count }) => [second, count]);
        replace.run(kind, bytes, record.expires, JSON.stringify(buckets));
        if (++changes % SWEEP) return;
        removeExpired.run(kind, now);
        removeOldest.run(kind, max);
      };
      return file.eventually(`write ${what}`, () => file.transact(update));
    },
  };
}
