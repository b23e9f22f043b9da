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
import { DownstreamRequest } from "./handles/downstream_request.ts";
import { Stop } from "./handles/stop.ts";
import { load, type LoadedProgram, warmup, watchdogOf } from "./engine/load.ts";
import { Run } from "./engine/run.ts";
import type { Exchange } from "./service/http/exchange.ts";
import { type Linked, LinkedList } from "./service/util/linked_list.ts";
import { afterTurn } from "./service/util/clock.ts";
import type { ServiceOptions } from "./service/options.ts";
import { type HeadRefusal, refusalOfHead } from "./engine/head_refusal.ts";
import { reply } from "./service/http/reply.ts";
import { hopsOf } from "./service/http/cdn_loop.ts";
import { describe, Service } from "./service/service.ts";
import type { Status } from "./service/status.ts";
import { checkNodeInternals } from "./service/util/node_internals.ts";
import { SyntheticExchange } from "./service/http/synthetic_exchange.ts";
import { type HandlerInfo, WebExchange } from "./service/http/web_exchange.ts";
import type { Source } from "./wasm/program.ts";
import type { ProgramCache } from "./wasm/program_cache.ts";
import type { Watchdog } from "./wasm/watchdog.ts";

export * from "./service/public.ts";
export type { Source } from "./wasm/program.ts";
export { ProgramCache } from "./wasm/program_cache.ts";

/** Frames that a trap tells: ten, the default, end within Rust's own panic. */
const STACK_FRAMES = 64;

/** The options of {@linkcode Fastlike.load}. */
export interface FastlikeOptions extends ServiceOptions {
  /**
   * Whether a request came over TLS: then the guest sees `https` and the field `fastly-ssl: 1`. `true` is for a server
   * with certificates. By default a request that a server hands over with its `info` did not, because the scheme of its
   * URL may be what the client has written; of any other request its URL tells.
   */
  readonly secure?: boolean | ((request: Request, info?: HandlerInfo) => boolean);
  /** Programs that were compiled before, for this load and its reloads. By default each of them compiles. */
  readonly programs?: ProgramCache;
}

/** A handler for `Deno.serve`, and for anything else that has a `Request` and wants a `Response`. */
export type Handler = (request: Request, info?: HandlerInfo) => Promise<Response>;

interface RunNode extends Linked<RunNode> {
  readonly run: Run;
}

/** A program that answers requests. Two of them in one process share nothing. */
export class Fastlike implements AsyncDisposable {
  /** Answers one request. What goes wrong is a response too, but for a `secure` that throws. Bound, so that it can be handed on. */
  readonly handler: Handler;
  /** {@linkcode Fastlike.handler}, under the name that `deno serve` looks for. */
  readonly fetch: Handler;
  readonly #runs = new LinkedList<RunNode>();
  /** Services that have been replaced, and end with the last of their requests. */
  readonly #ending = new Set<Promise<void>>();
  #options: FastlikeOptions;
  #service: Service;
  #loaded: LoadedProgram;
  #warm = 0;
  #closed = false;

  private constructor(loaded: LoadedProgram, service: Service, options: FastlikeOptions) {
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
    checkNodeInternals();
    Error.stackTraceLimit = Math.max(Error.stackTraceLimit, STACK_FRAMES);
    const service = new Service(options);
    await service.cache.loaded?.catch(async (error) => {
      await service.close();
      throw error;
    });
    const watchdog = watchdogOf(service);
    const loaded = await load(source, service, watchdog, options.programs);
    await watchdog.start();
    service.backends.startProbes();
    return new Fastlike(loaded, service, options);
  }

  /**
   * Answers one exchange: for fronts that keep more of the wire than a `Request` does. Resolves when the guest has
   * ended, which may be after its response. Never rejects.
   */
  answer(exchange: Exchange): Promise<void> {
    return this.#answer(exchange, this.#service);
  }

  /**
   * Notes in the status, the log and the exchange's metrics that a front has ended a connection for `stall_time`.
   *
   * @param exchange The request that it ends; undefined if the connection has none.
   * @param what What has happened, in words before "the limit".
   */
  stalled(exchange: Exchange | undefined, what: string): void {
    const service = this.#service;
    if (!exchange) return void service.meetStallTime(what);
    service.meetLimit(exchange, "stall_time", what, exchange.metrics.requestId);
  }

  /**
   * Runs the program once, as a test binary or a tool, with a request that it need not answer:
   * `GET http://example.com/`, from 127.0.0.1. What limits a request limits the run.
   *
   * @returns The guest's exit status; 134 if it trapped, which the log tells about.
   */
  async run(): Promise<number> {
    const exchange = new SyntheticExchange();
    const request = new DownstreamRequest(this.#service, exchange);
    const run = this.#note(new Run(request, this.#service, this.#loaded, true));
    const fault = await run.ended;
    request.endWallTime();
    return fault?.exitCode ?? 0;
  }

  /**
   * An instance for one request, with options of its own on top of the program's, whose KV stores, cache and rate counters it shares;
   * the cache only if it has no backends of its own.
   */
  instantiate(overrides: FastlikeOptions = {}): Instance {
    const options = { ...this.#options, ...overrides };
    const { kvStores, rates, cache, readThrough, stallClock, stalled, counters } = this.#service;
    const { cacheDriver: _, ...unkept } = options;
    // What other backends have answered is no answer of these.
    const apart = overrides.backends !== undefined || overrides.catchAll !== undefined;
    const service = new Service(apart ? unkept : options, {
      rates,
      stallClock,
      stalled,
      ...apart ? {} : { cache, readThrough },
      counters,
      ...overrides.kvStores ? {} : { kvStores },
    });
    return new Instance((request, info) =>
      handle(
        request,
        info,
        options,
        (exchange) => this.#answer(exchange, service).finally(() => service.retire()),
      )
    );
  }

  /**
   * Makes instances ahead of requests, up to `limits.instances`, and keeps as many of them. So does a reload.
   *
   * @param count How many are to be ready.
   * @returns How many are ready.
   * @throws {Error} If the program cannot be instantiated.
   */
  warmup(count: number): number {
    this.#warm = Math.max(this.#warm, count);
    return warmup(this.#loaded, count);
  }

  /**
   * Takes what has a surrogate key out of the cache.
   *
   * @param soft Makes it stale instead: it may still be used while a new one is fetched. By default it is gone.
   * @returns How many objects there were in memory.
   */
  async purge(
    surrogateKey: string,
    { soft = false }: { readonly soft?: boolean } = {},
  ): Promise<number> {
    return await this.#service.cache.purge(surrogateKey, soft);
  }

  /** Takes everything out of the cache; resolves to how many objects there were in memory. */
  async purgeAll(): Promise<number> {
    return await this.#service.cache.purgeAll();
  }

  /** How the program is doing now; what is counted is counted over its reloads. */
  status(): Status {
    const { pool, queue } = this.#loaded;
    const { backends, limits, counters } = this.#service;
    return {
      instances: { live: pool.live, idle: pool.idle, most: limits.instances },
      queued: queue.length,
      traps: counters.traps,
      limits: { ...counters.limits },
      backends: Object.fromEntries(
        Array.from(backends.stats, ([name, stats]) => [name, { ...stats }]),
      ),
    };
  }

  /**
   * Puts a new program in place: new requests get it, running ones end on the old.
   *
   * @param options In place of the present ones, all of them. KV stores keep what the program has written; cache, rate
   * counters and the status's counts go on, with the bounds and drivers that they have.
   * @throws {Error} As {@linkcode Fastlike.load} and {@linkcode Fastlike.warmup} do; the old program and the old options
   * stay then.
   */
  async reload(source: Source, options: FastlikeOptions = this.#options): Promise<void> {
    if (options === this.#options) {
      const { watchdog } = this.#loaded;
      const { programs } = options;
      return this.#put(await loadWarm(source, this.#service, watchdog, this.#warm, programs));
    }
    const { service, takeOver } = this.#service.makeSuccessor(options);
    const watchdog = watchdogOf(service);
    try {
      const loaded = await loadWarm(source, service, watchdog, this.#warm, options.programs);
      await watchdog.start();
      const old = { service: this.#service, watchdog: this.#loaded.watchdog };
      takeOver();
      service.backends.startProbes();
      const running = this.#runs.all().map(({ run }) => run.ended);
      this.#put(loaded);
      this.#service = service;
      this.#options = options;
      this.#endWith(running, old.service, old.watchdog);
    } catch (error) {
      watchdog[Symbol.dispose]();
      throw error;
    }
  }

  /** Gives new requests to another program. */
  #put(loaded: LoadedProgram): void {
    this.retire();
    this.#loaded.pool.retire();
    this.#loaded = loaded;
  }

  /** Ends a service that has been replaced once its last request has ended. */
  #endWith(running: readonly Promise<unknown>[], service: Service, watchdog: Watchdog): void {
    const ending = Promise.all(running).then(() => {
      watchdog[Symbol.dispose]();
      if (this.#closed) service.close();
      else service.retire();
      this.#ending.delete(ending);
    });
    this.#ending.add(ending);
  }

  /** Lets sandboxes end that wait for another request, before a shutdown. Requests go on being answered. */
  retire(): void {
    this.#loaded.retired = true;
    for (const promise of this.#loaded.listening) promise.end();
  }

  /** Ends what is running (503 to those without a response) and closes all connections to backends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const running = this.#runs.all();
    for (const { run } of running) run.close(new Stop("The service is closing"));
    await Promise.all(running.map(({ run }) => run.ended));
    await Promise.all(this.#ending);
    this.#loaded.pool.retire();
    this.#loaded.watchdog[Symbol.dispose]();
    await this.#service.close();
  }

  /** Never throws, whatever the exchange does. */
  #answer(exchange: Exchange, service: Service): Promise<void> {
    let request: DownstreamRequest | undefined;
    try {
      request = new DownstreamRequest(service, service.proxies?.see(exchange) ?? exchange);
      this.#place(request, service);
    } catch (error) {
      this.#failToStart(error, service, request);
      if (!request) {
        service.attempt("respond to a client", () => reply(exchange, 500, "The host has failed"));
        return Promise.resolve();
      }
    }
    return request.closed;
  }

  /** Gives a queued request to a guest, or refuses it. */
  #place(request: DownstreamRequest, service: Service): void {
    const refusal = this.#refusalOf(request, service);
    if (refusal) {
      request.refuse(refusal.status, refusal.message);
      request.finish();
    } else if (!this.#handOver(request, service)) {
      this.#note(new Run(request, service, this.#loaded));
    }
  }

  #failToStart(error: unknown, service: Service, request?: DownstreamRequest): void {
    service.report("error", `Cannot start a request: ${describe(error)}`, request?.id);
    request?.abort();
  }

  #refusalOf({ exchange, id }: DownstreamRequest, service: Service): HeadRefusal | undefined {
    if (this.#closed) return { status: 503, message: "The service is closed" };
    if (service.options.loopGuard && hopsOf(exchange.head.headers) > 0) {
      const message = "Loop detected: the request has come through this service before";
      return { status: 508, message };
    }
    return refusalOfHead(exchange, service, id);
  }

  #note(run: Run): Run {
    const node = { run, older: undefined, newer: undefined };
    this.#runs.add(node);
    run.ended.then(() => this.#runs.remove(node));
    return run;
  }

  /** Offers the request to guests that ask for one; says whether one has taken it. */
  #handOver(request: DownstreamRequest, service: Service): boolean {
    const { listening } = this.#loaded;
    if (!listening.size || service !== this.#service) return false;
    const giveBack = () => {
      try {
        this.#place(request, service);
      } catch (error) {
        this.#failToStart(error, service, request);
      }
    };
    for (const offer of listening) if (offer.offer(request, giveBack)) return true;
    return false;
  }
}

/** Loads a program and makes so many instances ahead, one at a time: requests go on meanwhile. */
async function loadWarm(
  source: Source,
  service: Service,
  watchdog: Watchdog,
  count: number,
  programs: ProgramCache | undefined,
): Promise<LoadedProgram> {
  const loaded = await load(source, service, watchdog, programs);
  for (let made = 1; made <= count && warmup(loaded, made) === made; made++) {
    await new Promise<void>(afterTurn);
  }
  return loaded;
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

// Async, so that a `secure` that throws rejects.
// deno-lint-ignore require-await
async function handle(
  request: Request,
  info: HandlerInfo | undefined,
  { secure }: FastlikeOptions,
  answer: (exchange: Exchange) => Promise<void>,
): Promise<Response> {
  const https = typeof secure === "function"
    ? secure(request, info)
    : secure ?? (!info && request.url.startsWith("https:"));
  const exchange = new WebExchange(request, info, https);
  answer(exchange).then(() => exchange.settled());
  return exchange.response;
}
