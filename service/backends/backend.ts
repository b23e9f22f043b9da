import type { Payload } from "../http/bytes.ts";
import type { Duplex } from "node:stream";
import type { HttpVersion, ResponseHead } from "../http/exchange.ts";
import type { HeadLimits } from "../http/head_limits.ts";
import type { HeaderList } from "../http/headers.ts";

/** A backend in JavaScript: answers requests in the process, with no socket. A throw is a failed send to the guest. */
export type BackendHandler = (request: Request) => Response | Promise<Response>;

/** A version of TLS. Deno speaks 1.2 and 1.3: older ones mean 1.2 as a minimum, and as a maximum fail every send. */
export type TlsVersion = "1.0" | "1.1" | "1.2" | "1.3";

/** How a backend is reached over the network. Names follow Fastly's backend definition. */
export interface BackendOptions {
  /**
   * `http:` or `https:` (for which `ws:` and `wss:` may stand), host and port (by default 80 or 443); a path in it goes
   * before every request's own.
   */
  readonly url: string;
  /** The Host field of every request. By default the guest's own, else the host of its URL, else that of `url`. */
  readonly hostOverride?: string;
  /** Each in milliseconds. Without one, or with 0, the backend may take as long as it likes. */
  readonly timeouts?: {
    /** Until the connection stands, TLS included. */
    readonly connect?: number;
    /** From the request to the response's head. */
    readonly firstByte?: number;
    /** Between two pieces of the response's body. */
    readonly betweenBytes?: number;
  };
  /** For `https:`. Settings that make no sense fail every send with `tls_configuration_error`, which says why. */
  readonly tls?: {
    /** Certificates to trust in PEM, one text with any number of them or several. By default the service's `ca`. */
    readonly ca?: string | readonly string[];
    /** The name that the certificate must carry; by default the SNI name, else the URL's host. */
    readonly certHost?: string;
    /** The name sent in the handshake; `false` sends none. By default the URL's host. */
    readonly sni?: string | false;
    /** This client's certificate and its key, in PEM. */
    readonly clientCertificate?: { readonly certificate: string; readonly key: string };
    /** `false` accepts any certificate: for development. By default `true`. */
    readonly verify?: boolean;
    /** By default `1.2`. */
    readonly minVersion?: TlsVersion;
    /** By default `1.3`. */
    readonly maxVersion?: TlsVersion;
    /** Cipher names in OpenSSL's notation, joined by colons. */
    readonly ciphers?: string;
  };
  /** The backend speaks gRPC: HTTP/2 only, with prior knowledge over clear TCP, negotiated (ALPN) over TLS. */
  readonly grpc?: boolean;
  /** `false` keeps to HTTP/1.1. By default a backend with TLS that offers HTTP/2 is spoken to in it. */
  readonly http2?: boolean;
  /** How long an idle connection is kept for the next request, in milliseconds: 55,000 at most, which is the default. */
  readonly keepAlive?: number;
  /** TCP's own probes of idle connections. By default what the operating system does. */
  readonly tcpKeepAlive?: TcpKeepAlive;
  /** Which connections are kept for other requests; `false` opens one for each. By default all that can be. */
  readonly pool?: false | PoolLimits;
  /** Whether IPv4 addresses are tried before IPv6 ones. By default the resolver's order stands. */
  readonly preferIpv4?: boolean;
  /** Probes that say how the backend is; {@linkcode BackendOptions.health} does not count then. */
  readonly healthcheck?: Healthcheck;
  /** What `is_healthy` tells the guest without a `healthcheck`. By default `unknown`. */
  readonly health?: Health;
}

/** How a backend is, as far as is known. */
export type Health = "unknown" | "healthy" | "unhealthy";

/** Whether the operating system probes an idle connection, and how: each is its own default where it is not set. */
export interface TcpKeepAlive {
  /** By default `true`, since the other fields mean nothing otherwise. */
  readonly enable?: boolean;
  /** Seconds between two probes. Kept for the guest to read: the platform has no way to set it. */
  readonly interval?: number;
  /** Unanswered probes until the connection counts as dead. Kept for the guest to read, as the interval. */
  readonly probes?: number;
  /** Seconds without traffic until the first probe. */
  readonly time?: number;
}

/** Bounds on the connections to one backend; 0, and what is not set, is no bound. */
export interface PoolLimits {
  /**
   * Connections at the same time. A request that finds none free waits for one as long as `timeouts.connect` says
   * (a second by default), and fails then.
   */
  readonly maxConnections?: number;
  /** Requests on one connection. */
  readonly maxUse?: number;
  /** Milliseconds after which a connection gets no more requests. */
  readonly maxLifetime?: number;
}

/** A request that is sent to a backend again and again, each time over a connection of its own. Times in milliseconds. */
export interface Healthcheck {
  /** From the start of one probe to that of the next. By default 15,000. */
  readonly interval?: number;
  /** How long the response's head may take. By default 5,000. */
  readonly timeout?: number;
  /** The Host field. By default the backend's own. */
  readonly host?: string;
  /** By default `GET`. */
  readonly method?: string;
  /** By default `/`. */
  readonly path?: string;
  /** The status that makes a probe good. By default 200. */
  readonly expectedStatus?: number;
  /** How many of the latest probes count, 15 at most. By default 5. */
  readonly window?: number;
  /** How many of them have to be good for the backend to be healthy. By default 3. */
  readonly threshold?: number;
  /** How many of them are taken to be good before there was any. By default 4, or `window` if that is less. */
  readonly initial?: number;
}

/** What may stand for a backend in the options: a URL, a URL with details, or a handler. */
export type BackendDefinition = string | BackendOptions | BackendHandler;

/** A request as it goes to a backend: its Host and framing fields are right already. */
export interface BackendRequest {
  readonly method: string;
  /** Scheme, Host, then path and query with the backend's prefix. */
  readonly url: string;
  /** Path and query of {@linkcode BackendRequest.url}. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Payload;
  /** What the response's head is held to. */
  readonly limits: HeadLimits;
}

/** A backend's response, as the wire had it. */
export interface BackendResponse {
  readonly status: number;
  readonly version: HttpVersion;
  readonly headers: HeaderList;
  readonly body: Payload;
  /** Where it came from, if from a socket: an address without brackets. */
  readonly peer: { readonly address: string; readonly port: number } | undefined;
}

/** A request under way. `response` rejects with a `SendError`. */
export interface RequestInFlight {
  readonly response: Promise<BackendResponse>;
  /** Gives up: the connection is closed, `response` rejects if it has not settled. */
  cancel(): void;
}

/** A connection on which the backend has changed protocols, with what it has sent since. */
export interface UpgradedConnection {
  /** Of status 101. */
  readonly head: ResponseHead;
  readonly socket: Duplex;
}

/** A request to change protocols under way. The backend may decline it with a response. Rejects with a `SendError`. */
export interface UpgradeInFlight {
  readonly outcome: Promise<UpgradedConnection | BackendResponse>;
  /** Gives up, as long as there is no outcome. */
  cancel(): void;
}

/** What carries requests to one backend. */
export interface Transport {
  send(request: BackendRequest): RequestInFlight;
  /** Sends a request to change protocols, over a connection of its own. Not there where there are no connections. */
  upgrade?(request: BackendRequest): UpgradeInFlight;
  /** Closes idle connections. */
  close(): void;
}
