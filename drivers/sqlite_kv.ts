import type { DatabaseSync, StatementSync } from "node:sqlite";
import { transact } from "./transact.ts";
import type { KvDriver, KvListed, KvRecord, Pieces } from "../service/kv/driver.ts";

/** Bytes of a value in one row. */
const MOST_PIECE = 2 ** 20;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A row of the table of records. */
interface Row {
  readonly id: bigint;
  readonly key: Uint8Array;
  readonly generation: bigint;
  readonly expires: number | null;
  /** How many rows the value has beyond its first piece. */
  readonly pieces: bigint;
  readonly metadata: Uint8Array;
  readonly first: Uint8Array;
}

/** A row of the table of pieces. */
interface Piece {
  readonly bytes: Uint8Array;
}

/** The driver of one KV store, over a file that has been opened by `openSqlite`. */
export function sqliteKvDriver(database: DatabaseSync, store: string): KvDriver {
  const prepare = (sql: string): StatementSync => {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  };
  const select = prepare("SELECT * FROM kv WHERE store = ? AND key = ?");
  const selectPieces = prepare("SELECT bytes FROM kv_piece WHERE record = ? ORDER BY place");
  const selectGeneration = prepare("SELECT generation FROM kv WHERE store = ? AND key = ?");
  const remove = prepare("DELETE FROM kv WHERE store = ? AND key = ?");
  const removeOf = prepare("DELETE FROM kv WHERE store = ? AND key = ? AND generation = ?");
  const insert = prepare(
    `INSERT INTO kv (store, key, generation, expires, pieces, metadata, first)
      VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertPiece = prepare("INSERT INTO kv_piece (record, place, bytes) VALUES (?, ?, ?)");
  const selectKeys = prepare(
    `SELECT key, expires FROM kv WHERE store = ? AND key > ? AND key >= ? AND key < ?
      ORDER BY key LIMIT ?`,
  );

  const write = (key: Uint8Array, { value, metadata, generation, expires }: KvRecord): void => {
    const [first = new Uint8Array(), ...rest] = rowsOf(value);
    remove.run(store, key);
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
  };

  return {
    get(key) {
      let before: bigint | undefined;
      for (;;) {
        const row = select.get(store, encoder.encode(key)) as unknown as Row | undefined;
        if (!row) return undefined;
        const rest = row.pieces ? selectPieces.all(row.id) as unknown as readonly Piece[] : [];
        // Fewer if another process has put another record in its place between the two queries.
        if (BigInt(rest.length) === row.pieces) return recordOf(row, rest);
        if (row.id === before) throw new Error(`Cannot read key "${key}": its value is not whole`);
        before = row.id;
      }
    },
    set: (key, record, expected) =>
      transact(database, () => {
        const bytes = encoder.encode(key);
        const row = selectGeneration.get(store, bytes) as Pick<Row, "generation"> | undefined;
        const there = row ? BigInt.asUintN(64, row.generation) : "none";
        if (expected !== "any" && expected !== there) return false;
        if (there !== "none" && there >= record.generation) return false;
        write(bytes, record);
        return true;
      }),
    delete: (key, generation) =>
      Number(removeOf.run(store, encoder.encode(key), BigInt.asIntN(64, generation)).changes) > 0,
    list(prefix, after, limit) {
      const start = encoder.encode(prefix);
      const behind = after === undefined ? new Uint8Array() : encoder.encode(after);
      const rows = selectKeys.all(store, behind, start, endOf(start), limit);
      return (rows as unknown as readonly Row[]).map(listedOf);
    },
  };
}

function recordOf(row: Row, rest: readonly Piece[]): KvRecord {
  return {
    value: row.first.length ? [row.first, ...rest.map(({ bytes }) => bytes)] : [],
    metadata: decoder.decode(row.metadata),
    generation: BigInt.asUintN(64, row.generation),
    expires: row.expires ?? undefined,
  };
}

function listedOf({ key, expires }: Row): KvListed {
  return { key: decoder.decode(key), expires: expires ?? undefined };
}

/** What is before every key that does not begin so and comes after those that do. UTF-8 has no byte 255. */
function endOf(prefix: Uint8Array): Uint8Array {
  if (!prefix.length) return Uint8Array.of(0xff);
  const end = prefix.slice();
  end[end.length - 1]! += 1;
  return end;
}

/** The value in pieces of a size for a row, none of them empty. */
function rowsOf(value: Pieces): Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (const piece of value) {
    for (let at = 0; at < piece.length; at += MOST_PIECE) {
      rows.push(piece.subarray(at, at + MOST_PIECE));
    }
  }
  return rows;
}
