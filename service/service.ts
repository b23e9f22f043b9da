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
import { type Guards, guardsOver } from "./util/guard.ts";
import type { HeaderList } from "./http/headers.ts";
import { ReadThrough } from "./cache/http/read_through.ts";
import type { KvStore } from "./stores/kv/store.ts";
import { type EarlierStores, kvStoresOf } from "./stores/kv/stores.ts";
import type { LogEntry, LogLevel, LogSink } from "./log.ts";
import { describeLimit, type LimitName, limitsOf, type LimitValues } from "./limits.ts";
import { describeMissing, type NamedKind } from "./util/missing.ts";
import type { BackendLookup, Entries, ServiceOptions } from "./options.ts";
import { StallClock } from "./util/stall_clock.ts";
import { TrustedProxies } from "./client/proxies.ts";
import { Random } from "./util/random.ts";
import { RateLimiter } from "./rate/limiter.ts";
import { type Secrets, secretStoresOf } from "./stores/secrets.ts";
import { Counters } from "./status.ts";
import { parseUserAgent, type UserAgentParser } from "./client/user_agent.ts";

/** The name that this host adds to `cdn-loop`. */
export const LOOP_NAME = "fastlike";

/** How often the `cdn-loop` fields name this host. */
export function hopsOf(headers: HeaderList): number {
  const hops = headers.getAll("cdn-loop").flatMap((value) => value.split(","));
  return hops.filter((hop) => hop.split(";")[0]!.trim().toLowerCase() === LOOP_NAME).length;
}

/** The backend that guests of 2020 send their geo look-ups to. */
const GEO_BACKEND = "geolocation";

/** How long a request waits for an instance, in milliseconds. */
export const MAX_WAIT = 10_000;

/** How many names that options do not define are told: guests may make them up. */
const MAX_MISSING = 100;

/** What a service may share with another one. */
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

/** What a service goes on with that takes the place of another one. */
type Inherited =
  & Pick<Service, "rates" | "cache" | "stallClock" | "counters">
  & { readonly earlierKvStores: EarlierStores };

/** A service that is to take the place of another one. */
interface Heir {
  readonly service: Service;
  /** Puts it in place: what it goes on with ends with it from now on. */
  inherit(): void;
}

/** What all requests share, for as long as the options stay the same. */
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
  /** What every timer runs by. */
  readonly clock: Clock;
  /** Whole milliseconds since 1970, as stores count. */
  readonly now: () => number;
  readonly stallClock: StallClock;
  /** What the limit `wall_time` is for. */
  readonly wallTime: Deadlines;
  /** What the limit `stall_time` is for: requests whose response goes on after their guest has ended. */
  readonly stalled: Deadlines;
  /** Of work that goes on though no guest waits for it. */
  readonly guards: Guards;
  /** Requests that wait for an instance. */
  readonly waiting: Deadlines;
  readonly counters: Counters;
  /** Undefined if there are none. */
  readonly proxies: TrustedProxies | undefined;
  readonly environment: Environment;
  /** The guest's arguments, its name first. */
  readonly args: Texts;
  readonly random: Random;
  readonly #connections = new Set<Duplex>();
  readonly #entries = new WeakMap<Entries, ReadonlyMap<string, string>>();
  readonly #facts = new WeakMap<Exchange, ClientFacts>();
  readonly #log: LogSink | undefined;
  readonly #sharesReadThrough: boolean;
  readonly #geoBackend: Backend;
  #ownsCache: boolean;
  /** KV stores that end with the service. */
  #ownKvStores: ReadonlyMap<string, KvStore>;
  readonly #ownsStalled: boolean;
  #closing = false;
  readonly #idPrefix = "0".repeat(16) +
    crypto.getRandomValues(new Uint32Array(1))[0]!.toString(16).padStart(8, "0");
  readonly #missing = new Set<string>();
  #lastId = 0;

  /** @param shared What another service has, to use it too. */
  constructor(options: ServiceOptions, shared: Shared & Partial<Inherited> = {}) {
    this.options = options;
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
        options.kvDriver,
        this.limits.kv_bytes,
        clock,
        shared.earlierKvStores,
      );
    this.#ownKvStores = shared.kvStores ? new Map() : this.kvStores;
    this.cache = shared.cache ?? new Cache(this.limits.cache_bytes, now, options.cacheDriver, {
      time: driverTime,
      report: (message) => this.report("error", message),
      purgeFeed: options.purgeFeed,
      elapsed: clock.elapsed,
    });
    this.#ownsCache = !shared.cache || shared.earlierKvStores !== undefined;
    this.wallTime = new Deadlines(this.limits.wall_time, this.stallClock);
    this.stalled = shared.stalled ?? new Deadlines(this.limits.stall_time, this.stallClock);
    this.#ownsStalled = !shared.stalled;
    this.guards = guardsOver({
      stalled: this.stalled,
      closing: () => this.#closing,
      met: (what) => this.meetStallTime(what),
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
      most: this.limits.cache_bytes,
      now,
      stallClock: this.stallClock,
      report: (level, message) => this.report(level, message),
      guards: this.guards,
    });
    this.backends = new Backends(
      typeof options.backends === "object" ? options.backends : {},
      {
        catchAll: catchAllOf(options),
        reportFailure: (error, requestId) =>
          this.report("error", `A backend handler failed: ${describe(error)}`, requestId),
        report: (level, message, requestId) => this.report(level, message, requestId),
        ca: options.ca,
        stallClock: this.stallClock,
        hook: options.transportHook,
      },
    );
    this.#geoBackend = this.backends.make(GEO_BACKEND, geoHandler((ip) => this.geo(ip)));
  }

  /** An id for a request or sandbox: 32 hexadecimal digits below 2^64, as guests read them as 64 bits. */
  nextId(): string {
    return this.#idPrefix + (this.#lastId = (this.#lastId + 1) >>> 0).toString(16).padStart(8, "0");
  }

  /** What is known of a request's client; gathered once. */
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

  /** The entries of a config store now; undefined if there is none of the name. */
  configStore(name: string): ReadonlyMap<string, string> | undefined {
    const stores = this.options.configStores ?? {};
    const entries = Object.hasOwn(stores, name) ? stores[name] : undefined;
    if (!entries) return undefined;
    if (typeof entries === "function") return new Map(Object.entries(entries()));
    const known = this.#entries.get(entries) ?? new Map(Object.entries(entries));
    this.#entries.set(entries, known);
    return known;
  }

  /** A backend of the options; then the geo look-up of 2020; then what catches all. */
  findBackend(name: string): Backend | undefined {
    return name === GEO_BACKEND ? this.geoBackend : this.backends.find(name);
  }

  /** Where guests of 2020 look addresses up, which the options may define anew. */
  get geoBackend(): Backend {
    return this.backends.isDefined(GEO_BACKEND)
      ? this.backends.find(GEO_BACKEND)!
      : this.#geoBackend;
  }

  /** Whether anybody takes log entries: what only they need need not be made otherwise. */
  get logs(): boolean {
    return this.#log !== undefined;
  }

  get logsHostcalls(): boolean {
    return this.logs && this.options.logHostcalls === true;
  }

  /** Hands an entry to the log. */
  log(entry: LogEntry): void {
    try {
      const logged: unknown = this.#log?.(entry);
      if (logged instanceof Promise) logged.catch(() => {});
    } catch {
      // A request goes on without its log.
    }
  }

  /**
   * Takes a step that must not keep the next one from being taken: what it throws, or rejects with, goes to the log.
   *
   * @param action What the step does, in words behind "Cannot".
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

  report(level: LogLevel, message: string, requestId?: string): void {
    this.log({ kind: "host", level, message, ...requestId !== undefined && { requestId } });
  }

  /** Tells once for each name, of {@linkcode MAX_MISSING} at the most, that options do not define what a guest asks for. */
  reportMissing(kind: NamedKind, name: string, requestId: string): void {
    const key = `${kind} ${name}`;
    if (this.#missing.has(key) || this.#missing.size >= MAX_MISSING) return;
    this.#missing.add(key);
    this.report("error", describeMissing(kind, name), requestId);
  }

  /**
   * Notes on a request, and in the log, that it has met a limit.
   *
   * @param what What has become of it, in words before "the limit".
   */
  meetLimit(
    exchange: Exchange,
    name: LimitName,
    what: string,
    requestId?: string,
    details = "",
  ): void {
    this.counters.hit(name);
    exchange.metrics.limit = describeLimit(name, this.limits);
    this.report("warning", `${what}: the limit is ${exchange.metrics.limit}${details}`, requestId);
  }

  /**
   * Notes in the log that what belongs to no request has met `stall_time`.
   *
   * @param what What has become of it, in words before "the limit".
   * @returns The limit's name and value.
   */
  meetStallTime(what: string): string {
    this.counters.hit("stall_time");
    const limit = describeLimit("stall_time", this.limits);
    this.report("warning", `${what}: the limit is ${limit}`);
    return limit;
  }

  /** Has the connection closed with the service. */
  keep(connection: Duplex): void {
    this.#connections.add(connection);
    connection.on("close", () => this.#connections.delete(connection));
  }

  /**
   * Makes a service of other options that goes on with this one's KV stores, cache, rate counters and counts. It takes
   * their place once {@linkcode Heir.inherit} is called; requests that still run may go on using them.
   *
   * @throws {TypeError} If an option makes no sense.
   */
  makeHeir(options: ServiceOptions): Heir {
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
      inherit: () => {
        this.#ownsCache = false;
        const left = [...kvStores].filter(([name, store]) => service.kvStores.get(name) !== store);
        this.#ownKvStores = new Map(left);
        for (const step of steps) step();
      },
    };
  }

  /** Whether all is being ended. */
  get closing(): boolean {
    return this.#closing;
  }

  /**
   * Ends everything, also what clients are still reading.
   *
   * @returns When the cache's driver has answered, or has had `limits.driver_time` to do so.
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

  /** Ends what no guest needs any more. What clients are still reading of a backend's answer comes to its end. */
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

function catchAllOf({ backends, catchAll }: ServiceOptions): BackendLookup {
  if (typeof backends === "function") return backends;
  return () => catchAll;
}

/** An error with its stack, for a log. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
