import type { Duplex } from "node:stream";
import type { Payload } from "../http/bytes.ts";
import type { HttpVersion, ResponseHead } from "../http/exchange.ts";
import type { HeadLimits } from "../http/head_limits.ts";
import type { HeaderList } from "../http/headers.ts";

/** A request as it goes to a backend, with its final Host and framing fields. */
export interface BackendRequest {
  readonly method: string;
  /** Scheme, Host, then path and query with the backend's path prefix. */
  readonly url: string;
  /** Path and query of {@linkcode BackendRequest.url}. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Payload;
  /** Limits on the head of the response. */
  readonly limits: HeadLimits;
  /** Id of the client's request that this request is sent for. */
  readonly requestId?: string | undefined;
}

/** A backend's response, with its fields as they were on the wire. */
export interface BackendResponse {
  readonly status: number;
  readonly version: HttpVersion;
  readonly headers: HeaderList;
  readonly body: Payload;
  /** Address (without brackets) and port that sent it; undefined if there is no socket. */
  readonly peer: { readonly address: string; readonly port: number } | undefined;
}

/** A request that was sent, or is being sent. */
export interface RequestInFlight {
  /** Rejects with a `SendError`. */
  readonly response: Promise<BackendResponse>;
  /** Closes the connection; `response` rejects unless it has settled. */
  cancel(): void;
}

/** A connection on which the backend has changed protocols. Bytes that followed the head are still to be read from it. */
export interface UpgradedConnection {
  /** Head of status 101. */
  readonly head: ResponseHead;
  readonly socket: Duplex;
}

/** A request to change protocols that was sent, or is being sent. */
export interface UpgradeInFlight {
  /** Resolves to a response where the backend declines. Rejects with a `SendError`. */
  readonly outcome: Promise<UpgradedConnection | BackendResponse>;
  /** Closes the connection if there is no outcome yet. */
  cancel(): void;
}

/** Carries requests to one backend: over HTTP/1.1 or HTTP/2, or to a handler in JavaScript. */
export interface Transport {
  send(request: BackendRequest): RequestInFlight;
  /** Sends a request to change protocols over a connection of its own. Undefined for a transport without connections. */
  upgrade?(request: BackendRequest): UpgradeInFlight;
  /** Closes idle connections. */
  close(): void;
}

/** Intercepts the requests of guests before the transports, and may answer in their place; for tests. */
export interface TransportHook {
  /**
   * Returns the transport to use in place of one.
   *
   * @param backend Name of the backend.
   * @param url URL of a backend that a guest has registered; undefined for one that the options define.
   */
  wrap(transport: Transport, backend: string, url: string | undefined): Transport;
  /** Called when a guest sends to a backend that nothing defines. The send fails. */
  missing(
    backend: string,
    request: { readonly method: string; readonly url: string; readonly requestId: string },
  ): void;
}
