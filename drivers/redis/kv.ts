import { Buffer } from "node:buffer";
import { refuse } from "../../service/errors.ts";
import type { ByteSource } from "../../service/http/bytes.ts";
import type { KvDriver, KvExpected, KvFound } from "../../service/stores/kv/driver.ts";
import { DELETE, LIST, READ, SET, STAGE, SWEEP } from "./kv_scripts.ts";
import { piecesIn } from "./pieces.ts";
import type { Reply } from "./link.ts";
import { bytes, fieldsOf, number, unexpected } from "./replies.ts";
import type { Store } from "./store.ts";

/** Maximum number of pieces that are sent at the same time. */
const AHEAD = 4;
/** Time for which pieces without a record are kept while it is written, in milliseconds. */
const STAGED = 600_000;
/** Time for which the pieces of a replaced record are kept for its readers, in milliseconds, counted from the last read. */
const LEFT_TO_READERS = "60000";
const MICROS = 1000n;
const GENERATION_DIGITS = 20;

/** Fields of a record, in the order of the query. */
const FIELDS = ["g", "e", "m", "v", "i", "n", "l"] as const;

/**
 * Makes the driver of one KV store. Its keys are in one slot, and so on one node of a Cluster.
 *
 * @param nextId Returns an id that no other write to the server has.
 */
export function redisKvDriver(
  store: Store,
  name: string,
  nextId: () => string,
): Required<KvDriver> {
  const tag = `{${store.prefix}:kv:${encodeURIComponent(name)}}`;
  const [keys, due, records, rests] = [`${tag}:k`, `${tag}:x`, `${tag}:r:`, `${tag}:v:`];
  const reading = { action: `read KV store "${name}"`, again: true };
  const writing = { action: `write to KV store "${name}"`, again: true };
  const recordAt = (key: string) => records + key;

  /** Writes all pieces but the first, before the record that they are of. */
  const stage = async (rest: string, pieces: readonly Uint8Array[]): Promise<void> => {
    for (let at = 0; at < pieces.length; at += AHEAD) {
      const some = pieces.slice(at, at + AHEAD).map((piece, i) =>
        store.run(writing, STAGE, [rest], [`${at + i}`, bufferOf(piece), `${STAGED}`])
      );
      await Promise.all(some);
    }
  };

  const readPiece = async (rest: string, place: number): Promise<Uint8Array | undefined> => {
    const piece = await store.run(reading, READ, [rest], [`${place}`, LEFT_TO_READERS]);
    return piece && bytesOf(piece);
  };

  return {
    async get(key) {
      const args = ["HMGET", recordAt(key), ...FIELDS] as const;
      const record = await store.command(reading, args, recordIn);
      if (!record) return undefined;
      const { first, rest: { id, pieces, bytes }, ...found } = record;
      const read = (place: number) => readPiece(rests + id, place);
      return { ...found, value: pieces ? sourceOf(key, first, { pieces, bytes, read }) : first };
    },
    async set(key, record, expected) {
      const [first = new Uint8Array(), ...others] = piecesIn(record.value);
      const id = nextId();
      const rest = others.length ? rests + id : recordAt(key);
      await stage(rest, others);
      const reply = await store.run(writing, SET, [recordAt(key), keys, due, rest], [
        key,
        id,
        wordOf(expected),
        digitsOf(record.generation),
        record.expires === undefined ? "" : `${record.expires}`,
        `${dueOf(record)}`,
        record.metadata,
        bufferOf(first),
        others.length ? id : "",
        `${others.length}`,
        `${others.reduce((sum, { length }) => sum + length, 0)}`,
        rests,
        LEFT_TO_READERS,
      ]);
      if (reply === -1) throw new Error(`Cannot ${writing.action}: pieces of the value are gone`);
      return reply === 1;
    },
    async delete(key, generation) {
      const deleted = await store.run(writing, DELETE, [recordAt(key), keys, due], [
        key,
        digitsOf(generation),
        rests,
        LEFT_TO_READERS,
      ]);
      return deleted === 1;
    },
    async list(prefix, after, limit) {
      const start = Buffer.from(prefix);
      const behind = after === undefined ? undefined : Buffer.from(after);
      const min = behind && Buffer.compare(behind, start) >= 0
        ? Buffer.concat([Buffer.from("("), behind])
        : start.length
        ? Buffer.concat([Buffer.from("["), start])
        : "-";
      const end = start.length ? Buffer.concat([Buffer.from("("), endOf(start)]) : "+";
      const listed = await store.run(reading, LIST, [keys], [min, end, `${limit}`, records]);
      return listed.map(([key, expires]) => ({ key: `${key}`, expires: timeIn(expires!) }));
    },
    async sweep(until, max) {
      return await store.run(writing, SWEEP, [keys, due], [
        `${until}`,
        `${max}`,
        records,
        rests,
        LEFT_TO_READERS,
      ]);
    },
  };
}

/** Record of the store: a value's first piece, and where the rest is. */
interface StoredRecord extends Omit<KvFound, "value"> {
  readonly first: Uint8Array;
  readonly rest: { readonly id: string; readonly pieces: number; readonly bytes: number };
}

const readFields = fieldsOf(FIELDS, bytes);

/** Reads a record; undefined if there is none. */
function recordIn(reply: Reply): StoredRecord | undefined {
  const fields = readFields(reply);
  if (!fields) return undefined;
  const { g, e, m, v, i, n, l } = fields;
  return {
    generation: /^\d+$/.test(`${g}`) ? BigInt(`${g}`) : unexpected(g, "a generation"),
    expires: timeIn(e),
    metadata: `${m}`,
    first: bytesOf(v),
    rest: { id: `${i}`, pieces: number(n), bytes: number(l) },
  };
}

/** Reads a time in milliseconds; undefined for an empty text. */
function timeIn(text: Buffer): number | undefined {
  return text.length ? number(text) : undefined;
}

/** Returns a source of a value that has more than one piece. */
function sourceOf(
  key: string,
  first: Uint8Array,
  rest: {
    readonly pieces: number;
    readonly bytes: number;
    readonly read: (place: number) => Promise<Uint8Array | undefined>;
  },
): ByteSource {
  let place = -1;
  let left = first.length + rest.bytes;
  return {
    get length() {
      return left;
    },
    trailers: undefined,
    read() {
      if (left <= 0) return undefined;
      if (++place === 0) {
        left -= first.length;
        return first;
      }
      return rest.read(place - 1).then((piece) => {
        if (!piece) {
          left = 0;
          refuse("http-incomplete", `Cannot read on: the value of "${key}" is not there any more`);
        }
        left -= piece.length;
        return piece;
      });
    },
    cancel: () => void (left = 0),
  };
}

function wordOf(expected: KvExpected): string {
  return typeof expected === "bigint" ? digitsOf(expected) : expected;
}

/** Returns a generation in 20 digits, so that texts compare like numbers: numbers of scripts have only 53 bits. */
function digitsOf(generation: bigint): string {
  return `${generation}`.padStart(GENERATION_DIGITS, "0");
}

/** Returns when a record may be deleted: once it has expired, and its generation is no longer needed. */
function dueOf(
  { expires = Infinity, generation }: Pick<KvFound, "expires" | "generation">,
): number {
  return Math.min(Math.max(expires, Number(generation / MICROS)), Number.MAX_SAFE_INTEGER);
}

/** Returns the upper bound, which is excluded, of the keys with a prefix. UTF-8 has no byte 255. */
function endOf(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1;
  return end;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
