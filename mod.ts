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

/** Frames in the report of a trap. Ten, JavaScript's default, end within the panic code of Rust's standard library. */
const STACK_FRAMES = 64;

/** The options of {@linkcode Fastlike.load}. */
export interface FastlikeOptions extends ServiceOptions {
  /**
   * Whether a request came over TLS. If so, the guest gets a URL with `https` and the field `fastly-ssl: 1`. `true` is for
   * a server with certificates. By default a request with `info` counts as plain, since the scheme of its URL may have
   * been written by the client; without `info` the scheme of its URL counts.
   */
  readonly secure?: boolean | ((request: Request, info?: HandlerInfo) => boolean);
  /** Cache of compiled programs, for this load and its reloads. By default there is none, and each of them compiles. */
  readonly programs?: ProgramCache;
}

/** Handler that answers a `Request` with a `Response`, as `Deno.serve` takes it. */
export type Handler = (request: Request, info?: HandlerInfo) => Promise<Response>;

interface RunNode extends Linked<RunNode> {
  readonly run: Run;
}

/** Program that answers requests. Two of them in one process share no state, unless options give them the same drivers. */
export class Fastlike implements AsyncDisposable {
  /**
   * Answers one request. A failure is a response as well; the promise rejects only if the option `secure` throws. The
   * function is bound, so that it can be passed to `Deno.serve`.
   */
  readonly handler: Handler;
  /** {@linkcode Fastlike.handler} under the name that `deno serve` looks for. */
  readonly fetch: Handler;
  readonly #runs = new LinkedList<RunNode>();
  /** Services that have been replaced, each of which ends with the last of its requests. */
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
   * Loads a program. It also raises the process's `Error.stackTraceLimit` to 64, so that reports of traps reach the guest's
   * own functions.
   *
   * @param source URL (`http:`, `https:` or `file:`), bytes, response or compiled module. The limits `memory` and `cpu_time`
   *   do not hold for a compiled module.
   * @param options By default there are no backends and no stores, and all limits have their defaults.
   * @returns The program, ready for requests.
   * @throws {Error} If the source cannot be read, is no Compute program, or an option is invalid. The message is one line.
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
    try {
      await watchdog.start(); // a component's start functions run while it is loaded
      const loaded = await load(source, service, watchdog, options.programs);
      service.backends.startProbes();
      return new Fastlike(loaded, service, options);
    } catch (error) {
      watchdog[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Answers one exchange, for servers that keep more of an HTTP message than a `Request` does.
   *
   * @returns A promise that resolves when the request is closed, which may be after its response. It never rejects.
   */
  answer(exchange: Exchange): Promise<void> {
    return this.#answer(exchange, this.#service);
  }

  /**
   * Records in the status, the log and the exchange's metrics that a server has ended a connection for `stall_time`.
   *
   * @param exchange Exchange that ends with the connection; undefined if there is none.
   * @param what Description of the event, in words before "the limit".
   */
  stalled(exchange: Exchange | undefined, what: string): void {
    const service = this.#service;
    if (!exchange) return void service.meetStallTime(what);
    service.meetLimit(exchange, "stall_time", what, exchange.metrics.requestId);
  }

  /**
   * Runs the program once, as a test binary or a tool. Its request, which it need not answer, is
   * `GET http://example.com/` from 127.0.0.1. The limits of a request hold for the run.
   *
   * @returns Exit status of the guest; 134 if it trapped or reached a limit, with the reason in the log.
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
   * Makes an instance for one request with options of its own.
   *
   * ```ts
   * const instance = app.instantiate({ backends: { origin: (request) => new Response(request.url) } });
   * const response = await instance.handle(new Request("http://localhost/"));
   * ```
   *
   * @param overrides Options in place of the program's. The instance shares the program's rate counters, its KV stores
   *   unless `kvStores` is given, and its cache unless `backends` or `catchAll` is.
   */
  instantiate(overrides: FastlikeOptions = {}): Instance {
    const options = { ...this.#options, ...overrides };
    const { kvStores, rates, cache, readThrough, stallClock, stalled, counters } = this.#service;
    const { cacheDriver: _, ...unkept } = options;
    // Responses of other backends must not be found in the cache for these.
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
   * Makes instances ahead of requests, up to `limits.instances`, and keeps that many idle. A reload makes as many.
   *
   * @param count Number of instances to be ready.
   * @returns Number of instances that are ready.
   * @throws {Error} If the program cannot be instantiated.
   */
  warmup(count: number): number {
    this.#warm = Math.max(this.#warm, count);
    return warmup(this.#loaded, count);
  }

  /**
   * Purges objects with a surrogate key from the cache, as Fastly's API does.
   *
   * @param surrogateKey Key of the objects.
   * @param options `soft` makes objects stale instead of removing them, so that they can be used while new ones are
   *   fetched. By default they are removed.
   * @returns Number of objects in memory that had the key.
   */
  async purge(
    surrogateKey: string,
    { soft = false }: { readonly soft?: boolean } = {},
  ): Promise<number> {
    return await this.#service.cache.purge(surrogateKey, soft);
  }

  /**
   * Purges all objects from the cache.
   *
   * @returns Number of objects that were in memory.
   */
  async purgeAll(): Promise<number> {
    return await this.#service.cache.purgeAll();
  }

  /** Returns the present state of the program. Counts go on over reloads. */
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
   * Replaces the program. New requests get the new one; requests under way end with the old one.
   *
   * @param source Source of the new program, as for {@linkcode Fastlike.load}.
   * @param options Options in place of all present ones; by default those stay. KV stores keep values that programs have
   *   written. Cache, rate counters and counts of the status go on, with their present bounds and drivers.
   * @throws {Error} As {@linkcode Fastlike.load} and {@linkcode Fastlike.warmup} do. The old program and its options stay
   *   then.
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
      await watchdog.start();
      const loaded = await loadWarm(source, service, watchdog, this.#warm, options.programs);
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

  /** Makes another program take new requests. */
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

  /** Ends sandboxes that wait for a further request, before a shutdown. Requests are still answered. */
  retire(): void {
    this.#loaded.retired = true;
    for (const promise of this.#loaded.listening) promise.end();
  }

  /** Ends all requests, with a 503 for those without a response, and closes all connections to backends. */
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

  /** Answers an exchange with a service's options. Errors of the exchange are logged and not thrown. */
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

  /** Passes a queued request to a guest, or refuses it. */
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

  /** Offers a request to guests that wait for one. Returns whether a guest has taken it. */
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

/** Loads a program and makes `count` instances ahead, one per turn of the event loop, so that requests go on meanwhile. */
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

/** Instance of a program for one request, with options of its own; made by {@linkcode Fastlike.instantiate}. */
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
   * @param request Request of the client.
   * @param info Connection of the request, as `Deno.serve` gives it.
   * @throws {Error} If it is called a second time.
   */
  handle(request: Request, info?: HandlerInfo): Promise<Response> {
    if (this.#used) {
      throw new Error("Cannot handle a second request: an instance is for one, make another");
    }
    this.#used = true;
    return this.#handler(request, info);
  }
}

// Async, so that an exception of `secure` becomes a rejection.
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
