/**
 * A sandbox on bare memory, so that hostcalls can be tried without a guest.
 *
 * @module
 */
import type { BoundHostcall, CoreValue } from "../../abi/_define.ts";
import { XqdStatus } from "../../abi/_status.ts";
import { namespaces } from "../../abi/mod.ts";
import { Memory } from "../../handles/memory.ts";
import { DownstreamRequest } from "../../handles/downstream_request.ts";
import { type InstanceContext, Sandbox, type SandboxHost } from "../../handles/sandbox.ts";
import { collect, EMPTY, type Payload } from "../../service/http/bytes.ts";
import {
  type ClientFacts,
  type Exchange,
  HttpVersion,
  type RequestHead,
  type ResponseHead,
} from "../../service/http/exchange.ts";
import { RequestMetrics } from "../../service/http/request_metrics.ts";
import { HeaderList } from "../../service/http/headers.ts";
import type { LogEntry } from "../../service/log.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { Service } from "../../service/service.ts";
import { PlainMemory } from "../../wasm/instance_memory.ts";
import { Watchdog } from "../../wasm/watchdog.ts";
import { assertEquals } from "../assert.ts";

/** Address for out-parameters, which alone are written below {@linkcode INPUTS}. */
export const OUT = 0x100;
/** A second and third place for them, and one for buffers. */
export const OUT2 = 0x110;
export const OUT3 = 0x120;
export const BUF = 0x1000;
/** Address of texts and bytes among the arguments of a call. */
const INPUTS = 0x4000;
/** Four bytes that no hostcall writes by chance. */
export const UNTOUCHED = 0xdeadbeef;
export const INVALID_HANDLE = 0xffff_fffe;
export const FINISHED = 0xffff_ffff_ffff_ffffn;

export { XqdStatus };

/** A word; or a text or bytes, which become a pointer and a length. */
export type Argument = CoreValue | string | Uint8Array;

/** The client's request, where a test wants its own. */
export interface FakeRequest {
  readonly method?: string;
  readonly url?: string;
  readonly version?: HttpVersion;
  readonly headers?: readonly string[];
  readonly body?: Payload;
  readonly client?: Partial<ClientFacts>;
}

/** Calls of the sandbox on its exchange. */
export class FakeExchange implements Exchange {
  readonly head: RequestHead;
  readonly body: Payload;
  readonly client: ClientFacts;
  readonly metrics: RequestMetrics = new RequestMetrics();
  readonly informed: ResponseHead[] = [];
  readonly responses: { readonly head: ResponseHead; readonly body: Payload }[] = [];
  readonly #responded = Promise.withResolvers<void>();

  constructor(request: FakeRequest) {
    this.head = {
      method: request.method ?? "GET",
      url: request.url ?? "http://guest.test/path?q=1",
      version: request.version ?? HttpVersion.http11,
      headers: new HeaderList(request.headers ?? ["Host", "guest.test"]),
    };
    this.body = request.body ?? EMPTY;
    this.client = {
      address: "127.0.0.1",
      port: 50000,
      serverAddress: "127.0.0.1",
      serverPort: 7676,
      ...request.client,
    };
  }

  inform(head: ResponseHead): void {
    this.informed.push(head);
  }

  respond(head: ResponseHead, body: Payload): void {
    this.responses.push({ head, body });
    this.#responded.resolve();
  }

  onGone(): void {}

  /** The response, once there is one. */
  async response(): Promise<{ readonly head: ResponseHead; readonly body: Payload }> {
    await this.#responded.promise;
    assertEquals(this.responses.length, 1, "the client is answered once");
    return this.responses[0]!;
  }

  /** The response's body, read to its end. */
  async responseText(): Promise<string> {
    const { body } = await this.response();
    return new TextDecoder().decode(await collect(body));
  }
}

/** Host of a guest that is never stopped, and that waits alone. */
const ALONE: SandboxHost = {
  ahead: false,
  watch: new Watchdog({ cpuTime: Infinity, signals: [], warn() {} }),
  waiting() {},
  listening() {},
  left() {},
};

/** Everything that a hostcall may touch, and the hostcalls bound to it. */
export class Bench implements Disposable {
  readonly logs: LogEntry[] = [];
  readonly service: Service;
  readonly exchange: FakeExchange;
  readonly memory: Memory;
  readonly sandbox: Sandbox;
  readonly #context: InstanceContext;
  readonly #bound = new Map<string, BoundHostcall>();
  #free = INPUTS;

  /** @param shared Parts of another bench's service to share: the guest is another run of the program. */
  constructor(
    options: ServiceOptions,
    request: FakeRequest,
    shared?: ConstructorParameters<typeof Service>[1],
  ) {
    this.service = new Service({ log: (entry) => void this.logs.push(entry), ...options }, shared);
    this.exchange = new FakeExchange(request);
    this.memory = new Memory(new PlainMemory(new WebAssembly.Memory({ initial: 2 })));
    const received = new DownstreamRequest(this.service, this.exchange);
    this.sandbox = new Sandbox(this.service, this.memory, received, ALONE);
    this.sandbox.execution.enter();
    this.#context = { sandbox: this.sandbox };
  }

  /** Calls a hostcall as a guest does. */
  call(module: string, name: string, ...args: readonly Argument[]): number | Promise<number> {
    this.#free = INPUTS;
    return this.#bind(module, name)(...args.flatMap((arg) => this.#words(arg)));
  }

  /** Calls a hostcall that must answer at once. */
  now(module: string, name: string, ...args: readonly Argument[]): number {
    const status = this.call(module, name, ...args);
    if (typeof status !== "number") throw new Error(`${module}.${name} waits`);
    return status;
  }

  /** Calls a hostcall that must succeed and gives one handle, or another number of four bytes. */
  async got(module: string, name: string, ...args: readonly Argument[]): Promise<number> {
    assertEquals(await this.call(module, name, ...args, OUT), XqdStatus.ok, `${module}.${name}`);
    return this.memory.u32(OUT);
  }

  /** Calls a hostcall that ends in a buffer, its size and a pointer to the length. */
  async read(
    module: string,
    name: string,
    args: readonly Argument[],
    room = 4096,
  ): Promise<{ status: number; text: string; length: number }> {
    this.memory.setU32(OUT, UNTOUCHED);
    this.fill(BUF, room + 8);
    const status = await this.call(module, name, ...args, BUF, room, OUT);
    const length = this.memory.u32(OUT);
    const written = status === XqdStatus.ok ? length : 0;
    this.assertFilled(BUF + written, room + 8 - written);
    return { status, text: this.text(BUF, written), length };
  }

  /** Calls a hostcall that ends in a page of byte strings. */
  async page(
    module: string,
    name: string,
    args: readonly Argument[],
    { room = 4096, cursor = 0 } = {},
  ): Promise<{ status: number; values: string[]; length: number; next: bigint }> {
    this.memory.setU32(OUT, UNTOUCHED);
    this.memory.setU64(OUT2, 0x0123_4567_89ab_cdefn);
    this.fill(BUF, room + 8);
    const status = await this.call(module, name, ...args, BUF, room, cursor, OUT2, OUT);
    const length = this.memory.u32(OUT);
    const written = status === XqdStatus.ok ? length : 0;
    this.assertFilled(BUF + written, room + 8 - written);
    const values = this.memory.byteString(BUF, written).split("\0");
    assertEquals(values.pop(), "", "each value ends with a NUL");
    return { status, values, length, next: this.memory.u64(OUT2) };
  }

  /** A body of its own with a text in it. */
  async body(text = ""): Promise<number> {
    const body = await this.got("fastly_http_body", "new");
    if (text) await this.got("fastly_http_body", "write", body, text, 0);
    return body;
  }

  /** A request of its own. */
  async request(url = "http://origin.test/", method = "GET"): Promise<number> {
    const request = await this.got("fastly_http_req", "new");
    assertEquals(await this.call("fastly_http_req", "uri_set", request, url), XqdStatus.ok);
    assertEquals(await this.call("fastly_http_req", "method_set", request, method), XqdStatus.ok);
    return request;
  }

  /** Reads a body to its end. */
  async drain(body: number, room = 4096): Promise<string> {
    let text = "";
    for (;;) {
      const status = await this.call("fastly_http_body", "read", body, BUF, room, OUT);
      assertEquals(status, XqdStatus.ok, "fastly_http_body.read");
      const length = this.memory.u32(OUT);
      if (length === 0) return text;
      text += this.memory.byteString(BUF, length);
    }
  }

  text(at: number, length: number): string {
    return this.memory.text(at, length);
  }

  /** Puts recognisable bytes somewhere. */
  fill(at: number, length: number): void {
    this.memory.setBytes(at, new Uint8Array(length).fill(0xee));
  }

  /** Asserts that the bytes are still those of {@linkcode Bench.fill}. */
  assertFilled(at: number, length: number): void {
    const spoilt = this.memory.bytes(at, length).findIndex((byte) => byte !== 0xee);
    assertEquals(spoilt, -1, `nothing is written at ${at + spoilt}`);
  }

  /** Log entries of the host about its own bugs. */
  get bugs(): string[] {
    return this.logs.flatMap((entry) =>
      entry.kind === "host" && entry.message.startsWith("A hostcall failed") ? [entry.message] : []
    );
  }

  /** Ends the sandbox. No test may pass over a bug in the host. */
  [Symbol.dispose](): void {
    this.sandbox.end();
    this.service.close();
    assertEquals(this.bugs, []);
  }

  #bind(module: string, name: string): BoundHostcall {
    const key = `${module}.${name}`;
    const known = this.#bound.get(key);
    if (known) return known;
    const hostcall = namespaces.find((namespace) => namespace.name === module)?.calls[name];
    if (!hostcall) throw new Error(`No hostcall is named ${key}`);
    const bound = hostcall.bind(this.#context);
    this.#bound.set(key, bound);
    return bound;
  }

  #words(arg: Argument): CoreValue[] {
    if (typeof arg === "number" || typeof arg === "bigint") return [arg];
    const bytes = typeof arg === "string" ? new TextEncoder().encode(arg) : arg;
    const at = this.#free;
    this.memory.setBytes(at, bytes);
    this.#free += bytes.length;
    return [at, bytes.length];
  }
}

/** A bench with the options, for one test. */
export function bench(
  options: ServiceOptions = {},
  request: FakeRequest = {},
  shared?: ConstructorParameters<typeof Service>[1],
): Bench {
  return new Bench(options, request, shared);
}

/** A promise to settle from outside, and how far it has come. */
export function watch<T>(
  promise: T | Promise<T>,
): { settled: boolean; readonly value: Promise<T> } {
  const watched = { settled: false, value: Promise.resolve(promise) };
  const settle = () => void (watched.settled = true);
  watched.value.then(settle, settle);
  return watched;
}

/** Lets everything run that only waits for its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
