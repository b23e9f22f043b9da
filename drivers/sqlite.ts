/**
 * Keeps stores, the cache and rate counters in a file of SQLite, which outlives the process. Deno has SQLite built in;
 * reading and writing the file takes `--allow-read` and `--allow-write`.
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
import { KvReads, sqliteKvDriver } from "./sqlite_kv.ts";
import { sqliteRateDriver } from "./sqlite_rate.ts";
import { SqliteFile } from "./sqlite_file.ts";
import { checkTables, makeTables } from "./sqlite_tables.ts";

/** A file that holds what outlives a process. */
export interface SqliteStorage extends Disposable {
  /** The driver of the KV store of a name, for `ServiceOptions.kvDriver`. */
  readonly kvDriver: (store: string) => KvDriver;
  /** For `ServiceOptions.cacheDriver`. */
  readonly cacheDriver: CacheDriver;
  /** For `ServiceOptions.rateDriver`. */
  readonly rateDriver: (kind: RateKind) => RateDriver;
}

/** How long opening waits for another process, in milliseconds. */
const PATIENCE = 5_000;
const PAUSE = 10;
/** How long what has expired is left to those who ask for it, in milliseconds: a service's clock may be behind. */
const LONG_PAST = 24 * 60 * 60 * 1000;

/** What nobody has any use for, once no process reads or writes it any more. */
const LEFTOVERS = ["kv WHERE key >= x'ff'", "cache WHERE place IS NULL"];

/**
 * Opens the file, which is made if there is none. Other processes may have it open too: they see each other's KV stores,
 * rate counters and penalty boxes. Of the cache each has a view of its own, which begins with what is in the file.
 *
 * A write that has been acknowledged is not lost when the process is killed. It may be when the machine loses its power:
 * waiting for the disk at each write (`synchronous = FULL`) would take milliseconds for what is a tool of development.
 * The file is whole in any case. What has expired a day ago is taken out here, and what a process has left that was
 * killed.
 *
 * @throws {Error} If it cannot be opened, or is not such a file; in one line.
 */
export async function openSqlite(path: string): Promise<SqliteStorage> {
  const file = await connect(path);
  const reads = new KvReads(file);
  return {
    kvDriver: (store) => sqliteKvDriver(file, store, reads),
    cacheDriver: sqliteCacheDriver(file),
    rateDriver: (kind) => sqliteRateDriver(file, kind),
    [Symbol.dispose]: () => file.close(),
  };
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
      const reason = error instanceof Error ? error.message : String(error);
      const busy = /database is locked/.test(reason) && performance.now() - start < PATIENCE;
      if (!busy) throw new Error(`Cannot open ${path}: ${reason}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

function prepare(file: SqliteFile): void {
  const { database } = file;
  // Read before anything is written: the file may be another program's.
  checkTables(database);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  file.transact(() => {
    makeTables(database);
    // Generations are times: what says that a key was deleted has expired at once, and is needed for a while.
    database.prepare("DELETE FROM kv WHERE expires < ?1 AND generation < ?1 * 1000")
      .run(Date.now() - LONG_PAST);
  });
}

function hasLeftovers(database: DatabaseSync): boolean {
  return LEFTOVERS.some((rows) => database.prepare(`SELECT 1 FROM ${rows} LIMIT 1`).get());
}

/** Takes leftovers out if no other process has the file open: they may be what that one reads or writes. */
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
