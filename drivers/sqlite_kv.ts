import type { StatementSync } from "node:sqlite";
import type { KvDriver, KvFound, KvListed, KvRecord, Pieces } from "../service/stores/kv/driver.ts";
import type { Eventually, Payload } from "../service/http/bytes.ts";
import type { SqliteFile } from "./sqlite_file.ts";
import type { KvReads } from "./sqlite_kv_reads.ts";
import type { FileRoom } from "./sqlite_room.ts";

/** Maximum number of bytes of a value in one row. */
const MAX_PIECE = 2 ** 20;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Row of the table of records. */
interface Row {
  readonly id: bigint;
  readonly key: Uint8Array;
  readonly generation: bigint;
  readonly expires: number | null;
  /** Number of rows of the value after its first piece. */
  readonly pieces: bigint;
  readonly metadata: Uint8Array;
  readonly first: Uint8Array;
}

/**
 * Makes the driver of one KV store over a file that `openSqlite` has opened.
 *
 * @param room Bound on all KV stores of the file; by default there is none.
 */
export function sqliteKvDriver(
  file: SqliteFile,
  store: string,
  reads: KvReads,
  room?: FileRoom,
): KvDriver {
  const reading = `read KV store "${store}"`;
  const writing = `write to KV store "${store}"`;
  const transact = <T>(run: () => T): Eventually<T> =>
    file.eventually(writing, () => file.transact(run));
  const rows = new StoreRows(file, store, reads, reading);
  return {
    get: (key) => file.eventually(reading, () => rows.find(key)),
    set: (key, record, expected) =>
      transact(() => {
        const bytes = encoder.encode(key);
        const row = rows.head(bytes);
        const generation = row ? BigInt.asUintN(64, row.generation) : "none";
        if (expected !== "any" && expected !== generation) return false;
        if (generation !== "none" && generation >= record.generation) return false;
        if (row) rows.remove(row.id);
        const id = rows.insert(bytes, record);
        room?.check(id, key);
        return true;
      }),
    delete(key, generation) {
      const bytes = encoder.encode(key);
      const signed = BigInt.asIntN(64, generation);
      return transact(() => {
        const row = rows.head(bytes);
        if (row?.generation !== signed) return false;
        rows.remove(row.id);
        return true;
      });
    },
    list(prefix, after, limit) {
      const start = encoder.encode(prefix);
      const behind = after === undefined ? new Uint8Array() : encoder.encode(after);
      return file.eventually(reading, () => rows.list(start, behind, limit));
    },
    sweep: (until, max) =>
      transact(() => {
        const expired = rows.expired(until, max);
        for (const id of expired) rows.remove(id);
        return expired.length;
      }),
  };
}

/** Rows of one KV store. */
class StoreRows {
  readonly #store: string;
  readonly #reads: KvReads;
  readonly #reading: string;
  readonly #select: StatementSync;
  readonly #selectRest: StatementSync;
  readonly #selectHead: StatementSync;
  readonly #remove: StatementSync;
  readonly #insert: StatementSync;
  readonly #insertPiece: StatementSync;
  readonly #selectKeys: StatementSync;
  readonly #selectExpired: StatementSync;

  /** @param reading Description of a read, for messages. */
  constructor({ database }: SqliteFile, store: string, reads: KvReads, reading: string) {
    this.#store = store;
    this.#reads = reads;
    this.#reading = reading;
    const prepare = (sql: string): StatementSync => {
      const statement = database.prepare(sql);
      statement.setReadBigInts(true);
      return statement;
    };
    this.#select = prepare("SELECT * FROM kv WHERE store = ? AND key = ?");
    this.#selectRest = prepare(
      `SELECT count(*) AS pieces, coalesce(sum(length(bytes)), 0) AS bytes
        FROM kv_piece WHERE record = ?`,
    );
    this.#selectHead = prepare("SELECT id, generation FROM kv WHERE store = ? AND key = ?");
    this.#remove = prepare("DELETE FROM kv WHERE id = ?");
    this.#insert = prepare(
      `INSERT INTO kv (store, key, generation, expires, pieces, metadata, first)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertPiece = prepare("INSERT INTO kv_piece (record, place, bytes) VALUES (?, ?, ?)");
    this.#selectKeys = prepare(
      `SELECT key, expires FROM kv WHERE store = ? AND key > ? AND key >= ? AND key < ?
        ORDER BY key LIMIT ?`,
    );
    // Generations are times in microseconds. The mark of a deleted key expires at once, but is needed for a while.
    this.#selectExpired = prepare(
      `SELECT id FROM kv WHERE store = ?1 AND expires <= ?2 AND generation <= ?2 * 1000
        ORDER BY expires LIMIT ?3`,
    );
  }

  /** Returns the record of a key, whose value is a source if it has several pieces. */
  find(key: string): KvFound | undefined {
    let before: bigint | undefined;
    for (;;) {
      const row = this.#select.get(this.#store, encoder.encode(key)) as unknown as Row | undefined;
      if (!row) return undefined;
      const { id, first } = row;
      if (!row.pieces) return foundOf(row, first);
      const rest = this.#selectRest.get(id) as { pieces: bigint; bytes: bigint };
      // The counts differ if another process has replaced the record between the two queries.
      if (rest.pieces === row.pieces) {
        const stored = { id, first, rest: rest.bytes };
        return foundOf(row, this.#reads.read(this.#reading, key, stored));
      }
      if (id === before) throw new Error(`the value of key "${key}" is not whole`);
      before = id;
    }
  }

  /** Returns id and generation of a key's record. */
  head(key: Uint8Array): Pick<Row, "id" | "generation"> | undefined {
    const row = this.#selectHead.get(this.#store, key);
    return row as Pick<Row, "id" | "generation"> | undefined;
  }

  /** Writes the record of a key without one. Returns its id. */
  insert(
    key: Uint8Array,
    { value, metadata, generation, expires }: KvRecord,
  ): number | bigint {
    const [first = new Uint8Array(), ...rest] = rowsOf(value);
    const { lastInsertRowid } = this.#insert.run(
      this.#store,
      key,
      BigInt.asIntN(64, generation),
      expires ?? null,
      rest.length,
      encoder.encode(metadata),
      first,
    );
    for (const [place, bytes] of rest.entries()) {
      this.#insertPiece.run(lastInsertRowid, place, bytes);
    }
    return lastInsertRowid;
  }

  /** Removes a record. Its value stays for those that read it. */
  remove(id: bigint): void {
    if (!this.#reads.setAside(id)) this.#remove.run(id);
  }

  /** Lists the first keys that begin with `start` and come after `behind`. */
  list(start: Uint8Array, behind: Uint8Array, limit: number): KvListed[] {
    const rows = this.#selectKeys.all(this.#store, behind, start, endOf(start), limit);
    return (rows as unknown as readonly Row[]).map(listedOf);
  }

  /** Returns the ids of records that had expired by a time and were written by then. */
  expired(until: number, max: number): bigint[] {
    return this.#selectExpired.all(this.#store, until, max).map(({ id }) => id as bigint);
  }
}

function foundOf({ metadata, generation, expires }: Row, value: Payload): KvFound {
  return {
    value,
    metadata: decoder.decode(metadata),
    generation: BigInt.asUintN(64, generation),
    expires: expires ?? undefined,
  };
}

function listedOf({ key, expires }: Row): KvListed {
  return { key: decoder.decode(key), expires: expires ?? undefined };
}

/** Returns the upper bound, which is excluded, of the keys with a prefix. UTF-8 has no byte 255. */
function endOf(prefix: Uint8Array): Uint8Array {
  if (!prefix.length) return Uint8Array.of(0xff);
  const end = prefix.slice();
  end[end.length - 1]! += 1;
  return end;
}

/** Splits a value into pieces for rows, none of them empty. */
function rowsOf(value: Pieces): Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (const piece of value) {
    for (let at = 0; at < piece.length; at += MAX_PIECE) {
      rows.push(piece.subarray(at, at + MAX_PIECE));
    }
  }
  return rows;
}
