import type { Exchange } from "../service/http/exchange.ts";
import type { Identity } from "./tls/identity.ts";
import type { TlsOptions } from "./tls/tls_options.ts";
import type { RequestMetrics } from "../service/http/request_metrics.ts";
import type { Opening } from "./acceptor.ts";
import type { KeptConnections } from "./kept_connections.ts";

/** Access record of a request whose response has ended. */
export interface AccessEntry {
  /** Method in the client's case. */
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly target: string;
  /** Address of the client. */
  readonly client: string;
  /** Status of the response; 0 if none was sent. */
  readonly status: number;
  /** From the request's head to the end of the response, in milliseconds. */
  readonly millis: number;
  /** Bytes of the response's content. */
  readonly bytes: number;
  /** Whether the whole response was sent. */
  readonly whole: boolean;
  /** Metrics of the request up to the end of the response. */
  readonly metrics: RequestMetrics;
}

/** Options of an {@linkcode HttpServer}: limits, time limits and callbacks. */
export interface HttpServerOptions {
  /** Maximum length of a request line, in bytes; by default 64 KiB. A client that sends more gets a 414. */
  readonly lineBytes?: number;
  /**
   * Maximum size of a request's line and header fields, in bytes; by default 128 KiB. A client that sends more gets a
   * 431.
   */
  readonly headBytes?: number;
  /** Maximum number of open requests on one HTTP/2 connection; by default 100. It is sent to the client; more are refused. */
  readonly streams?: number;
  /**
   * Maximum number of requests that a client of HTTP/2 resets in quick succession, before its connection is closed; by
   * default 100.
   */
  readonly resets?: number;
  /** Maximum number of open connections; by default 10,000. A client beyond it gets a 503. */
  readonly connections?: number;
  /**
   * Time limit on a request's head, from its first byte or the opening of its connection, in milliseconds. By default
   * 60,000.
   */
  readonly headTimeout?: number;
  /**
   * Time for which a client may read nothing of its response, or send less than 1 KiB of content that a read waits for,
   * in milliseconds. By default 300,000.
   */
  readonly stallTime?: number;
  /**
   * Called when a connection is about to end because of `stallTime`; by default `trouble` is.
   *
   * @param exchange The request that this ends; undefined if the connection has none.
   * @param event Event for the log, in words before "the limit".
   */
  readonly stalled?: ((exchange: Exchange | undefined, event: string) => void) | undefined;
  /** Answers one exchange, as `Fastlike.answer` does; resolves when the guest is done with it. */
  readonly answer: (exchange: Exchange) => Promise<void>;
  /** Called after each response. */
  readonly access?: ((entry: AccessEntry) => void) | undefined;
  /** Called with faults outside any exchange, each in one line. */
  readonly trouble?: ((message: string) => void) | undefined;
}

/** Options of {@linkcode listen}. */
export interface ListenOptions extends HttpServerOptions, Opening {
  /** Name or address to listen on. `localhost` means 127.0.0.1 and ::1, an empty text all addresses. */
  readonly hostname: string;
  /** Port; 0 takes any free one. */
  readonly port: number;
  /** Serves HTTPS; without it HTTP. */
  readonly tls?: TlsOptions | undefined;
  /** Whether HTTP/2 is spoken without TLS, too, to clients that begin with it (RFC 9113, section 3.3). By default not. */
  readonly h2c?: boolean | undefined;
  /**
   * Addresses and ranges of proxies whose connections begin with a header of the PROXY protocol, which has the client's
   * address; `loopback` and `private` are names of ranges.
   */
  readonly proxyProtocol?: readonly string[] | undefined;
}

/** A server that listens. */
export interface Listener {
  /** URL of the server, with the real port. */
  readonly url: string;
  /** Port, also where 0 was asked for. */
  readonly port: number;
  /** Addresses that it listens on, without port. */
  readonly addresses: readonly string[];
  /** Connections that stay open after responses, for processes that share the port. */
  readonly kept: KeptConnections;
  /** Number of open connections, idle ones included. */
  connections(): number;
  /**
   * Exchanges certificate and key of a listener with TLS; open connections keep theirs.
   *
   * @throws {TypeError} If they cannot be used, and the old ones stay. The message is a clause that says why.
   */
  setCertificate(identity: Identity): void;
  /** Whether the port accepts connections; tried with a connection to itself. */
  accepts(): Promise<boolean>;
  /**
   * Accepts no more connections, waits until requests that run, or have begun to arrive, are answered, and cuts those
   * that are left after `ms`.
   *
   * @param ms Milliseconds until connections are cut.
   */
  drain(ms: number): Promise<void>;
  /** Cuts all connections now. */
  close(): void;
}
