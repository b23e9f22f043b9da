/**
 * KV stores as a guest calls them, on bare memory.
 *
 * @module
 */
import type { ServiceOptions } from "../../service/options.ts";
import { assertEquals } from "../assert.ts";
import {
  type Argument,
  type Bench,
  bench,
  BUF,
  OUT,
  OUT2,
  OUT3,
  UNTOUCHED,
  XqdStatus,
} from "./_bench.ts";

const { ok } = XqdStatus;

/** The namespace. */
export const MODULE = "fastly_kv_store";
/** The ABI's `kv_error`. */
export const KvError = { ok: 1, badRequest: 2, notFound: 3, preconditionFailed: 4, tooLarge: 5 };

/** Address of option records. */
export const RECORD = 0x2000;
/** Address of the texts that they point to. */
const TEXTS = 0x2100;
/** A place for eight bytes. */
export const GENERATION = 0x130;

const METADATA = 8;
const TTL = 16;
const IF_GENERATION = 32;
const MODES = ["overwrite", "add", "append", "prepend"];

/** Options of an insert. */
interface Insert {
  readonly mode?: string;
  readonly metadata?: string;
  readonly ttl?: number;
  readonly ifGeneration?: bigint;
}

/** Writes a `kv_insert_config` to memory; returns its mask. Fields that the mask lacks are full of ones. */
export function insertRecord({ memory }: Bench, options: Insert): number {
  memory.setBytes(RECORD, new Uint8Array(32).fill(0xff));
  memory.setU32(RECORD, MODES.indexOf(options.mode ?? "overwrite"));
  const { metadata, ttl, ifGeneration } = options;
  if (metadata !== undefined) {
    memory.setByteString(TEXTS, metadata);
    memory.setU32(RECORD + 8, TEXTS);
    memory.setU32(RECORD + 12, metadata.length);
  }
  if (ttl !== undefined) memory.setU32(RECORD + 16, ttl);
  if (ifGeneration !== undefined) memory.setU64(RECORD + 24, ifGeneration);
  return (metadata === undefined ? 0 : METADATA) | (ttl === undefined ? 0 : TTL) |
    (ifGeneration === undefined ? 0 : IF_GENERATION);
}

/** Options of a list. */
interface Query {
  readonly cursor?: string;
  readonly limit?: number;
  readonly prefix?: string;
}

/** Puts a `kv_list_config` in memory; answers its mask. */
export function listRecord({ memory }: Bench, { cursor, limit, prefix }: Query): number {
  memory.setBytes(RECORD, new Uint8Array(24).fill(0xff));
  memory.setU32(RECORD, 1);
  let mask = 0;
  for (const [text, at, bit] of [[cursor, 4, 2], [prefix, 16, 8]] as const) {
    if (text === undefined) continue;
    memory.setByteString(TEXTS + at * 64, text);
    memory.setU32(RECORD + at, TEXTS + at * 64);
    memory.setU32(RECORD + at + 4, text.length);
    mask |= bit;
  }
  if (limit !== undefined) {
    memory.setU32(RECORD + 12, limit);
    mask |= 4;
  }
  return mask;
}

/** Results of a lookup: `undefined` for those that it has not written. */
interface Found {
  readonly status: number;
  readonly code: number;
  readonly metadata: string | undefined;
  readonly length: number;
  readonly generation: bigint;
  readonly value: string | undefined;
}

/** A store named `s`, open, on a bench of its own. */
interface OpenStore extends Disposable {
  readonly b: Bench;
  readonly store: number;
  /** Answers the `kv_error`; a value may be the number of a body. */
  insert(key: Argument, value: string | number, options?: Insert): Promise<number>;
  lookup(key: Argument, room?: number): Promise<Found>;
  /** Answers the `kv_error`. */
  remove(key: string): Promise<number>;
  list(query?: Query): Promise<{ readonly code: number; readonly json: string | undefined }>;
}

/** A bench with an open store, and the calls as a guest makes them: each starts, then waits. */
export async function open(
  kvStores: ServiceOptions["kvStores"] = { s: {} },
  rest: ServiceOptions = {},
): Promise<OpenStore> {
  const b = bench({ kvStores, ...rest });
  const store = await b.got(MODULE, "open", "s");
  return {
    b,
    store,
    [Symbol.dispose]: () => b[Symbol.dispose](),
    async insert(key: Argument, value: string | number, options: Insert = {}): Promise<number> {
      const body = typeof value === "number" ? value : await b.body(value);
      const mask = insertRecord(b, options);
      const pending = await b.got(MODULE, "insert", store, key, body, mask, RECORD);
      return await b.got(MODULE, "insert_wait", pending);
    },
    async lookup(key: Argument, room = 2000) {
      for (const out of [OUT2, OUT3, GENERATION]) b.memory.setU32(out, UNTOUCHED);
      const pending = await b.got(MODULE, "lookup", store, key, 0, 0);
      b.memory.setU32(OUT, UNTOUCHED);
      const outs = [OUT, BUF, room, OUT2, GENERATION, OUT3];
      const status = await b.call(MODULE, "lookup_wait_v2", pending, ...outs);
      const [body, length] = [b.memory.u32(OUT), b.memory.u32(OUT2)];
      return {
        status,
        code: b.memory.u32(OUT3),
        metadata: status === ok && length !== UNTOUCHED ? b.text(BUF, length) : undefined,
        length,
        generation: b.memory.u64(GENERATION),
        value: status === ok && body !== UNTOUCHED ? await b.drain(body) : undefined,
      };
    },
    async remove(key: string): Promise<number> {
      const pending = await b.got(MODULE, "delete", store, key, 0, 0);
      return await b.got(MODULE, "delete_wait", pending);
    },
    async list(query: Query = {}) {
      const mask = listRecord(b, query);
      const pending = await b.got(MODULE, "list", store, mask, RECORD);
      b.memory.setU32(OUT, UNTOUCHED);
      assertEquals(await b.call(MODULE, "list_wait", pending, OUT, OUT2), ok);
      const body = b.memory.u32(OUT);
      const json = body === UNTOUCHED ? undefined : await b.drain(body);
      return { code: b.memory.u32(OUT2), json };
    },
  };
}
