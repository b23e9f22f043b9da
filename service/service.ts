import { describe } from "./errors.ts";
import type { Duplex } from "node:stream";
import { type Acl, aclsOf } from "./stores/acl.ts";
import type { Backend } from "./backends/backend.ts";
import { Backends } from "./backends/backends.ts";
import { Cache } from "./cache/cache.ts";
import { type Clock, clockOf } from "./util/clock.ts";
import { type DeviceLookup, parseDevice } from "./client/device.ts";
import type { ClientFacts } from "./client/client_facts.ts";
import { Deadlines } from "./util/deadlines.ts";
import type { Eventually } from "./util/eventually.ts";
import { DriverTime } from "./util/driver_time.ts";
import { Environment, Texts } from "./environment.ts";
import type { Exchange } from "./http/exchange.ts";
import { gatherFacts } from "./client/facts.ts";
import { geoHandler, type GeoLookup, loopbackGeo } from "./client/geo.ts";
import { guardMaker, type MakeGuard } from "./util/guard.ts";
import { ReadThrough } from "./cache/http/read_through.ts";
import { ConfigStores } from "./stores/config.ts";
import type { KvStore } from "./stores/kv/store.ts";
import { boundedDriver } from "./stores/kv/bounded_driver.ts";
import type { KvDriver } from "./stores/kv/driver.ts";
import { type EarlierStores, kvStoresOf } from "./stores/kv/stores.ts";
import type { LogEntry, LogLevel, LogSink } from "./log.ts";
import { describeLimit, type LimitName, limitsOf, type LimitValues } from "./limits.ts";
import { MissingNames, type NamedKind } from "./util/missing.ts";
import type { ServiceOptions } from "./options.ts";
import { StallClock } from "./util/stall_clock.ts";
import { TrustedProxies } from "./client/proxies.ts";
import { Random } from "./util/random.ts";
import { RateLimiter } from "./rate/limiter.ts";
import { type Secrets, secretStoresOf } from "./stores/secrets.ts";
import { Counters } from "./status.ts";
import { parseUserAgent, type UserAgentParser } from "./client/user_agent.ts";

/** Name of the backend to which guests of 2020 send their geo lookups. */
const GEO_BACKEND = "geolocation";

/** Longest time for which a request waits for an instance, in milliseconds. */
export const MAX_WAIT = 10_000;

/** Parts that a service may share with another one, which owns them. */
type Shared = Partial<
  Pick<
    Service,
    | "kvStores"
    | "rates"
    | "cache"
    | "readThrough"
    | "stallClock"
    | "stalled"
    | "counters"
  >
>;

/** Parts that a service takes over from the one that it replaces. */
type Inherited =
  & Pick<Service, "rates" | "cache" | "stallClock" | "counters">
  & { readonly earlierKvStores: EarlierStores };

/** A service that replaces another one. */
interface Successor {
  readonly service: Service;
  /** Makes it the owner of the stores, cache and counters that both services use. */
  takeOver(): void;
}

/** State that all requests share, for as long as the options stay the same. */
export class Service {
  readonly options: ServiceOptions;
  readonly backends: Backends;
  readonly geo: GeoLookup;
  readonly devices: DeviceLookup;
  readonly parseUserAgent: UserAgentParser;
  readonly kvStores: ReadonlyMap<string, KvStore>;
  readonly rates: RateLimiter;
  readonly cache: Cache;
  readonly readThrough: ReadThrough;
  readonly secretStores: ReadonlyMap<string, Secrets>;
  readonly acls: ReadonlyMap<string, Acl>;
  readonly limits: LimitValues;
  /** Clock of all timers. */
  readonly clock: Clock;
  /** Returns the time in whole milliseconds since 1970, as stores use it. */
  readonly now: () => number;
  readonly stallClock: StallClock;
  /** Timeouts of the limit `wall_time`. */
  readonly wallTime: Deadlines;
  /**
   * Timeouts of the limit `stall_time`: responses that go on after their guest has ended, and work that no guest waits
   * for.
   */
  readonly stalled: Deadlines;
  /** Makes a timeout of `stall_time` for work that no guest waits for. */
  readonly makeGuard: MakeGuard;
  /** Timeouts of requests that wait for an instance. */
  readonly waiting: Deadlines;
  readonly counters: Counters;
  /** Undefined if no proxies are trusted. */
  readonly proxies: TrustedProxies | undefined;
  readonly environment: Environment;
  /** Arguments of guests, the program's name first. */
  readonly args: Texts;
  readonly random: Random;
  readonly #connections = new Set<Duplex>();
  readonly #configStores: ConfigStores;
  readonly #facts = new WeakMap<Exchange, ClientFacts>();
  readonly #log: LogSink | undefined;
  readonly #sharesReadThrough: boolean;
  readonly #geoBackend: Backend;
  #ownsCache: boolean;
  /** KV stores that are closed with the service. */
  #ownKvStores: ReadonlyMap<string, KvStore>;
  readonly #ownsStalled: boolean;
  #closing = false;
  readonly #idPrefix = "0".repeat(16) +
    crypto.getRandomValues(new Uint32Array(1))[0]!.toString(16).padStart(8, "0");
  readonly #missing = new MissingNames();
  #lastId = 0;

  /**
   * @param options Options; see {@linkcode ServiceOptions} for their defaults.
   * @param shared Parts of another service to use in place of new ones.
   * @throws {TypeError} If an option is not valid.
   */
  constructor(options: ServiceOptions, shared: Shared & Partial<Inherited> = {}) {
    this.options = options;
    this.#configStores = new ConfigStores(options.configStores);
    const clock = this.clock = clockOf(options.clock);
    const now = this.now = () => Math.floor(clock.now());
    this.geo = options.geo ?? loopbackGeo;
    this.devices = options.devices ?? parseDevice;
    this.parseUserAgent = options.userAgentParser ?? parseUserAgent;
    this.secretStores = secretStoresOf(options.secretStores ?? {});
    this.acls = aclsOf(options.acls ?? {});
    this.limits = limitsOf(options.limits);
    this.stallClock = shared.stallClock ?? new StallClock(clock);
    const driverTime = new DriverTime(this.limits.driver_time, this.stallClock);
    this.rates = shared.rates ?? new RateLimiter(now, options.rateDriver, driverTime);
    this.kvStores = shared.kvStores ??
      kvStoresOf(
        options.kvStores ?? {},
        now,
        kvDriversOf(options, driverTime),
        this.limits.kv_bytes,
        clock,
        shared.earlierKvStores,
      );
    this.#ownKvStores = shared.kvStores ? new Map() : this.kvStores;
    this.cache = shared.cache ?? new Cache(this.limits.cache_bytes, now, options.cacheDriver, {
      time: driverTime,
      report: (message) => this.report("error", message),
      purgeFeed: options.purgeFeed,
      clock,
    });
    this.#ownsCache = !shared.cache || shared.earlierKvStores !== undefined;
    this.wallTime = new Deadlines(this.limits.wall_time, this.stallClock);
    this.stalled = shared.stalled ?? new Deadlines(this.limits.stall_time, this.stallClock);
    this.#ownsStalled = !shared.stalled;
    this.makeGuard = guardMaker({
      stalled: this.stalled,
      closing: () => this.#closing,
      met: (event) => this.meetStallTime(event),
    });
    this.waiting = new Deadlines(MAX_WAIT, this.stallClock);
    this.counters = shared.counters ?? new Counters();
    if (options.trustProxy?.length) this.proxies = new TrustedProxies(options.trustProxy);
    this.environment = new Environment(options.env);
    this.args = new Texts(["compute-app", ...options.args ?? []]);
    this.random = new Random(options.random);
    this.#log = options.log;
    this.#sharesReadThrough = shared.readThrough !== undefined;
    this.readThrough = shared.readThrough ?? new ReadThrough({
      cache: this.cache,
      max: this.limits.cache_bytes,
      now,
      stallClock: this.stallClock,
      report: (level, message) => this.report(level, message),
      makeGuard: this.makeGuard,
    });
    this.backends = new Backends(
      typeof options.backends === "object" ? options.backends : {},
      {
        catchAll: typeof options.backends === "function"
          ? options.backends
          : () => options.catchAll,
        reportFailure: (backend, error, requestId) => {
          const message = `The handler of backend "${backend}" failed: ${describe(error)}`;
          this.report("error", message, requestId);
        },
        report: (level, message, requestId) => this.report(level, message, requestId),
        ca: options.ca,
        stallClock: this.stallClock,
        hook: options.transportHook,
      },
    );
    this.#geoBackend = this.backends.make(GEO_BACKEND, geoHandler((ip) => this.geo(ip)));
  }

  /** Returns a new id for a request or sandbox: 32 hexadecimal digits of a number below 2^64, since guests read 64 bits. */
  nextId(): string {
    return this.#idPrefix + (this.#lastId = (this.#lastId + 1) >>> 0).toString(16).padStart(8, "0");
  }

  /** Returns the facts of a request's client, which are gathered once. */
  factsOf(exchange: Exchange): ClientFacts {
    const known = this.#facts.get(exchange);
    if (known) return known;
    const facts = this.#gatherFacts(exchange);
    this.#facts.set(exchange, facts);
    return facts;
  }

  #gatherFacts(exchange: Exchange): ClientFacts {
    try {
      return gatherFacts(exchange, this.options, (field, expected) => {
        const message = `Cannot use the field "${field}": its value is not ${expected}`;
        this.report("warning", message, exchange.metrics.requestId);
      });
    } catch (error) {
      const message = `The provider of client facts failed: ${describe(error)}`;
      this.report("error", message, exchange.metrics.requestId);
      return exchange.client;
    }
  }

  /** Returns the current entries of a config store; undefined if none has the name. */
  configStore(name: string): ReadonlyMap<string, string> | undefined {
    return this.#configStores.entriesOf(name);
  }

  /** Returns a backend by its name: one of the options, the geo lookup of 2020, or the catch-all. */
  findBackend(name: string): Backend | undefined {
    return name === GEO_BACKEND ? this.geoBackend : this.backends.find(name);
  }

  /** Backend for the geo lookups of guests of 2020, which options may replace. */
  get geoBackend(): Backend {
    return this.backends.isDefined(GEO_BACKEND)
      ? this.backends.find(GEO_BACKEND)!
      : this.#geoBackend;
  }

  /** Whether there is a log, so that entries are built only if they are used. */
  get logs(): boolean {
    return this.#log !== undefined;
  }

  get logsHostcalls(): boolean {
    return this.logs && this.options.logHostcalls === true;
  }

  /** Passes an entry to the log; a failure of the log is ignored. */
  log(entry: LogEntry): void {
    try {
      const logged: unknown = this.#log?.(entry);
      if (logged instanceof Promise) logged.catch(() => {});
    } catch {
      // Requests are served even if the log fails.
    }
  }

  /**
   * Runs a step whose failure must not prevent later steps: its error, thrown or rejected, goes to the log.
   *
   * @param action Name of the step, in words that follow "Cannot".
   */
  attempt(action: string, step: () => unknown, requestId?: string): void {
    try {
      const result = step();
      if (result instanceof Promise) this.#reportRejection(result, action, requestId);
    } catch (error) {
      this.#reportFailure(error, action, requestId);
    }
  }

  #reportRejection(result: Promise<unknown>, action: string, requestId?: string): void {
    result.catch((error) => this.#reportFailure(error, action, requestId));
  }

  #reportFailure(error: unknown, action: string, requestId?: string): void {
    this.report("error", `Cannot ${action}: ${describe(error)}`, requestId);
  }

  /** Writes an event of the host to the log. */
  report(level: LogLevel, message: string, requestId?: string): void {
    this.log({ kind: "host", level, message, ...requestId !== undefined && { requestId } });
  }

  /** Reports a name that a guest uses and options do not define; once for each name, and for at most 100 names. */
  reportMissing(kind: NamedKind, name: string, requestId: string): void {
    const message = this.#missing.describeOnce(kind, name);
    if (message) this.report("error", message, requestId);
  }

  /**
   * Records in a request's metrics, in the counters and in the log that it has met a limit.
   *
   * @param event Event for the log, in words before "the limit".
   */
  meetLimit(
    exchange: Exchange,
    name: LimitName,
    event: string,
    requestId?: string,
    details = "",
  ): void {
    this.counters.hit(name);
    exchange.metrics.limit = describeLimit(name, this.limits);
    this.report("warning", `${event}: the limit is ${exchange.metrics.limit}${details}`, requestId);
  }

  /**
   * Records in the counters and in the log that work outside of any request has met `stall_time`.
   *
   * @param event Event for the log, in words before "the limit".
   * @returns The limit's name and value.
   */
  meetStallTime(event: string): string {
    this.counters.hit("stall_time");
    const limit = describeLimit("stall_time", this.limits);
    this.report("warning", `${event}: the limit is ${limit}`);
    return limit;
  }

  /** Registers a connection that is closed with the service. */
  keep(connection: Duplex): void {
    this.#connections.add(connection);
    connection.on("close", () => this.#connections.delete(connection));
  }

  /**
   * Makes a service with other options that uses this one's KV stores, cache, rate counters and counts. It owns them once
   * {@linkcode Successor.takeOver} is called; running requests of this service may still use them.
   *
   * @throws {TypeError} If an option is not valid.
   */
  makeSuccessor(options: ServiceOptions): Successor {
    const { rates, cache, stallClock, counters, kvStores } = this;
    const steps: (() => void)[] = [];
    const earlierKvStores = {
      stores: kvStores,
      onceInPlace: (step: () => void) => void steps.push(step),
    };
    const inherited = { rates, cache, stallClock, counters, earlierKvStores };
    const service = new Service(options, inherited);
    return {
      service,
      takeOver: () => {
        this.#ownsCache = false;
        const left = [...kvStores].filter(([name, store]) => service.kvStores.get(name) !== store);
        this.#ownKvStores = new Map(left);
        for (const step of steps) step();
      },
    };
  }

  /** Whether the service is being closed. */
  get closing(): boolean {
    return this.#closing;
  }

  /**
   * Closes the service, and cuts responses that clients are still reading.
   *
   * @returns Resolves when the cache's driver has answered, or `limits.driver_time` is over.
   */
  close(): Eventually<void> {
    this.#closing = true;
    if (this.#ownsStalled) {
      this.stalled.expire();
      this.stalled.close();
    }
    this.#end();
    if (!this.#sharesReadThrough) this.readThrough.close();
    if (this.#ownsCache) return this.cache.close();
  }

  /** Closes the service once its guests have ended; responses that clients are still reading are sent to their end. */
  retire(): void {
    this.#end();
    if (this.#ownsCache) this.cache.retire();
  }

  #end(): void {
    this.wallTime.close();
    this.waiting.close();
    for (const connection of this.#connections) connection.destroy();
    this.backends.close();
    for (const store of this.#ownKvStores.values()) store.close();
  }
}

/** Returns the drivers of KV stores, with the timeout; undefined if stores are in memory. */
function kvDriversOf(
  { kvDriver }: ServiceOptions,
  time: DriverTime,
): ((store: string) => KvDriver) | undefined {
  return kvDriver && ((store) => boundedDriver(kvDriver(store), store, time));
}
