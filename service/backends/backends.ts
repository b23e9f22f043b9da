import { handshakeUrl } from "../http/url.ts";
import type { StallClock } from "../util/stall_clock.ts";
import { Backend, type BackendStats, type Report } from "./backend.ts";
import type { BackendDefinition, BackendOptions } from "./definition.ts";
import { handlerTransport } from "./handler_transport.ts";
import { HealthMonitors } from "./health_monitors.ts";
import { httpTransport } from "./http_transport.ts";
import { trusting } from "./tls.ts";
import type { TransportHook } from "./transport.ts";
import { Transports } from "./transports.ts";

/** Maximum number of backends of a catch-all that are cached. */
const MAX_CAUGHT = 256;
/** Maximum number of names with statistics of their own, since guests choose the names that a catch-all answers for. */
const MAX_COUNTED = 1000;
/** Name under which requests to all other backends are counted. */
const OTHER = "(other)";

/** Options that the backends of a service share. */
interface BackendsOptions {
  /** Returns the definition of a backend that is not defined by name. */
  readonly catchAll?: (name: string) => BackendDefinition | undefined;
  /** Called with the error of a handler in JavaScript. */
  readonly reportFailure?: (backend: string, error: unknown, requestId?: string) => void;
  /** Called when the health of a backend changes, and when a request to a backend fails. */
  readonly report?: Report;
  /** Certificates in PEM to trust for backends whose options have none; by default the system's. */
  readonly ca?: string | undefined;
  /** Clock of the backends' time limits. */
  readonly stallClock?: StallClock;
  /** Intercepts requests before the transports; for tests. */
  readonly hook?: TransportHook | undefined;
}

/** The backends of a service, and the connections to them. */
export class Backends {
  /** Statistics by backend name. */
  readonly stats: Map<string, BackendStats> = new Map();
  readonly #options: BackendsOptions;
  readonly #transports: Transports;
  readonly #monitors: HealthMonitors;
  readonly #defined = new Map<string, Backend>();
  readonly #caught = new Map<string, { definition: BackendDefinition; backend: Backend }>();

  /**
   * @param defined Definitions by name.
   * @throws {TypeError} If the URL of a backend is not valid.
   */
  constructor(
    defined: Readonly<Record<string, BackendDefinition>>,
    options: BackendsOptions = {},
  ) {
    this.#options = options;
    this.#transports = new Transports((options) =>
      httpTransport(trusting(options, this.#options.ca), this.#options.stallClock)
    );
    this.#monitors = new HealthMonitors(options.report ?? (() => {}), options.stallClock);
    for (const [name, definition] of Object.entries(defined)) {
      this.#defined.set(name, this.#make(name, definition, this.#statsOf(name), "lasting"));
    }
  }

  /** Starts the health probes of the backends that the options define. Those of other backends start with the backend. */
  startProbes(): void {
    this.#monitors.start();
  }

  /** Whether a backend is defined by name, not only by the catch-all. */
  isDefined(name: string): boolean {
    return this.#defined.has(name);
  }

  /** Returns the backend that is defined by name, or by the catch-all. */
  find(name: string): Backend | undefined {
    const defined = this.#defined.get(name);
    if (defined) return defined;
    const caught = this.#options.catchAll?.(name);
    return caught === undefined ? undefined : this.#catch(name, caught);
  }

  /**
   * Makes a dynamic backend, which only the caller can find.
   *
   * @throws {TypeError} If its URL is not valid.
   */
  make(name: string, definition: BackendDefinition): Backend {
    return this.#make(name, definition, this.#statsOf(OTHER), "dynamic", true);
  }

  /** Closes idle connections, those in use as soon as they become idle, and stops all probes. */
  close(): void {
    this.#monitors.close();
    this.#transports.close();
  }

  /** Returns a cached backend while the catch-all returns the same definition, since making one costs more. */
  #catch(name: string, definition: BackendDefinition): Backend {
    const known = this.#caught.get(name);
    if (known?.definition === definition) return known.backend;
    if (this.#caught.size >= MAX_CAUGHT) this.#caught.clear(); // guests choose the names
    const stats = this.#statsOf(this.stats.size < MAX_COUNTED ? name : OTHER);
    const backend = this.#make(name, definition, stats, "dynamic");
    this.#caught.set(name, { definition, backend });
    return backend;
  }

  #make(
    name: string,
    definition: BackendDefinition,
    stats: BackendStats,
    kind: "lasting" | "dynamic",
    byGuest = false,
  ): Backend {
    const { report = () => {}, reportFailure, ca, hook } = this.#options;
    if (typeof definition === "function") {
      const transport = handlerTransport(
        definition,
        (error, id) => reportFailure?.(name, error, id),
      );
      // A handler that no option defines is the host's own.
      const seen = (!byGuest && hook?.wrap(transport, name, undefined)) || transport;
      return new Backend(name, undefined, { transport: seen, stats, report });
    }
    const options = optionsOf(name, definition);
    const key = JSON.stringify(options);
    const monitor = options.healthcheck && this.#monitors[kind](name, key, trusting(options, ca));
    const transport = this.#transports[kind](key, options);
    const seen = hook?.wrap(transport, name, byGuest ? options.url : undefined) ?? transport;
    return new Backend(name, options, { transport: seen, stats, report, monitor });
  }

  #statsOf(name: string): BackendStats {
    const known = this.stats.get(name) ?? { requests: 0, failures: 0 };
    this.stats.set(name, known);
    return known;
  }
}

function optionsOf(name: string, definition: string | BackendOptions): BackendOptions {
  const given = typeof definition === "string" ? { url: definition } : definition;
  const url = handshakeUrl(String(given.url));
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol) || !parsed.host) {
    throw new TypeError(
      `Cannot use backend "${name}": its URL ${
        JSON.stringify(url)
      } is not http://, https://, ws:// or wss:// and a host`,
    );
  }
  return { ...given, url };
}
