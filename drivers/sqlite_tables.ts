import type { DatabaseSync } from "node:sqlite";

/** Application id in the header of the file: "fstl". */
const APPLICATION = 0x6673746c;

/**
 * Statements that make each version of the file from the one before it. The first makes it from an empty file.
 *
 * Keys are blobs, which SQLite compares in the order of UTF-8 and does not cut at a NUL. The first piece of a value is in
 * the row of its record, the others are rows of their own. A record that is replaced gets a new `id`, so that another
 * process reads pieces of one record, or none. A key that begins with the byte 255 marks a record that was replaced or
 * deleted while it was being read.
 *
 * A row of `cache` is a content, and an object if it has a place. Columns that change at each use are in another table,
 * since SQLite writes whole rows.
 */
const VERSIONS: readonly string[] = [
  `CREATE TABLE kv (
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
  );`,
  `CREATE TABLE cache (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    place TEXT UNIQUE,
    head TEXT,
    length INTEGER,
    purged INTEGER,
    put INTEGER
  );
  CREATE TABLE cache_piece (
    content INTEGER NOT NULL REFERENCES cache (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (content, place)
  );
  CREATE TABLE cache_key (
    content INTEGER NOT NULL REFERENCES cache (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    PRIMARY KEY (content, key)
  ) WITHOUT ROWID;
  CREATE INDEX cache_key_key ON cache_key (key);
  CREATE TABLE cache_use (
    content INTEGER PRIMARY KEY REFERENCES cache (id) ON DELETE CASCADE,
    hits INTEGER NOT NULL,
    used INTEGER NOT NULL
  );
  CREATE TABLE rate (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    expires REAL NOT NULL,
    buckets TEXT NOT NULL,
    UNIQUE (kind, key)
  );
  CREATE INDEX rate_expires ON rate (kind, expires);`,
  `CREATE INDEX kv_expires ON kv (expires) WHERE expires IS NOT NULL;`,
];

/**
 * Checks the version of the file, which is only read. An empty file counts as older.
 *
 * @throws {Error} If the file is of another program, or of a newer version of this one.
 */
export function checkTables(database: DatabaseSync): "current" | "older" {
  const { application, version, tables } = database.prepare(
    `SELECT application_id AS application, user_version AS version,
      (SELECT count(*) FROM sqlite_schema) AS tables
      FROM pragma_application_id, pragma_user_version`,
  ).get() as { application: number; version: number; tables: number };
  if (application === 0 && tables === 0) return "older";
  if (application !== APPLICATION) throw new Error("it is a database of another program");
  if (version > VERSIONS.length) {
    throw new Error(
      `it has version ${version}, and this program knows those up to ${VERSIONS.length}: ` +
        "use a newer one",
    );
  }
  return version === VERSIONS.length ? "current" : "older";
}

/** Brings the file to the current version. To be called in a transaction. */
export function makeTables(database: DatabaseSync): void {
  if (checkTables(database) === "current") return;
  const version = database.prepare("PRAGMA user_version").get()!.user_version as number;
  for (const statements of VERSIONS.slice(version)) database.exec(statements);
  database.exec(
    `PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${VERSIONS.length}`,
  );
}
