import type { Exchange } from "../service/http/exchange.ts";
import type { RequestMetrics } from "../service/http/request_metrics.ts";

/** One line of an access log: a request and its response, which has ended. */
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

/** What an HTTP server does with connections and their requests. */
export interface HttpServerOptions {
  /** Most bytes of a request line; by default 64 KiB. A client that sends more gets a 414. */
  readonly lineBytes?: number;
  /** Most bytes of a request's line and header fields; by default 128 KiB. A client that sends more gets a 431. */
  readonly headBytes?: number;
  /** Most open connections; by default 10,000. A client beyond it gets a 503. */
  readonly connections?: number;
  /** Time limit on a request's head, from its first byte or the opening of its connection, in milliseconds. By default 60,000. */
  readonly headTimeout?: number;
  /**
   * How long a client may take nothing of what is written to it, or send less than 1 KiB of content that is waited for,
   * in milliseconds. By default 300,000.
   */
  readonly stallTime?: number;
  /**
   * Called when a connection is about to end because of `stallTime`; by default `trouble` is.
   *
   * @param exchange The request that this ends; undefined if the connection has none.
   * @param what What has happened, in words before "the limit".
   */
  readonly stalled?: ((exchange: Exchange | undefined, what: string) => void) | undefined;
  /** Answers one exchange, as `Fastlike.answer` does; resolves when nothing more happens for it. */
  readonly answer: (exchange: Exchange) => Promise<void>;
  /** Called after each response. */
  readonly access?: ((entry: AccessEntry) => void) | undefined;
  /** Called with what went wrong outside any exchange, in one line. */
  readonly trouble?: ((message: string) => void) | undefined;
}

/** The options of {@linkcode listen}. */
export interface ListenOptions extends HttpServerOptions {
  /** Name or address to listen on. `localhost` means 127.0.0.1 and ::1, an empty text all addresses. */
  readonly hostname: string;
  /** Port; 0 takes any free one. */
  readonly port: number;
  /** Called before an address is listened on; rejects where the runtime does not permit it. */
  readonly permit?: ((address: string, port: number) => Promise<void>) | undefined;
}

/** A server that listens. */
export interface Listener {
  /** URL of the server, with the real port. */
  readonly url: string;
  /** Port, also where 0 was asked for. */
  readonly port: number;
  /** Addresses that it listens on, without port. */
  readonly addresses: readonly string[];
  /** Number of open connections, idle ones included. */
  connections(): number;
  /** Whether the port accepts connections, tried with a connection of the process's own. */
  accepts(): Promise<boolean>;
  /**
   * Accepts no more connections, waits until requests that run, or have begun to arrive, are answered, and cuts what
   * still runs after that.
   *
   * @param ms Milliseconds until connections are cut.
   */
  drain(ms: number): Promise<void>;
  /** Cuts all connections now. */
  close(): void;
}
