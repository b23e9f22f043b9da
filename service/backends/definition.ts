/** A backend in JavaScript: answers requests in the process, without a socket. If it throws, the guest sees a failed send. */
export type BackendHandler = (request: Request) => Response | Promise<Response>;

/** A version of TLS. Deno speaks 1.2 and 1.3: an older minimum means 1.2, an older maximum fails every send. */
export type TlsVersion = "1.0" | "1.1" | "1.2" | "1.3";

/**
 * Options of a backend over the network. Names follow Fastly's backend definition
 * (https://www.fastly.com/documentation/reference/api/services/backend/).
 */
export interface BackendOptions {
  /**
   * `http:` or `https:` (`ws:` and `wss:` mean the same), host and port (by default 80 or 443). A path is put before the
   * path of every request.
   */
  readonly url: string;
  /** Host field of every request. By default the guest's Host field, else the host of its URL, else the host of `url`. */
  readonly hostOverride?: string;
  /** Time limits in milliseconds. 0, or none, means no limit. */
  readonly timeouts?: {
    /** Until the connection is open, TLS handshake included. */
    readonly connect?: number;
    /** From the request to the head of the response. */
    readonly firstByte?: number;
    /** Between two pieces of the response's body. */
    readonly betweenBytes?: number;
  };
  /**
   * Used for `https:`. Settings that are not valid fail every send with `tls_configuration_error`, whose message gives
   * the reason.
   */
  readonly tls?: {
    /** Certificates to trust in PEM: one text with any number of them, or several. By default the service's `ca`. */
    readonly ca?: string | readonly string[];
    /** Name that the certificate must carry. By default the SNI name, else the URL's host. */
    readonly certHost?: string;
    /** Name sent in the handshake (SNI); `false` sends none. By default the URL's host. */
    readonly sni?: string | false;
    /** Client certificate and its key, in PEM. */
    readonly clientCertificate?: { readonly certificate: string; readonly key: string };
    /** `false` accepts any certificate: for development. By default `true`. */
    readonly verify?: boolean;
    /** By default `1.2`. */
    readonly minVersion?: TlsVersion;
    /** By default `1.3`. */
    readonly maxVersion?: TlsVersion;
    /** Cipher names in OpenSSL's notation, joined by colons. By default Deno's. */
    readonly ciphers?: string;
  };
  /**
   * Whether the backend speaks gRPC: HTTP/2 only, with prior knowledge over clear TCP, by ALPN over TLS. By default
   * `false`.
   */
  readonly grpc?: boolean;
  /** `false` always uses HTTP/1.1. By default HTTP/2 is used with a backend that selects it by ALPN. */
  readonly http2?: boolean;
  /** Time for which an idle connection is kept for the next request, in milliseconds. By default, and at most, 55,000. */
  readonly keepAlive?: number;
  /** TCP keep-alive of the connections. By default the operating system's. */
  readonly tcpKeepAlive?: TcpKeepAlive;
  /** Limits on connections that are kept; `false` opens a connection for each request. By default there are none. */
  readonly pool?: false | PoolLimits;
  /** Whether IPv4 addresses are tried before IPv6 addresses. By default in the resolver's order. */
  readonly preferIpv4?: boolean;
  /** Health probes. With them {@linkcode BackendOptions.health} is ignored. */
  readonly healthcheck?: Healthcheck;
  /** Result of the hostcall `is_healthy` without a `healthcheck`. By default `unknown`. */
  readonly health?: Health;
}

/** Health of a backend as the guest sees it. */
export type Health = "unknown" | "healthy" | "unhealthy";

/** TCP keep-alive of a connection. A field that is not set means the operating system's default. */
export interface TcpKeepAlive {
  /** Whether it is on; without it the other fields have no effect. By default `true`. */
  readonly enable?: boolean;
  /** Seconds between two probes. The platform cannot set it; guests can read it. */
  readonly interval?: number;
  /** Unanswered probes until the connection counts as dead. The platform cannot set it; guests can read it. */
  readonly probes?: number;
  /** Seconds without traffic until the first probe. */
  readonly time?: number;
}

/** Limits on the connections to one backend. 0, or none, means no limit. */
export interface PoolLimits {
  /**
   * Connections open at the same time. A request that finds all of them in use waits for one as long as
   * `timeouts.connect` says (a second by default), and fails then.
   */
  readonly maxConnections?: number;
  /** Requests on one connection. */
  readonly maxUse?: number;
  /** Milliseconds after which a connection gets no more requests. */
  readonly maxLifetime?: number;
}

/** Health probe: a request sent repeatedly, each time over a connection of its own. Times are in milliseconds. */
export interface Healthcheck {
  /** From the start of one probe to the start of the next. By default 15,000. */
  readonly interval?: number;
  /** Time limit on the head of the response. By default 5,000. */
  readonly timeout?: number;
  /** Host field. By default the backend's. */
  readonly host?: string;
  /** By default `GET`. */
  readonly method?: string;
  /** By default `/`. */
  readonly path?: string;
  /** Status of a successful probe. By default 200. */
  readonly expectedStatus?: number;
  /** Number of latest probes that count, at most 15. By default 5. */
  readonly window?: number;
  /** Number of them that must succeed for the backend to be healthy. By default 3. */
  readonly threshold?: number;
  /** Number of probes that count as successful before the first one. By default 4, or `window` if that is less. */
  readonly initial?: number;
}

/** Definition of a backend in the options: a URL, a URL with details, or a handler. */
export type BackendDefinition = string | BackendOptions | BackendHandler;
