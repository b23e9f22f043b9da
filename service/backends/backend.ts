import { SendError } from "../errors.ts";
import type { Payload } from "../http/bytes.ts";
import { frameRequest, type Framing } from "../http/framing.ts";
import type { HeadLimits } from "../http/head_limits.ts";
import type { HeaderList } from "../http/headers.ts";
import { splitUrl } from "../http/url.ts";
import type { LogLevel } from "../log.ts";
import type { BackendOptions, Health } from "./definition.ts";
import { describeFailure } from "./failure_advice.ts";
import type { HealthMonitor } from "./health.ts";
import type { BackendRequest, RequestInFlight, Transport, UpgradeInFlight } from "./transport.ts";

/** A request as the guest sends it, before the backend's Host and path prefix are applied. */
export interface GuestSend {
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderList;
  readonly framing: Framing;
  readonly body: Payload;
  /** Whether the response's content is decoded for the guest. A decoded response has no ranges. */
  readonly gunzip?: boolean;
  /** Limits on the head of the response. */
  readonly limits: HeadLimits;
  /** Id, for the log, of the client's request that this request is sent for. */
  readonly requestId?: string;
}

/** Writes a message to the service's log, with the id of the client's request that it concerns. */
export type Report = (level: LogLevel, message: string, requestId?: string) => void;

/** Counts of requests to a backend. */
export interface BackendStats {
  /** Requests that were sent. */
  requests: number;
  /** Requests that got no response, without those that the guest or the client cancelled. */
  failures: number;
}

/** Parts of a {@linkcode Backend}. */
interface BackendParts {
  readonly transport: Transport;
  readonly stats: BackendStats;
  readonly report: Report;
  readonly monitor?: HealthMonitor | undefined;
}

/** A backend: its properties, which guests can read, and requests to it. */
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

  /** Host without port and brackets. */
  get host(): string {
    return this.#origin.authority.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  }

  get port(): number {
    return Number(/:(\d+)$/.exec(this.#origin.authority)?.[1] ?? (this.secure ? 443 : 80));
  }

  /** Health by the latest probes, which are started if they were not; without probes, the health in the options. */
  get health(): Health {
    this.#monitor?.start();
    return this.#monitor?.health ?? this.options?.health ?? "unknown";
  }

  /**
   * Sends a request with this backend's path prefix, and with the first of these as its Host: the backend's override,
   * the request's Host field, the host of its URL, the backend's own host.
   */
  send(request: GuestSend): RequestInFlight {
    const prepared = this.#prepare(request);
    const inFlight = this.#transport.send(prepared);
    const { response } = inFlight;
    return { response, cancel: this.#watch(request, prepared, response, inFlight) };
  }

  /**
   * Sends a request to change protocols, prepared as by {@linkcode Backend.send}.
   *
   * @throws {SendError} If the backend is a handler in JavaScript.
   */
  upgrade(request: GuestSend): UpgradeInFlight {
    if (!this.#transport.upgrade) {
      throw new SendError(
        "http_upgrade_failed",
        `Cannot change protocols: backend "${this.name}" is a function`,
      );
    }
    const prepared = this.#prepare(request);
    const inFlight = this.#transport.upgrade(prepared);
    const { outcome } = inFlight;
    return { outcome, cancel: this.#watch(request, prepared, outcome, inFlight) };
  }

  /**
   * Counts a request, and counts and logs its failure unless it was cancelled.
   *
   * @returns Function that cancels the request.
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
      // A limit that was met is logged where it is counted.
      if (!(error instanceof SendError) || error.told || error.limit !== undefined) return;
      error.told = true;
      this.#report("warning", describeFailure(this.name, sent, error), requestId);
    });
    return () => {
      cancelled = true;
      inFlight.cancel();
    };
  }

  #prepare(
    { method, url, headers, framing, body, limits, requestId }: GuestSend,
  ): BackendRequest {
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
      requestId,
    };
  }
}
