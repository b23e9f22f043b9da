import type {
  BackendDefinition,
  BackendOptions,
  BackendRequest,
  Health,
  RequestInFlight,
  Transport,
  UpgradeInFlight,
} from "./backend.ts";
import type { Payload } from "../http/bytes.ts";
import { SendError } from "../errors.ts";
import { frameRequest, type Framing } from "../http/framing.ts";
import { handlerTransport } from "./handler_transport.ts";
import type { HeadLimits } from "../http/head_limits.ts";
import type { HeaderList } from "../http/headers.ts";
import { HealthMonitor } from "./health.ts";
import { httpTransport } from "./http_transport.ts";
import type { LogLevel } from "../log.ts";
import type { StallClock } from "../util/stall_clock.ts";
import { describeFailure } from "./failure_advice.ts";
import { trusting } from "./tls.ts";
import { Transports } from "./transports.ts";
import { handshakeUrl, splitUrl } from "../http/url.ts";

/** What a guest sends: its own head and body, before the backend's say. */
export interface GuestSend {
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderList;
  readonly framing: Framing;
  readonly body: Payload;
  /** Whether the guest gets the response's content decoded: there are no ranges of that. */
  readonly gunzip?: boolean;
  /** What the response's head is held to. */
  readonly limits: HeadLimits;
  /** Of the client's request that it is sent for, if it is; for the log. */
  readonly requestId?: string;
}

/** Takes what there is to tell, of a client's request if it is of one. */
type Report = (level: LogLevel, message: string, requestId?: string) => void;

/** What a backend is made of. */
interface BackendParts {
  readonly transport: Transport;
  readonly stats: BackendStats;
  readonly report: Report;
  readonly monitor?: HealthMonitor | undefined;
}

/** What has been asked of a backend. */
export interface BackendStats {
  /** Those that were sent. */
  requests: number;
  /** Those of them that have had no response, other than because the guest or the client gave up. */
  failures: number;
}

/** One backend: what the guest may ask about it, and the way to it. */
export class Backend {
  readonly name: string;
  /** Undefined for a handler in JavaScript. */
  readonly options: BackendOptions | undefined;
  readonly stats: BackendStats;
  readonly #transport: Transport;
  readonly #report: Report;
  readonly #monitor: HealthMonitor | undefined;
  readonly #origin: { readonly scheme: string; readonly authority: string; readonly path: string };

  constructor(
    name: string,
    options: BackendOptions | undefined,
    { transport, stats, report, monitor }: BackendParts,
  ) {
    this.name = name;
    this.stats = stats;
    this.#monitor = monitor;
    this.options = options;
    this.#transport = transport;
    this.#report = report;
    const { scheme = "http", authority = name, path } = splitUrl(options?.url ?? `http://${name}`);
    this.#origin = { scheme, authority, path: path.replace(/\/$/, "") };
  }

  get secure(): boolean {
    return this.#origin.scheme === "https";
  }

  /** Without port or brackets. */
  get host(): string {
    return this.#origin.authority.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  }

  get port(): number {
    return Number(/:(\d+)$/.exec(this.#origin.authority)?.[1] ?? (this.secure ? 443 : 80));
  }

  /** What its probes tell, which begin at the latest when they are asked; else what the options say. */
  get health(): Health {
    this.#monitor?.start();
    return this.#monitor?.health ?? this.options?.health ?? "unknown";
  }

  /** Sends with this backend's Host (override, then the guest's field, the guest's URI, its own) and path prefix. */
  send(request: GuestSend): RequestInFlight {
    const prepared = this.#prepare(request);
    const inFlight = this.#transport.send(prepared);
    const { response } = inFlight;
    return { response, cancel: this.#watch(request, prepared, response, inFlight) };
  }

  /** Sends a request to change protocols, as {@linkcode Backend.send} does. */
  upgrade(request: GuestSend): UpgradeInFlight {
    if (!this.#transport.upgrade) {
      throw new SendError(
        "http_upgrade_failed",
        `Cannot change protocols: backend "${this.name}" is a function`,
      );
    }
    const prepared = this.#prepare(request);
    const upgrading = this.#transport.upgrade(prepared);
    const { outcome } = upgrading;
    return { outcome, cancel: this.#watch(request, prepared, outcome, upgrading) };
  }

  /**
   * Counts a request, and a failure of it unless it is given up, and tells of the failure.
   *
   * @returns What gives it up.
   */
  #watch(
    { requestId }: GuestSend,
    sent: BackendRequest,
    outcome: Promise<unknown>,
    inFlight: Pick<RequestInFlight, "cancel">,
  ): () => void {
    this.stats.requests++;
    let cancelled = false;
    outcome.catch((error) => {
      if (cancelled) return;
      this.stats.failures++;
      // Who notes a limit tells of it.
      if (!(error instanceof SendError) || error.told || error.limit !== undefined) return;
      error.told = true;
      this.#report("warning", describeFailure(this.name, sent, error), requestId);
    });
    return () => {
      cancelled = true;
      inFlight.cancel();
    };
  }

  #prepare({ method, url, headers, framing, body, limits }: GuestSend): BackendRequest {
    const { authority, path, query } = splitUrl(url);
    const host = this.options?.hostOverride ?? headers.get("host") ?? authority ??
      this.#origin.authority;
    const framed = frameRequest(headers, method, body, framing);
    framed.headers.set("host", host);
    const target = `${this.#origin.path}${path || "/"}${query}`;
    return {
      method,
      url: `${this.#origin.scheme}://${host}${target}`,
      target,
      ...framed,
      limits,
    };
  }
}

/** The most names of a catch-all whose backends are kept. */
const MAX_CAUGHT = 256;
/** The most names whose traffic is counted apart: those that a catch-all answers for are the guests' choice. */
const MAX_COUNTED = 1000;
/** Under which name the traffic of all others is counted. */
const OTHER = "(other)";
/** The most backends of guests that are probed; beyond it the one defined longest ago is not any more. */
const MAX_MONITORS = 64;

/** What the backends of a service have in common. */
export interface BackendsOptions {
  /** Answers for names that nothing defines. */
  readonly catchAll?: (name: string) => BackendDefinition | undefined;
  /** Told what a handler in JavaScript throws. */
  readonly reportFailure?: (error: unknown) => void;
  /** Told when the health of a backend changes, and when a request to one fails. */
  readonly report?: Report;
  /** Certificates to trust in PEM, where a backend brings none of its own; by default the system's. */
  readonly ca?: string | undefined;
  /** What counts the time that backends take. */
  readonly stallClock?: StallClock;
}

/** The backends that a service defines, and the connections to all of them. */
export class Backends {
  readonly #defined = new Map<string, Backend>();
  readonly #options: BackendsOptions;
  readonly #transports: Transports;
  /** By the backend options' JSON. */
  readonly #monitors = new Map<string, HealthMonitor>();
  /** By backend name. */
  readonly stats: Map<string, BackendStats> = new Map();
  readonly #caught = new Map<string, { definition: BackendDefinition; backend: Backend }>();
  /** The monitors of the backends that are defined for good; undefined until all of these are made. */
  readonly #lasting: ReadonlySet<string> | undefined;

  /** @param defined By name. */
  constructor(
    defined: Readonly<Record<string, BackendDefinition>>,
    options: BackendsOptions = {},
  ) {
    this.#options = options;
    this.#transports = new Transports((options) =>
      httpTransport(trusting(options, this.#options.ca), this.#options.stallClock)
    );
    for (const [name, definition] of Object.entries(defined)) {
      this.#defined.set(name, this.make(name, definition, this.#trafficOf(name)));
    }
    this.#lasting = new Set(this.#monitors.keys());
  }

  /** Begins to probe the backends that are defined for good. Those that come later are probed from then on. */
  startProbes(): void {
    for (const monitor of this.#monitors.values()) monitor.start();
  }

  /** Whether the name is defined by itself, not only caught. */
  isDefined(name: string): boolean {
    return this.#defined.has(name);
  }

  find(name: string): Backend | undefined {
    const defined = this.#defined.get(name);
    if (defined) return defined;
    const caught = this.#options.catchAll?.(name);
    return caught === undefined ? undefined : this.#catch(name, caught);
  }

  /** The same backend for the same answer: making one costs more than looking it up. */
  #catch(name: string, definition: BackendDefinition): Backend {
    const known = this.#caught.get(name);
    if (known?.definition === definition) return known.backend;
    if (this.#caught.size >= MAX_CAUGHT) this.#caught.clear(); // guests choose the names
    const stats = this.#trafficOf(this.stats.size < MAX_COUNTED ? name : OTHER);
    const backend = this.make(name, definition, stats);
    this.#caught.set(name, { definition, backend });
    return backend;
  }

  /** A backend of this service that only the caller knows. Throws a `TypeError` when its URL is none. */
  make(
    name: string,
    definition: BackendDefinition,
    stats: BackendStats = this.#trafficOf(OTHER),
  ): Backend {
    const { report = () => {} } = this.#options;
    if (typeof definition === "function") {
      const transport = handlerTransport(
        definition,
        (error) => this.#options.reportFailure?.(error),
      );
      return new Backend(name, undefined, { transport, stats, report });
    }
    const given = typeof definition === "string" ? { url: definition } : definition;
    const options = { ...given, url: handshakeUrl(String(given.url)) };
    checkBackendUrl(name, options.url);
    const key = JSON.stringify(options);
    const monitor = options.healthcheck && this.#monitor(name, options, key);
    const transport = this.#lasting
      ? this.#transports.passing(key, options)
      : this.#transports.lasting(key, options);
    return new Backend(name, options, { transport, stats, report, monitor });
  }

  /** Closes connections, those in use as soon as they become idle, and ends all probes. */
  close(): void {
    for (const monitor of this.#monitors.values()) monitor.stop();
    this.#monitors.clear();
    this.#transports.close();
  }

  #trafficOf(name: string): BackendStats {
    const known = this.stats.get(name) ?? { requests: 0, failures: 0 };
    this.stats.set(name, known);
    return known;
  }

  #monitor(name: string, options: BackendOptions, key: string): HealthMonitor {
    const known = this.#monitors.get(key);
    if (known) return known;
    const { report = () => {}, stallClock } = this.#options;
    const monitor = new HealthMonitor(
      name,
      trusting(options, this.#options.ca),
      report,
      stallClock,
    );
    this.#monitors.set(key, monitor);
    if (!this.#lasting) return monitor; // see `startProbes`
    monitor.start();
    if (this.#monitors.size > this.#lasting.size + MAX_MONITORS) {
      const oldest = [...this.#monitors.keys()].find((key) => !this.#lasting?.has(key))!;
      this.#monitors.get(oldest)!.stop();
      this.#monitors.delete(oldest);
    }
    return monitor;
  }
}

function checkBackendUrl(name: string, url: string): void {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol) || !parsed.host) {
    throw new TypeError(
      `Cannot use backend "${name}": its URL ${
        JSON.stringify(url)
      } is not http://, https://, ws:// or wss:// and a host`,
    );
  }
}
