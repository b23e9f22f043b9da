import type { DatabaseSync } from "node:sqlite";

/** Marks the file as ours, in its header: "fstl". */
const APPLICATION = 0x6673746c;

/**
 * What makes each version of the file out of the one before it; the first, of an empty file.
 *
 * Keys are bytes, for SQLite compares those as UTF-8 is ordered, and cuts no text at a NUL. The first piece of a value is
 * with its record, the others are rows of their own. A record that is written anew gets a new `id`, so pieces that
 * another process reads are those of one record or missing. A key that begins with the byte 255 is none: such a record
 * was replaced or deleted while somebody read it.
 *
 * A row of `cache` is a content, and an object if it has a place. What changes with each use is apart, for rows are
 * written whole.
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
 * Tells whether the file is one of ours, empty, or older than today's; it is only read.
 *
 * @throws {Error} If it is another program's, or newer.
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

/** Makes the file what it should be. To be called in a transaction. */
export function makeTables(database: DatabaseSync): void {
  if (checkTables(database) === "current") return;
  const version = database.prepare("PRAGMA user_version").get()!.user_version as number;
  for (const statements of VERSIONS.slice(version)) database.exec(statements);
  database.exec(
    `PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${VERSIONS.length}`,
  );
}
