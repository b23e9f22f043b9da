/**
 * Keeps stores in a file of SQLite, which outlives the process. Deno has SQLite built in; reading and writing the file
 * takes `--allow-read` and `--allow-write`.
 *
 * ```ts
 * using storage = await openSqlite("fastlike.sqlite");
 * const app = await Fastlike.load(wasm, { kvStores: { users: {} }, kvDriver: storage.kvDriver });
 * ```
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import type { KvDriver } from "../service/kv/driver.ts";
import { sqliteKvDriver } from "./sqlite_kv.ts";

/** A file that holds stores. */
export interface SqliteStorage extends Disposable {
  /** The driver of the KV store of a name, for `ServiceOptions.kvDriver`. */
  readonly kvDriver: (store: string) => KvDriver;
}

/** Marks the file as ours, in its header: "fstl". */
const APPLICATION = 0x6673746c;
/** The version of the tables below. */
const VERSION = 1;
/** How long one process waits for another one's write, in milliseconds. */
const PATIENCE = 5_000;
const PAUSE = 10;
/** How long what has expired is left to those who ask for it, in milliseconds: a service's clock may be behind. */
const LONG_PAST = 24 * 60 * 60 * 1000;

/**
 * Keys are bytes, for SQLite compares those as UTF-8 is ordered, and cuts no text at a NUL. The first piece of a value is
 * with its record, the others are rows of their own. A record that is written anew gets a new `id`, so pieces that
 * another process reads are those of one record or missing.
 */
const TABLES = `
  CREATE TABLE kv (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    store TEXT NOT NULL,
    key BLOB NOT NULL,
    generation INTEGER NOT NULL,
    expires REAL,
    pieces INTEGER NOT NULL,
    metadata BLOB NOT NULL,
    first BLOB NOT NULL,
    UNIQUE (store, key)
  );
  CREATE TABLE kv_piece (
    record INTEGER NOT NULL REFERENCES kv (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (record, place)
  );
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${VERSION};
`;

/**
 * Opens the file, which is made if there is none. Other processes may have it open too: they see each other's writes.
 *
 * A write that has been acknowledged is not lost when the process is killed. It may be when the machine loses its power:
 * waiting for the disk at each write (`synchronous = FULL`) would take milliseconds for what is a tool of development.
 * The file is whole in any case. What has expired a day ago is taken out here.
 *
 * @throws {Error} If it cannot be opened, or is not such a file; in one line.
 */
export async function openSqlite(path: string): Promise<SqliteStorage> {
  const database = await connect(path);
  return {
    kvDriver: (store) => sqliteKvDriver(database, store),
    [Symbol.dispose]: () => database.close(),
  };
}

async function connect(path: string): Promise<DatabaseSync> {
  for (const start = performance.now();;) {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: PATIENCE });
      prepare(database);
      return database;
    } catch (error) {
      database?.close();
      const reason = error instanceof Error ? error.message : String(error);
      // SQLite itself does not wait where another process is about to change the file's mode.
      const busy = /database is locked/.test(reason) && performance.now() - start < PATIENCE;
      if (!busy) throw new Error(`Cannot open ${path}: ${reason}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

function prepare(database: DatabaseSync): void {
  // Read before anything is written: the file may be another program's.
  checkOwner(database);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
  try {
    if (checkOwner(database) === "new") database.exec(TABLES);
    database.prepare("DELETE FROM kv WHERE expires < ?").run(Date.now() - LONG_PAST);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

function checkOwner(database: DatabaseSync): "new" | "ours" {
  const { application, version, tables } = database.prepare(
    `SELECT application_id AS application, user_version AS version,
      (SELECT count(*) FROM sqlite_schema) AS tables
      FROM pragma_application_id, pragma_user_version`,
  ).get() as { application: number; version: number; tables: number };
  if (application === 0 && tables === 0) return "new";
  if (application !== APPLICATION) throw new Error("it is a database of another program");
  if (version === VERSION) return "ours";
  throw new Error(`it has version ${version}, and ${VERSION} is the only one known`);
}
