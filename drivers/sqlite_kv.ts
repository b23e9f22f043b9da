import type { StatementSync } from "node:sqlite";
import type { KvDriver, KvFound, KvListed, KvRecord, Pieces } from "../service/stores/kv/driver.ts";
import type { ByteSource, Eventually, Payload } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";
import type { SqliteFile } from "./sqlite_file.ts";
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

/** Number and size of a value's pieces after the first. */
interface Rest {
  readonly pieces: bigint;
  readonly bytes: bigint;
}

/** Values that this process is reading. A value that is replaced or deleted is kept until it has been read. */
export class KvReads {
  /** Number of readers by the id of the record. */
  readonly #readers = new Map<bigint, number>();
  readonly #aside = new Set<bigint>();
  readonly #file: SqliteFile;
  readonly #selectPiece: StatementSync;
  readonly #set: StatementSync;
  readonly #remove: StatementSync;

  constructor(file: SqliteFile) {
    this.#file = file;
    const { database } = file;
    this.#selectPiece = database.prepare(
      "SELECT bytes FROM kv_piece WHERE record = ? AND place = ?",
    );
    this.#set = database.prepare("UPDATE kv SET key = ? WHERE id = ?");
    this.#remove = database.prepare("DELETE FROM kv WHERE id = ? AND key >= x'ff'");
  }

  /** Moves a record that is being read away from its key. Returns false if it is not being read, and can be deleted. */
  setAside(id: bigint): boolean {
    if (!this.#readers.has(id)) return false;
    this.#set.run(Uint8Array.of(0xff, ...encoder.encode(`${id}`)), id);
    this.#aside.add(id);
    return true;
  }

  /**
   * Returns a source of a value, which reads its pieces one by one.
   *
   * @param action Description of the reading, for messages.
   */
  read(
    action: string,
    key: string,
    { id, first }: Pick<Row, "id" | "first">,
    rest: Rest,
  ): ByteSource {
    this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
    let place = -1;
    let left = first.length + Number(rest.bytes);
    const end = () => {
      if (left < 0) return;
      left = -1;
      this.#leave(id);
    };
    const take = (piece: Uint8Array | undefined): Uint8Array => {
      if (!piece) {
        end();
        refuse("http-incomplete", `Cannot read on: the value of "${key}" is not there any more`);
      }
      left -= piece.length;
      if (left <= 0) end();
      return piece;
    };
    return {
      get length() {
        return Math.max(0, left);
      },
      trailers: undefined,
      read: () => {
        if (left < 0) return undefined;
        const piece = ++place ? this.#piece(action, id, place - 1) : first;
        return piece instanceof Promise ? piece.then(take) : take(piece);
      },
      cancel: end,
    };
  }

  #piece(action: string, id: bigint, place: number): Eventually<Uint8Array | undefined> {
    return this.#file.eventually(
      action,
      () => (this.#selectPiece.get(id, place) as { bytes: Uint8Array } | undefined)?.bytes,
    );
  }

  #leave(id: bigint): void {
    const others = this.#readers.get(id)! - 1;
    if (others) return void this.#readers.set(id, others);
    this.#readers.delete(id);
    if (this.#aside.delete(id) && this.#file.database.isOpen) void this.#tidy(id);
  }

  async #tidy(id: bigint): Promise<void> {
    try {
      await this.#file.eventually("delete a value", () => this.#remove.run(id));
    } catch {
      // The next process that has the file for itself deletes it.
    }
  }
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
  const prepare = (sql: string): StatementSync => {
    const statement = file.database.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  };
  const select = prepare("SELECT * FROM kv WHERE store = ? AND key = ?");
  const selectRest = prepare(
    `SELECT count(*) AS pieces, coalesce(sum(length(bytes)), 0) AS bytes
      FROM kv_piece WHERE record = ?`,
  );
  const selectGeneration = prepare("SELECT id, generation FROM kv WHERE store = ? AND key = ?");
  const remove = prepare("DELETE FROM kv WHERE id = ?");
  const insert = prepare(
    `INSERT INTO kv (store, key, generation, expires, pieces, metadata, first)
      VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertPiece = prepare("INSERT INTO kv_piece (record, place, bytes) VALUES (?, ?, ?)");
  const selectKeys = prepare(
    `SELECT key, expires FROM kv WHERE store = ? AND key > ? AND key >= ? AND key < ?
      ORDER BY key LIMIT ?`,
  );

  // Generations are times in microseconds. The mark of a deleted key expires at once, but is needed for a while.
  const selectExpired = prepare(
    `SELECT id FROM kv WHERE store = ?1 AND expires <= ?2 AND generation <= ?2 * 1000
      ORDER BY expires LIMIT ?3`,
  );

  const write = (
    key: Uint8Array,
    { value, metadata, generation, expires }: KvRecord,
  ): number | bigint => {
    const [first = new Uint8Array(), ...rest] = rowsOf(value);
    const { lastInsertRowid } = insert.run(
      store,
      key,
      BigInt.asIntN(64, generation),
      expires ?? null,
      rest.length,
      encoder.encode(metadata),
      first,
    );
    for (const [place, bytes] of rest.entries()) insertPiece.run(lastInsertRowid, place, bytes);
    return lastInsertRowid;
  };

  const there = (key: Uint8Array) =>
    selectGeneration.get(store, key) as Pick<Row, "id" | "generation"> | undefined;

  const find = (key: string): KvFound | undefined => {
    let before: bigint | undefined;
    for (;;) {
      const row = select.get(store, encoder.encode(key)) as unknown as Row | undefined;
      if (!row) return undefined;
      if (!row.pieces) return foundOf(row, row.first);
      const rest = selectRest.get(row.id) as unknown as Rest;
      // The counts differ if another process has replaced the record between the two queries.
      if (rest.pieces === row.pieces) return foundOf(row, reads.read(reading, key, row, rest));
      if (row.id === before) throw new Error(`the value of key "${key}" is not whole`);
      before = row.id;
    }
  };

  return {
    get: (key) => file.eventually(reading, () => find(key)),
    set: (key, record, expected) =>
      transact(() => {
        const bytes = encoder.encode(key);
        const row = there(bytes);
        const generation = row ? BigInt.asUintN(64, row.generation) : "none";
        if (expected !== "any" && expected !== generation) return false;
        if (generation !== "none" && generation >= record.generation) return false;
        if (row && !reads.setAside(row.id)) remove.run(row.id);
        const id = write(bytes, record);
        room?.check(id, key);
        return true;
      }),
    delete(key, generation) {
      const bytes = encoder.encode(key);
      const signed = BigInt.asIntN(64, generation);
      return transact(() => {
        const row = there(bytes);
        if (row?.generation !== signed) return false;
        if (!reads.setAside(row.id)) remove.run(row.id);
        return true;
      });
    },
    list(prefix, after, limit) {
      const start = encoder.encode(prefix);
      const behind = after === undefined ? new Uint8Array() : encoder.encode(after);
      return file.eventually(reading, () => {
        const rows = selectKeys.all(store, behind, start, endOf(start), limit);
        return (rows as unknown as readonly Row[]).map(listedOf);
      });
    },
    sweep: (until, max) =>
      transact(() => {
        const rows = selectExpired.all(store, until, max) as unknown as Pick<Row, "id">[];
        for (const { id } of rows) if (!reads.setAside(id)) remove.run(id);
        return rows.length;
      }),
  };
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
