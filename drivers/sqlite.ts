/**
 * Drivers that keep KV stores, the cache and rate counters in a SQLite file, which outlives the process. SQLite is built
 * into Deno; the file needs `--allow-read` and `--allow-write`.
 *
 * ```ts
 * using storage = await openSqlite("fastlike.sqlite");
 * const { kvDriver, cacheDriver, rateDriver } = storage;
 * const app = await Fastlike.load(wasm, { kvStores: { users: {} }, kvDriver, cacheDriver, rateDriver });
 * ```
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import type { CacheDriver } from "../service/cache/driver.ts";
import type { KvDriver } from "../service/stores/kv/driver.ts";
import type { RateDriver, RateKind } from "../service/rate/driver.ts";
import { sqliteCacheDriver } from "./sqlite_cache.ts";
import { sqliteKvDriver } from "./sqlite_kv.ts";
import { KvReads } from "./sqlite_kv_reads.ts";
import { countRoom, FileRoom } from "./sqlite_room.ts";
import { sqliteRateDriver } from "./sqlite_rate.ts";
import { SqliteFile } from "./sqlite_file.ts";
import { checkTables, makeTables } from "./sqlite_tables.ts";
import { messageOf } from "../service/errors.ts";

/** Open SQLite file. Disposing of it closes the file. */
export interface SqliteStorage extends Disposable {
  /** Returns the driver of a KV store by its name, for `ServiceOptions.kvDriver`. */
  readonly kvDriver: (store: string) => KvDriver;
  /** Driver for `ServiceOptions.cacheDriver`. */
  readonly cacheDriver: CacheDriver;
  /** Returns the driver of rate counters or penalty boxes, for `ServiceOptions.rateDriver`. */
  readonly rateDriver: (kind: RateKind) => RateDriver;
}

/** Settings of {@linkcode openSqlite}. */
export interface SqliteOptions {
  /**
   * Maximum number of bytes of keys, metadata and values in all KV stores of the file. An insert beyond it fails with
   * `payload too large`; expired entries are deleted before. Read at each insert. By default there is none.
   */
  readonly kvBytes?: number;
}

/** Longest time that opening waits for the lock of another process, in milliseconds. */
const PATIENCE = 5_000;
const PAUSE = 10;
/** Age in milliseconds at which expired records are deleted. It is long, since the clock of a service may be behind. */
const LONG_PAST = 24 * 60 * 60 * 1000;

/** Rows that can be deleted when no other process has the file open. */
const LEFTOVERS = ["kv WHERE key >= x'ff'", "cache WHERE place IS NULL"];

/**
 * Opens a SQLite file, which is created if it does not exist. Several processes may have the file open: they share KV
 * stores, rate counters and penalty boxes. Each has a cache of its own, which starts with the objects in the file.
 *
 * Completed writes survive the end of the process, but not always a loss of power, since the driver does not wait for the
 * disk (`synchronous = NORMAL`). The file stays consistent in any case. Opening deletes records that expired more than a
 * day ago, and rows that killed processes have left.
 *
 * @param path Path of the file.
 * @param options Bound on the bytes of its KV stores.
 * @returns The drivers; dispose of them to close the file.
 * @throws {Error} If the file cannot be opened, is locked for more than 5 s, or is of another program; in one line.
 */
export async function openSqlite(
  path: string,
  options: SqliteOptions = {},
): Promise<SqliteStorage> {
  const file = await connect(path);
  const reads = new KvReads(file);
  const room = options.kvBytes === undefined ? undefined : await roomOf(file, reads, options);
  return {
    kvDriver: (store) => sqliteKvDriver(file, store, reads, room),
    cacheDriver: sqliteCacheDriver(file),
    rateDriver: (kind) => sqliteRateDriver(file, kind),
    [Symbol.dispose]: () => file.close(),
  };
}

async function roomOf(
  file: SqliteFile,
  reads: KvReads,
  options: SqliteOptions,
): Promise<FileRoom> {
  const { database } = file;
  try {
    await file.eventually("count its KV stores", () => file.transact(() => countRoom(database)));
    const setAside = (id: bigint) => reads.setAside(id);
    return new FileRoom(database, setAside, () => options.kvBytes ?? Infinity);
  } catch (error) {
    file.close();
    throw error;
  }
}

async function connect(path: string): Promise<SqliteFile> {
  const open = () => new SqliteFile(new DatabaseSync(path, { timeout: 0 }), path);
  for (const start = performance.now();;) {
    let file: SqliteFile | undefined;
    try {
      file = open();
      prepare(file);
      if (!hasLeftovers(file.database)) return file;
      file.close();
      clean(open);
      file = open();
      prepare(file);
      return file;
    } catch (error) {
      if (file?.database.isOpen) file.close();
      const reason = messageOf(error);
      const busy = /database is locked/.test(reason) && performance.now() - start < PATIENCE;
      if (!busy) throw new Error(`Cannot open ${path}: ${reason}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

function prepare(file: SqliteFile): void {
  const { database } = file;
  // Checked before anything is written, since the file may be another program's.
  checkTables(database);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  file.transact(() => {
    makeTables(database);
    // Generations are times in microseconds. The mark of a deleted key expires at once, but is needed for a while.
    database.prepare("DELETE FROM kv WHERE expires < ?1 AND generation < ?1 * 1000")
      .run(Date.now() - LONG_PAST);
  });
}

function hasLeftovers(database: DatabaseSync): boolean {
  return LEFTOVERS.some((rows) => database.prepare(`SELECT 1 FROM ${rows} LIMIT 1`).get());
}

/** Deletes leftovers, unless another process has the file open, which may still use them. */
function clean(open: () => SqliteFile): void {
  const file = open();
  const { database } = file;
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    file.transact(() => LEFTOVERS.forEach((rows) => database.exec(`DELETE FROM ${rows}`)));
  } catch (error) {
    if (!/database is locked/.test(String(error))) throw error;
  } finally {
    file.close();
  }
}
