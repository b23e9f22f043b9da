/**
 * The cache's calls with their records.
 *
 * @module
 */
import { assertEquals } from "../assert.ts";
import { type Bench, bench, OUT, OUT2, XqdStatus } from "./_bench.ts";
import type { ServiceOptions } from "../../service/options.ts";

export const MODULE = "fastly_cache";
/** Address of option records. */
export const RECORD = 0x200;
const TEXTS = 0x300;
const GETTERS = [
  "get_length",
  "get_max_age_ns",
  "get_stale_while_revalidate_ns",
  "get_age_ns",
  "get_hits",
];

export const State = { found: 1, usable: 2, stale: 4, mustInsert: 8 } as const;
/** State bit of an object that can be used. */
export const FRESH = State.found | State.usable;
export const STALE = FRESH | State.stale;

/** Seconds, names with spaces between them, and handles. */
export interface Saying {
  readonly maxAge?: number;
  readonly request?: number;
  readonly vary?: string;
  readonly age?: number;
  readonly swr?: number;
  readonly keys?: string;
  readonly length?: number;
  readonly metadata?: string;
  readonly sensitive?: boolean;
  readonly edge?: number;
}

const encoder = new TextEncoder();

/** Writes the record of a write, and answers the mask and its place. */
export function writeRecord({ memory }: Bench, saying: Saying): [mask: number, ptr: number] {
  let mask = 0;
  let free = TEXTS;
  const seconds = (at: number, value: number) =>
    memory.setU64(RECORD + at, BigInt(value) * 10n ** 9n);
  const put = (at: number, text: string) => {
    const bytes = encoder.encode(text);
    memory.setBytes(free, bytes);
    memory.setU32(RECORD + at, free);
    memory.setU32(RECORD + at + 4, bytes.length);
    free += bytes.length;
  };
  const has = <T>(bit: number, value: T | undefined, write: (value: T) => void) => {
    if (value === undefined) return;
    mask |= 1 << bit;
    write(value);
  };
  seconds(0, saying.maxAge ?? 60);
  has(1, saying.request, (request) => memory.setU32(RECORD + 8, request));
  has(2, saying.vary, (text) => put(12, text));
  has(3, saying.age, (age) => seconds(24, age));
  has(4, saying.swr, (swr) => seconds(32, swr));
  has(5, saying.keys, (text) => put(40, text));
  has(6, saying.length, (length) => memory.setU64(RECORD + 48, BigInt(length)));
  has(7, saying.metadata, (text) => put(56, text));
  has(8, saying.sensitive, () => {});
  has(9, saying.edge, (edge) => seconds(64, edge));
  return [mask, RECORD];
}

/** Writes the record of a lookup, and answers the mask and its place. */
export function lookupRecord(
  { memory }: Bench,
  { request, insist = false }: { request?: number; insist?: boolean } = {},
): [mask: number, ptr: number] {
  if (request !== undefined) memory.setU32(RECORD, request);
  return [(request === undefined ? 0 : 2) | (insist ? 8 : 0), RECORD];
}

/** A guest that caches, on a clock that tests set. */
export class Caching implements Disposable {
  readonly b: Bench;
  #now = 1_000_000;

  constructor(options: ServiceOptions = {}, beside?: Caching) {
    const shared = beside && { cache: beside.b.service.cache };
    this.b = bench({ clock: () => this.#now, ...options }, {}, shared);
  }

  /** Another run of the program, with the same cache. */
  other(): Caching {
    return new Caching({}, this);
  }

  /** Lets seconds go by. */
  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }

  /** Stores a whole object outside of transactions. */
  async store(key: string, text: string, saying: Saying = {}): Promise<void> {
    const body = await this.b.got(MODULE, "insert", key, ...writeRecord(this.b, saying));
    await this.write(body, text);
  }

  /** Writes all of an object. */
  async write(body: number, text: string): Promise<void> {
    await this.add(body, text);
    assertEquals(await this.b.call("fastly_http_body", "close", body), XqdStatus.ok);
  }

  async add(body: number, text: string): Promise<void> {
    await this.b.got("fastly_http_body", "write", body, text, 0);
  }

  lookup(key: string, options: Parameters<typeof lookupRecord>[1] = {}): Promise<number> {
    return this.b.got(MODULE, "lookup", key, ...lookupRecord(this.b, options));
  }

  transaction(key: string, options: Parameters<typeof lookupRecord>[1] = {}): Promise<number> {
    return this.b.got(MODULE, "transaction_lookup", key, ...lookupRecord(this.b, options));
  }

  busy(key: string): Promise<number> {
    return this.b.got(MODULE, "transaction_lookup_async", key, 0, 0);
  }

  wait(busy: number): Promise<number> {
    return this.b.got(MODULE, "cache_busy_handle_wait", busy);
  }

  state(handle: number): Promise<number> {
    return this.b.got(MODULE, "get_state", handle);
  }

  /** A number of eight bytes, or the status that says why there is none. */
  async number(name: string, handle: number): Promise<bigint | string> {
    const status = await this.b.call(MODULE, name, handle, OUT);
    return status === XqdStatus.ok ? this.b.memory.u64(OUT) : `status ${status}`;
  }

  /** Returns the status and number of every getter, in the order of {@linkcode GETTERS}. */
  async numbers(handle: number, prefix = ""): Promise<(bigint | string)[]> {
    const numbers = [];
    for (const name of GETTERS) numbers.push(await this.number(prefix + name, handle));
    return numbers;
  }

  /** The status of a body that is asked for, and the body. */
  async open(
    handle: number,
    { from, to }: { from?: number; to?: number } = {},
    name = "get_body",
  ): Promise<{ status: number; body: number }> {
    const { memory } = this.b;
    let mask = 0;
    if (from !== undefined) mask |= 2;
    if (to !== undefined) mask |= 4;
    memory.setU64(RECORD, BigInt(from ?? 0));
    memory.setU64(RECORD + 8, BigInt(to ?? 0));
    const status = await this.b.call(MODULE, name, handle, mask, RECORD, OUT2);
    return { status, body: memory.u32(OUT2) };
  }

  /** All content of a found object. */
  async read(handle: number, range: { from?: number; to?: number } = {}): Promise<string> {
    const { status, body } = await this.open(handle, range);
    assertEquals(status, XqdStatus.ok);
    const text = await this.b.drain(body);
    await this.b.call("fastly_http_body", "close", body);
    return text;
  }

  [Symbol.dispose](): void {
    this.b[Symbol.dispose]();
  }
}

/** A request with header fields. */
export async function requestWith(b: Bench, ...fields: string[]): Promise<number> {
  const request = await b.request();
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i]!, fields[i + 1]!];
    assertEquals(b.now("fastly_http_req", "header_append", request, name, value), XqdStatus.ok);
  }
  return request;
}
