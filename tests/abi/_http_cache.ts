/**
 * The HTTP cache's calls with their records.
 *
 * @module
 */
import type { ServiceOptions } from "../../service/options.ts";
import { assertEquals } from "../assert.ts";
import { type Bench, bench, BUF, type FakeRequest, OUT, OUT2, XqdStatus } from "./_bench.ts";

export const HTTP_CACHE = "fastly_http_cache";
/** Address of option records. */
export const RECORD = 0x200;
const TEXTS = 0x300;
const SECOND = 10n ** 9n;

export const State = { found: 1, usable: 2, stale: 4, mustInsert: 8, ifError: 16 } as const;
export const FRESH = State.found | State.usable;
export const STALE = FRESH | State.stale;
const ACTIONS = ["insert", "update", "do-not-store", "record-uncacheable"];

/** Uses of the cache by the request, as its metrics have them. */
export function usesOf({ exchange }: Bench): readonly string[] {
  return exchange.metrics.cache;
}

/** Seconds, and texts with spaces in them. */
interface Saying {
  readonly maxAge?: number;
  readonly vary?: string;
  readonly age?: number;
  readonly swr?: number;
  readonly sie?: number;
  readonly keys?: string;
  readonly length?: number;
  readonly sensitive?: boolean;
}

const encoder = new TextEncoder();

/** Writes the record of a write, and answers the mask and its place. */
export function writeRecord({ memory }: Bench, saying: Saying): [mask: number, ptr: number] {
  let mask = 0;
  let free = TEXTS;
  const has = <T>(bit: number, value: T | undefined, write: (value: T) => void) => {
    if (value === undefined) return;
    mask |= 1 << bit;
    write(value);
  };
  const seconds = (at: number) => (value: number) =>
    memory.setU64(RECORD + at, BigInt(value) * SECOND);
  const put = (at: number) => (text: string) => {
    const bytes = encoder.encode(text);
    memory.setBytes(free, bytes);
    memory.setU32(RECORD + at, free);
    memory.setU32(RECORD + at + 4, bytes.length);
    free += bytes.length;
  };
  seconds(0)(saying.maxAge ?? 60);
  has(1, saying.vary, put(8));
  has(2, saying.age, seconds(16));
  has(3, saying.swr, seconds(24));
  has(4, saying.keys, put(32));
  has(5, saying.length, (length) => memory.setU64(RECORD + 40, BigInt(length)));
  has(6, saying.sensitive, () => {});
  has(7, saying.sie, seconds(48));
  return [mask, RECORD];
}

/** Guest that caches backends' responses, on a clock that tests set. */
export class HttpCaching implements Disposable {
  readonly b: Bench;
  #now = Date.parse("2026-11-22T12:00:00Z");

  constructor(options: ServiceOptions = {}, request: FakeRequest = {}, beside?: HttpCaching) {
    this.b = bench(
      {
        clock: () => this.#now,
        backends: { one: () => new Response(), two: () => new Response() },
        ...options,
      },
      request,
      beside && { cache: beside.b.service.cache },
    );
  }

  /** Another run of the program, with the same cache. */
  other(): HttpCaching {
    return new HttpCaching({}, {}, this);
  }

  /** Lets seconds go by. */
  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }

  /** A request with header fields, name and value in turn. */
  async request(fields: readonly string[] = [], method = "GET", url?: string): Promise<number> {
    const request = await this.b.request(url, method);
    for (let i = 0; i < fields.length; i += 2) {
      this.ok("fastly_http_req", "header_append", request, fields[i]!, fields[i + 1]!);
    }
    return request;
  }

  /** A response with header fields. */
  async response(fields: readonly string[] = [], status = 200): Promise<number> {
    const response = await this.b.got("fastly_http_resp", "new");
    this.ok("fastly_http_resp", "status_set", response, status);
    for (let i = 0; i < fields.length; i += 2) {
      this.ok("fastly_http_resp", "header_append", response, fields[i]!, fields[i + 1]!);
    }
    return response;
  }

  /** A call that must succeed at once. */
  ok(module: string, name: string, ...args: (number | string)[]): void {
    assertEquals(this.b.now(module, name, ...args), XqdStatus.ok, `${module}.${name}`);
  }

  /** The status of a lookup, and its handle. */
  lookup(
    request: number,
    { key, backend }: { key?: string; backend?: string } = {},
    name = "transaction_lookup",
  ): { status: number; handle: number } {
    const { memory } = this.b;
    const put = (at: number, text: string | undefined) => {
      if (text === undefined) return;
      memory.setBytes(TEXTS + at * 64, encoder.encode(text));
      memory.setU32(RECORD + at, TEXTS + at * 64);
      memory.setU32(RECORD + at + 4, text.length);
    };
    put(0, key);
    put(8, backend);
    const mask = (key === undefined ? 0 : 2) | (backend === undefined ? 0 : 4);
    const status = this.b.now(HTTP_CACHE, name, request, mask, mask ? RECORD : 0, OUT);
    return { status, handle: memory.u32(OUT) };
  }

  /** A transaction for a request of its own. */
  async begin(
    fields: readonly string[] = [],
    method = "GET",
    options: Parameters<HttpCaching["lookup"]>[1] = {},
  ): Promise<number> {
    const { status, handle } = this.lookup(await this.request(fields, method), options);
    assertEquals(status, XqdStatus.ok);
    return handle;
  }

  /** Stores a whole response; answers the handle that reads it back. */
  async insert(
    lookup: number,
    text: string,
    saying: Saying = {},
    fields: readonly string[] = [],
  ): Promise<number> {
    const response = await this.response(fields);
    const record = writeRecord(this.b, saying);
    this.ok(
      HTTP_CACHE,
      "transaction_insert_and_stream_back",
      lookup,
      response,
      ...record,
      OUT,
      OUT2,
    );
    const { memory } = this.b;
    const [body, back] = [memory.u32(OUT), memory.u32(OUT2)];
    await this.write(body, text);
    return back;
  }

  /** Writes all of an object. */
  async write(body: number, text: string): Promise<void> {
    await this.b.got("fastly_http_body", "write", body, text, 0);
    this.ok("fastly_http_body", "close", body);
  }

  /** Stores the response to a GET. */
  async store(text: string, saying: Saying = {}, fields: readonly string[] = []): Promise<void> {
    const lookup = await this.begin();
    this.close(await this.insert(lookup, text, saying, fields));
    this.close(lookup);
  }

  close(lookup: number): void {
    this.ok(HTTP_CACHE, "close", lookup);
  }

  state(lookup: number): Promise<number> {
    return this.b.got(HTTP_CACHE, "get_state", lookup);
  }

  /** The status of the call for the response, and its fields and content. */
  async found(lookup: number, forClient = 1): Promise<FoundResponse> {
    const { b } = this;
    const status = await b.call(HTTP_CACHE, "get_found_response", lookup, forClient, OUT, OUT2);
    if (status !== XqdStatus.ok) return { status, code: 0, headers: {}, body: "" };
    const [response, body] = [b.memory.u32(OUT), b.memory.u32(OUT2)];
    const code = this.code(response);
    const headers = await this.headers(response);
    return { status, code, headers, body: await b.drain(body) };
  }

  code(response: number): number {
    this.ok("fastly_http_resp", "status_get", response, OUT);
    return this.b.memory.u32(OUT) & 0xffff;
  }

  async headers(message: number, module = "fastly_http_resp"): Promise<Record<string, string>> {
    const { values } = await this.b.page(module, "header_names_get", [message]);
    const headers: Record<string, string> = {};
    for (const name of values) {
      const all = await this.b.page(module, "header_values_get", [message, name]);
      headers[name] = all.values.join(" | ");
    }
    return headers;
  }

  /** Storage action for a response, and its head as it would be stored. */
  async prepare(lookup: number, response: number): Promise<{ action: string; response: number }> {
    const name = "prepare_response_for_storage";
    assertEquals(await this.b.call(HTTP_CACHE, name, lookup, response, OUT, OUT2), XqdStatus.ok);
    const { memory } = this.b;
    return { action: ACTIONS[memory.u32(OUT)]!, response: memory.u32(OUT2) };
  }

  /** A number of eight bytes, or the status that says why there is none. */
  async number(name: string, lookup: number): Promise<bigint | string> {
    const status = await this.b.call(HTTP_CACHE, name, lookup, OUT);
    return status === XqdStatus.ok ? this.b.memory.u64(OUT) : `status ${status}`;
  }

  /** Suggestions for a response, with room for so many bytes of text each. */
  async suggest(
    lookup: number,
    response: number,
    { mask = 0xff, vary = 64, keys = 64 } = {},
  ): Promise<Suggested> {
    const { b } = this;
    const { memory } = b;
    b.fill(RECORD, 56);
    memory.setU32(RECORD + 8, BUF);
    memory.setU32(RECORD + 12, vary);
    memory.setU32(RECORD + 32, BUF + 0x100);
    memory.setU32(RECORD + 36, keys);
    b.fill(TEXTS, 64);
    b.fill(BUF, 0x200);
    const name = "get_suggested_cache_options";
    const status = await b.call(HTTP_CACHE, name, lookup, response, mask, RECORD, OUT, TEXTS);
    const text = (at: number, ptr: number) => {
      const length = memory.u32(TEXTS + at + 4);
      if (status !== XqdStatus.ok) return length;
      assertEquals(memory.u32(TEXTS + at), ptr);
      return b.text(ptr, length);
    };
    const filled = memory.u32(OUT);
    return {
      status,
      mask: filled,
      maxAge: memory.u64(TEXTS) / SECOND,
      vary: filled & 2 ? text(8, BUF) : undefined,
      age: filled & 4 ? memory.u64(TEXTS + 16) / SECOND : undefined,
      swr: filled & 8 ? memory.u64(TEXTS + 24) / SECOND : undefined,
      keys: filled & 16 ? text(32, BUF + 0x100) : undefined,
      length: filled & 32 ? memory.u64(TEXTS + 40) : undefined,
      sie: filled & 128 ? memory.u64(TEXTS + 48) / SECOND : undefined,
    };
  }

  [Symbol.dispose](): void {
    this.b[Symbol.dispose]();
  }
}

interface FoundResponse {
  readonly status: number;
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Texts, or the lengths that would do; times in seconds. */
interface Suggested {
  readonly status: number;
  readonly mask: number;
  readonly maxAge: bigint;
  readonly vary: string | number | undefined;
  readonly age: bigint | undefined;
  readonly swr: bigint | undefined;
  readonly keys: string | number | undefined;
  readonly length: bigint | undefined;
  readonly sie: bigint | undefined;
}
