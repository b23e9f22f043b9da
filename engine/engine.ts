import { describe } from "../service/errors.ts";
import { DownstreamRequest } from "../handles/downstream_request.ts";
import { Stop } from "../handles/stop.ts";
import { hopsOf } from "../service/http/cdn_loop.ts";
import type { Exchange } from "../service/http/exchange.ts";
import { reply } from "../service/http/reply.ts";
import { SyntheticExchange } from "../service/http/synthetic_exchange.ts";
import { refuseUnknownOptions } from "../service/option_names.ts";
import { Service } from "../service/service.ts";
import type { Status } from "../service/status.ts";
import { loadBuiltins } from "../service/util/builtins.ts";
import { afterTurn } from "../service/util/clock.ts";
import { type Linked, LinkedList } from "../service/util/linked_list.ts";
import { checkNodeInternals } from "../service/util/node_internals.ts";
import type { Source } from "../wasm/source.ts";
import type { Watchdog } from "../wasm/watchdog.ts";
import { type Handler, handlerOf } from "./handler.ts";
import { type HeadRefusal, refusalOfHead } from "./head_refusal.ts";
import { load, type LoadedProgram, warmup, watchdogOf } from "./load.ts";
import { type FastlikeOptions, OPTION_NAMES } from "./options.ts";
import { Parking } from "./parking.ts";
import { Run } from "./run.ts";

/** Frames in the report of a trap. Ten, JavaScript's default, end within the panic code of Rust's standard library. */
const STACK_FRAMES = 64;

interface RunNode extends Linked<RunNode> {
  readonly run: Run;
}

/**
 * Program in a service. It starts a run for each request; program and service can be replaced while requests are under
 * way. Public methods are documented at the class `Fastlike`, which passes its calls on.
 */
export class Engine {
  readonly #runs = new LinkedList<RunNode>();
  /** Services that have been replaced, each of which ends with the last of its requests. */
  readonly #ending = new Set<Promise<void>>();
  #options: FastlikeOptions;
  #service: Service;
  #loaded: LoadedProgram;
  #warm = 0;
  #closed = false;
  #parking: Parking;

  private constructor(loaded: LoadedProgram, service: Service, options: FastlikeOptions) {
    this.#loaded = loaded;
    this.#service = service;
    this.#options = options;
    this.#parking = this.#park();
  }

  static async load(source: Source, options: FastlikeOptions): Promise<Engine> {
    checkNodeInternals("engine");
    refuseUnknownOptions(options, OPTION_NAMES);
    Error.stackTraceLimit = Math.max(Error.stackTraceLimit, STACK_FRAMES);
    const service = new Service(options);
    await service.cache.loaded?.catch(async (error) => {
      await service.close();
      throw error;
    });
    const watchdog = watchdogOf(service);
    try {
      const [loaded] = await Promise.all([
        load(source, service, watchdog, options.programs),
        loadBuiltins(), // while V8 compiles
      ]);
      service.backends.startProbes();
      return new Engine(loaded, service, options);
    } catch (error) {
      watchdog[Symbol.dispose]();
      throw error;
    }
  }

  get options(): FastlikeOptions {
    return this.#options;
  }

  /** Cache of the present service. */
  get cache(): Service["cache"] {
    return this.#service.cache;
  }

  answer(exchange: Exchange): Promise<void> {
    return this.#answer(exchange, this.#service);
  }

  stalled(exchange: Exchange | undefined, what: string): void {
    const service = this.#service;
    if (!exchange) return void service.meetStallTime(what);
    service.meetLimit(exchange, "stall_time", what, exchange.metrics.requestId);
  }

  async run(): Promise<number> {
    this.#parking.end(); // a program that is run has a request
    const exchange = new SyntheticExchange();
    const request = new DownstreamRequest(this.#service, exchange);
    const run = this.#note(new Run(request, this.#service, this.#loaded, { mayExit: true }));
    const fault = await run.ended;
    request.endWallTime();
    return fault?.exitCode ?? 0;
  }

  /** Makes a handler for one request, with options in place of the program's. */
  instantiate(overrides: FastlikeOptions): Handler {
    refuseUnknownOptions(overrides, OPTION_NAMES);
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
    return handlerOf(
      () => options,
      (exchange) => this.#answer(exchange, service).finally(() => service.retire()),
    );
  }

  warmup(count: number): number {
    this.#warm = Math.max(this.#warm, count);
    return warmup(this.#loaded, count);
  }

  status(): Status {
    const { pool, queue } = this.#loaded;
    const { backends, limits, counters } = this.#service;
    return {
      instances: {
        live: pool.live,
        idle: pool.idle,
        parked: this.#parking.size,
        max: limits.instances,
      },
      queued: queue.length,
      traps: counters.traps,
      limits: { ...counters.limits },
      backends: Object.fromEntries(
        Array.from(backends.stats, ([name, stats]) => [name, { ...stats }]),
      ),
    };
  }

  async reload(source: Source, options: FastlikeOptions = this.#options): Promise<void> {
    if (options === this.#options) {
      const { watchdog } = this.#loaded;
      this.#put(await this.#loadWarm(source, this.#service, watchdog, options));
      this.#parking = this.#park();
      return;
    }
    refuseUnknownOptions(options, OPTION_NAMES);
    const { service, takeOver } = this.#service.makeSuccessor(options);
    const watchdog = watchdogOf(service, this.#loaded.watchdog);
    try {
      const loaded = await this.#loadWarm(source, service, watchdog, options);
      const old = { service: this.#service, watchdog: this.#loaded.watchdog };
      takeOver();
      service.backends.startProbes();
      const running = this.#runs.all().map(({ run }) => run.ended);
      this.#put(loaded);
      this.#service = service;
      this.#options = options;
      this.#parking = this.#park();
      this.#endWith(running, old.service, old.watchdog);
    } catch (error) {
      watchdog[Symbol.dispose]();
      throw error;
    }
  }

  /** Begins to start instances of the present program ahead of requests, as many as the option `park` says. */
  #park(): Parking {
    const [loaded, service] = [this.#loaded, this.#service];
    const parking = new Parking(
      loaded,
      (ahead) => {
        const request = new DownstreamRequest(service, new SyntheticExchange());
        return this.#note(new Run(request, service, loaded, { ahead }));
      },
    );
    parking.fillLater();
    return parking;
  }

  /**
   * Loads a program for new requests, and makes as many instances as are kept ready, at least one, so that the first request
   * finds one and a program that cannot be instantiated takes no requests. Others go on meanwhile.
   */
  async #loadWarm(
    source: Source,
    service: Service,
    watchdog: Watchdog,
    { programs }: FastlikeOptions,
  ): Promise<LoadedProgram> {
    const loaded = await load(source, service, watchdog, programs, this.#loaded.earlier);
    for (let made = 1; made <= Math.max(1, this.#warm) && warmup(loaded, made) === made; made++) {
      await new Promise<void>(afterTurn);
    }
    return loaded;
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

  retire(): void {
    this.#loaded.retired = true;
    this.#parking.end();
    for (const promise of this.#loaded.listening) promise.end();
  }

  async close(): Promise<void> {
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
    run.ended.then(() => {
      this.#runs.remove(node);
      this.#parking.fillLater();
    });
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
