import type { CacheDriver, CacheKept, ContentId } from "../service/cache/driver.ts";
import type { Eventually } from "../service/util/eventually.ts";
import type { SqliteFile } from "./sqlite_file.ts";

/** Row of the joined tables of objects and uses, for {@linkcode CacheDriver.load}. */
interface Row extends Omit<CacheKept, "purged"> {
  readonly purged: number;
}

/**
 * Makes a driver of the cache over a file that `openSqlite` has opened. While another process holds the lock, operations
 * are tried again by a timer, for up to 5 s.
 */
export function sqliteCacheDriver(file: SqliteFile): CacheDriver {
  const prepare = (sql: string) => file.database.prepare(sql);
  const read = <T>(run: () => T): Eventually<T> => file.eventually("read the cache", run);
  const write = (run: () => unknown): Eventually<void> =>
    file.eventually("write to the cache", () => void run());
  const transact = <T>(run: () => T): Eventually<T> =>
    file.eventually("write to the cache", () => file.transact(run));
  const select = prepare(
    `SELECT id AS content, head, length, purged, hits, used
      FROM cache JOIN cache_use ON content = id WHERE place IS NOT NULL ORDER BY put, id`,
  );
  const selectOne = prepare("SELECT 1 FROM cache WHERE id = ?");
  const selectPiece = prepare("SELECT bytes FROM cache_piece WHERE content = ? AND place = ?");
  const countPieces = prepare("SELECT count(*) AS count FROM cache_piece WHERE content = ?");
  const insert = prepare("INSERT INTO cache DEFAULT VALUES");
  const insertPiece = prepare("INSERT INTO cache_piece (content, place, bytes) VALUES (?, ?, ?)");
  const insertKey = prepare("INSERT INTO cache_key (content, key) VALUES (?, ?)");
  const removeKeys = prepare("DELETE FROM cache_key WHERE content = ?");
  const replaceUse = prepare("REPLACE INTO cache_use (content, hits, used) VALUES (?, ?, ?)");
  const updateUse = prepare("UPDATE cache_use SET hits = ?2, used = ?3 WHERE content = ?1");
  const displace = prepare("UPDATE cache SET place = NULL WHERE place = ?");
  const place = prepare(
    "UPDATE cache SET place = ?, head = ?, length = ?, purged = ?, put = ? WHERE id = ?",
  );
  const hide = prepare("UPDATE cache SET place = NULL WHERE id = ?");
  const remove = prepare("DELETE FROM cache WHERE id = ?");
  const having = "WHERE id IN (SELECT content FROM cache_key WHERE key = ?) AND place IS NOT NULL";
  const purgeHard = prepare(`UPDATE cache SET place = NULL ${having}`);
  const purgeSoft = prepare(`UPDATE cache SET purged = 1 ${having}`);

  let last = 0;
  /** Returns a number that is larger at each call, also after a restart: microseconds since 1970. */
  const tick = (): number => last = Math.max(last + 1, Date.now() * 1000);

  const begin = (): ContentId => Number(insert.run().lastInsertRowid);
  const extend = (content: ContentId, pieces: readonly Uint8Array[]): void => {
    if (!pieces.length) return;
    let { count } = countPieces.get(content) as { count: number };
    for (const piece of pieces) insertPiece.run(content, count++, piece);
  };

  return {
    load: () =>
      read(() =>
        (select.all() as unknown as Row[]).map((row) => ({ ...row, purged: row.purged === 1 }))
      ),
    append: (content, pieces) =>
      transact(() => {
        const id = content ?? begin();
        extend(id, pieces);
        return id;
      }),
    put: (record, content, pieces) =>
      transact(() => {
        if (content !== undefined && !selectOne.get(content)) return undefined;
        const id = content ?? begin();
        const now = tick();
        const { head, length, surrogateKeys, hits, purged } = record;
        displace.run(record.place);
        place.run(record.place, head, length, purged ? 1 : 0, now, id);
        extend(id, pieces);
        if (content !== undefined) removeKeys.run(id);
        for (const key of surrogateKeys) insertKey.run(id, key);
        replaceUse.run(id, hits, now);
        return id;
      }),
    has: (content) => read(() => selectOne.get(content) !== undefined),
    read: (content, piece) =>
      read(() => (selectPiece.get(content, piece) as { bytes: Uint8Array } | undefined)?.bytes),
    hide: (content) => write(() => hide.run(content)),
    free: (contents) =>
      transact(() => {
        for (const content of contents) remove.run(content);
      }),
    purge: (surrogateKey, soft) => write(() => (soft ? purgeSoft : purgeHard).run(surrogateKey)),
    use: (hits) =>
      transact(() => {
        for (const [content, count] of hits) updateUse.run(content, count, tick());
      }),
  };
}
