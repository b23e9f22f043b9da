import type { Backend } from "./backends.ts";
import { Backends } from "./backends.ts";
import { geoHandler, type GeoLookup, loopbackGeo } from "./geo.ts";
import type { LogEntry, LogLevel, LogSink } from "./log.ts";
import type { BackendLookup, ServiceOptions } from "./options.ts";
import { parseUserAgent, type UserAgentParser } from "./user_agent.ts";

/** The name that this host adds to `cdn-loop`. */
export const LOOP_NAME = "fastlike";

/** The backend that guests of 2020 send their geo look-ups to. */
const GEO_BACKEND = "geolocation";

/** What all requests share, for as long as the options stay the same. */
export class Service {
  readonly options: ServiceOptions;
  readonly backends: Backends;
  readonly geo: GeoLookup;
  readonly parseUserAgent: UserAgentParser;
  readonly configStores: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #log: LogSink | undefined;
  readonly #geoBackend: Backend;
  readonly #idPrefix = "0".repeat(16) +
    crypto.getRandomValues(new Uint32Array(1))[0]!.toString(16).padStart(8, "0");
  #lastId = 0;

  constructor(options: ServiceOptions) {
    this.options = options;
    this.geo = options.geo ?? loopbackGeo;
    this.parseUserAgent = options.userAgentParser ?? parseUserAgent;
    this.configStores = new Map(
      Object.entries(options.configStores ?? {}).map((
        [name, entries],
      ) => [name, new Map(Object.entries(entries))]),
    );
    this.#log = options.log;
    this.backends = new Backends(
      typeof options.backends === "object" ? options.backends : {},
      catchAllOf(options),
      (error) => this.report("error", `A backend handler failed: ${describe(error)}`),
    );
    this.#geoBackend = this.backends.make(GEO_BACKEND, geoHandler((ip) => this.geo(ip)));
  }

  /** An id for a request or sandbox: 32 hexadecimal digits below 2^64, as guests read them as 64 bits. */
  nextId(): string {
    return this.#idPrefix + (this.#lastId = (this.#lastId + 1) >>> 0).toString(16).padStart(8, "0");
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
      this.#log?.(entry);
    } catch {
      // A request goes on without its log.
    }
  }

  report(level: LogLevel, message: string, requestId?: string): void {
    this.log({ kind: "host", level, message, ...requestId !== undefined && { requestId } });
  }

  close(): void {
    this.backends.close();
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
