/**
 * Runs programs written for Fastly Compute.
 *
 * ```ts
 * import { Fastlike } from "./mod.ts";
 *
 * const app = await Fastlike.load(new URL("./app.wasm", import.meta.url), {
 *   backends: { origin: "http://localhost:8000" },
 * });
 * Deno.serve(app.handler);
 * ```
 *
 * @module
 */
import { binderOf } from "./abi/mod.ts";
import { Memory } from "./handles/memory.ts";
import { Sandbox } from "./handles/sandbox.ts";
import { Stop } from "./handles/stop.ts";
import type { Exchange } from "./service/exchange.ts";
import { HeaderList } from "./service/headers.ts";
import type { ServiceOptions } from "./service/options.ts";
import { describe, LOOP_NAME, Service } from "./service/service.ts";
import { type HandlerInfo, WebExchange } from "./service/web_exchange.ts";
import { Pool } from "./wasm/pool.ts";
import { compile, type Source } from "./wasm/program.ts";
import { type Job, RunQueue } from "./wasm/run_queue.ts";
import { Slot } from "./wasm/slot.ts";
import { describeTrap } from "./wasm/trap.ts";

export { XqdStatus } from "./abi/_status.ts";
export { Body } from "./handles/body.ts";
export { Memory } from "./handles/memory.ts";
export { GuestRequest, GuestResponse } from "./handles/message.ts";
export { HandleTable } from "./handles/table.ts";
export type { BackendDefinition, BackendHandler, BackendOptions } from "./service/backend.ts";
export { type ClientFacts, type Exchange, HttpVersion } from "./service/exchange.ts";
export { defaultGeo, type Geo, geoHandler, type GeoLookup } from "./service/geo.ts";
export { HeaderList } from "./service/headers.ts";
export type { LogEntry, LogLevel, LogSink } from "./service/log.ts";
export type { BackendLookup, Limits, ServiceOptions } from "./service/options.ts";
export { parseUserAgent, type UserAgent, type UserAgentParser } from "./service/user_agent.ts";
export type { HandlerInfo } from "./service/web_exchange.ts";
export type { Source } from "./wasm/program.ts";

const DEFAULT_MEMORY = 128 * 2 ** 20;
const DEFAULT_INSTANCES = 1000;
/** Frames that a trap tells: ten, the default, end within Rust's own panic. */
const STACK_FRAMES = 64;
/** How long a request waits for an instance, in milliseconds. */
const MOST_WAIT = 10_000;

/** The options of {@linkcode Fastlike.load}. */
export interface FastlikeOptions extends ServiceOptions {
  /** Whether the guest sees `https` and the field `fastly-ssl: 1`. By default it does if the request's URL says so. */
  readonly secure?: (request: Request, info?: HandlerInfo) => boolean;
}

/** A handler for `Deno.serve`, and for anything else that has a `Request` and wants a `Response`. */
export type Handler = (request: Request, info?: HandlerInfo) => Promise<Response>;

/** A program that answers requests. Two of them in one process share nothing. */
export class Fastlike implements AsyncDisposable {
  /** Answers one request. Never rejects: what goes wrong is a response too. Bound, so that it can be handed on. */
  readonly handler: Handler;
  /** {@linkcode Fastlike.handler}, under the name that `deno serve` looks for. */
  readonly fetch: Handler;
  readonly #options: FastlikeOptions;
  readonly #service: Service;
  readonly #running = new Set<Run>();
  #loaded: Loaded;
  #closed = false;

  private constructor(loaded: Loaded, service: Service, options: FastlikeOptions) {
    this.#loaded = loaded;
    this.#service = service;
    this.#options = options;
    this.handler = this.fetch = (request, info) =>
      handle(request, info, this.#options, (exchange) => this.answer(exchange));
  }

  /**
   * Compiles a program. Raises the process's `Error.stackTraceLimit`, so that traps name the guest's own functions.
   *
   * @param source A URL (`http:` or `file:`), bytes, a response, or a module (on which `limits.memory` has no hold).
   * @throws {Error} If it cannot be loaded, is no program of this ABI, or an option makes no sense; in one line.
   */
  static async load(source: Source, options: FastlikeOptions = {}): Promise<Fastlike> {
    Error.stackTraceLimit = Math.max(Error.stackTraceLimit, STACK_FRAMES);
    const service = new Service(options);
    return new Fastlike(await load(source, service), service, options);
  }

  /**
   * Answers one exchange: for fronts that keep more of the wire than a `Request` does. Resolves when the guest has
   * ended, which may be after its response. Never rejects.
   */
  answer(exchange: Exchange): Promise<void> {
    return this.#answer(exchange, this.#service);
  }

  /** An instance for one request, with options of its own on top of the program's. */
  instantiate(overrides: FastlikeOptions = {}): Instance {
    const options = { ...this.#options, ...overrides };
    const service = new Service(options);
    return new Instance((request, info) =>
      handle(
        request,
        info,
        options,
        (exchange) => this.#answer(exchange, service).finally(() => service.close()),
      )
    );
  }

  /**
   * Makes instances ahead of requests, up to `limits.instances`.
   *
   * @returns How many are ready.
   */
  warmup(count: number): number {
    return this.#loaded.pool.warmup(count);
  }

  /** Puts a new program in place: new requests get it, running ones end on the old. As `load` throws, and keeps the old. */
  async reload(source: Source): Promise<void> {
    this.#loaded = await load(source, this.#service);
  }

  /** Ends what is running (503 to those without a response) and closes all connections to backends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const running = [...this.#running];
    for (const run of running) run.stop(new Stop("The service is closing"));
    await Promise.all(running.map(({ ended }) => ended));
    this.#service.close();
  }

  async #answer(exchange: Exchange, service: Service): Promise<void> {
    if (this.#closed) return reply(exchange, 503, "The service is closed");
    if (service.options.loopGuard && hasLooped(exchange)) {
      return reply(
        exchange,
        508,
        "Loop detected: the request has come through this service before",
      );
    }
    const run = new Run(exchange, service, this.#loaded.queue);
    this.#running.add(run);
    await run.ended;
    this.#running.delete(run);
  }
}

/** One run of a program, for one request with options of its own. */
export class Instance {
  readonly #handler: Handler;
  #used = false;

  /** @ignore Made by {@linkcode Fastlike.instantiate}. */
  constructor(handler: Handler) {
    this.#handler = handler;
  }

  /**
   * Answers the request.
   *
   * @throws {Error} At the second call.
   */
  handle(request: Request, info?: HandlerInfo): Promise<Response> {
    if (this.#used) {
      throw new Error("Cannot handle a second request: an instance is for one, make another");
    }
    this.#used = true;
    return this.#handler(request, info);
  }
}

/** Where the hostcalls of one instance find whoever runs in it. */
interface Seat {
  sandbox: Sandbox;
  memory?: Memory;
}

/** A program, ready for requests. */
interface Loaded {
  readonly pool: Pool<Seat>;
  readonly queue: RunQueue<Seat>;
}

async function load(source: Source, service: Service): Promise<Loaded> {
  const { limits, log } = service.options;
  const program = await compile(source, limits?.memory ?? DEFAULT_MEMORY);
  if (log && !program.limited) {
    service.report("warning", "The memory limit does not hold: the module came compiled");
  }
  const binders = program.imports.map(({ module, name }) =>
    binderOf(module, name, service.logsHostcalls)
  );
  const makeSlot = () => {
    const seat = {} as Seat;
    return new Slot(program, { seat, functions: binders.map((bind) => bind(seat)) });
  };
  const pool = new Pool(makeSlot, limits?.instances ?? DEFAULT_INSTANCES);
  return { pool, queue: new RunQueue(pool) };
}

/** A request on its way through the guest: first in the queue, then in a sandbox. */
class Run implements Job<Seat> {
  readonly ended: Promise<void>;
  readonly #exchange: Exchange;
  readonly #service: Service;
  readonly #queue: RunQueue<Seat>;
  readonly #end: () => void;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #sandbox: Sandbox | undefined;

  constructor(exchange: Exchange, service: Service, queue: RunQueue<Seat>) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
    this.#exchange = exchange;
    this.#service = service;
    this.#queue = queue;
    exchange.onGone((reason) => this.stop(new Stop(reason.message)));
    queue.submit(this);
    if (this.#sandbox) return;
    this.#patience = setTimeout(
      () => this.stop(new Stop("Every instance is in use: try again later")),
      MOST_WAIT,
    );
  }

  async run(slot: Slot<Seat>, yieldTurn: () => void): Promise<void> {
    clearTimeout(this.#patience);
    const { seat } = slot;
    seat.memory ??= new Memory(slot.memory);
    const sandbox = new Sandbox(this.#service, seat.memory, this.#exchange, yieldTurn);
    this.#sandbox = seat.sandbox = sandbox;
    try {
      await slot.run();
      sandbox.end();
    } catch (error) {
      sandbox.end(faultOf(error, sandbox));
    }
    this.#end();
  }

  fail(error: unknown): void {
    clearTimeout(this.#patience);
    this.#service.report("error", `Cannot instantiate the program: ${describe(error)}`);
    reply(this.#exchange, 500, `Cannot instantiate the program: ${error}`);
    this.#end();
  }

  /** Ends the guest, or takes the request out of the queue. */
  stop(reason: Stop): void {
    if (this.#sandbox) return this.#sandbox.stop(reason);
    if (!this.#queue.withdraw(this)) return;
    clearTimeout(this.#patience);
    reply(this.#exchange, 503, reason.message);
    this.#end();
  }
}

/** What the client is told of a guest that did not return; nothing for one that exited well. */
function faultOf(
  error: unknown,
  { service, id }: Sandbox,
): { readonly status: number; readonly message: string } | undefined {
  if (!(error instanceof Stop)) {
    const message = `The guest trapped: ${describeTrap(error)}`;
    service.report("error", message, id);
    return { status: 500, message };
  }
  if (error.code === 0) return undefined;
  service.report(error.code === undefined ? "info" : "error", error.message, id);
  return { status: error.code === undefined ? 503 : 500, message: error.message };
}

function handle(
  request: Request,
  info: HandlerInfo | undefined,
  { secure }: FastlikeOptions,
  answer: (exchange: Exchange) => Promise<void>,
): Promise<Response> {
  const https = secure?.(request, info) ?? request.url.startsWith("https:");
  const exchange = new WebExchange(request, info, https);
  answer(exchange);
  return exchange.response;
}

function hasLooped({ head }: Exchange): boolean {
  return head.headers.getAll("cdn-loop").some((value) =>
    value.split(",").some((hop) => hop.split(";")[0]!.trim().toLowerCase() === LOOP_NAME)
  );
}

/** Answers without a guest. */
function reply(exchange: Exchange, status: number, message: string): void {
  const body = new TextEncoder().encode(`${message}\n`);
  const headers = new HeaderList([
    "content-type",
    "text/plain; charset=utf-8",
    "content-length",
    String(body.length),
    ...status === 503 ? ["retry-after", "1"] : [],
  ]);
  exchange.respond({ status, headers }, body);
}
