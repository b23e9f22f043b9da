import type { Exchange } from "../service/http/exchange.ts";
import type { RequestMetrics } from "../service/http/request_metrics.ts";

/** What one line of the access log tells. */
export interface AccessEntry {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly target: string;
  /** The client's address. */
  readonly client: string;
  /** The response's status, 0 if none went out. */
  readonly status: number;
  /** From the request's head to the end of the response. */
  readonly millis: number;
  /** Bytes of the response's body. */
  readonly bytes: number;
  /** Whether the response has gone out whole. */
  readonly whole: boolean;
  /** What the answer took, up to the end of the response. */
  readonly metrics: RequestMetrics;
}

/** What {@linkcode listen} needs. */
export interface ListenOptions {
  /** A name or an address; `localhost` means both of its addresses, and nothing every address. */
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Bytes of a request's line at the most; by default 64 KiB. Beyond it clients get a 414. */
  readonly lineBytes?: number;
  /** Bytes of a request's line and header fields at the most; by default 128 KiB. Beyond it clients get a 431. */
  readonly headBytes?: number;
  /** Connections that may be open; by default 10,000. Beyond it clients get a 503. */
  readonly connections?: number;
  /** How long a request's head may take, in milliseconds, from its connection's or its own beginning. By default 60,000. */
  readonly headTimeout?: number;
  /**
   * How long a client may take nothing of what is written to it, or send less than 1 KiB of content that is waited for,
   * in milliseconds. By default 300,000.
   */
  readonly stallTime?: number;
  /**
   * Called when a connection is about to end for that.
   *
   * @param exchange The request that this ends; undefined if none is left.
   * @param what What has happened, in words before "the limit".
   */
  readonly stalled?: ((exchange: Exchange | undefined, what: string) => void) | undefined;
  /** Answers one exchange; resolves when nothing more happens for it. */
  readonly answer: (exchange: Exchange) => Promise<void>;
  /** Called after each response. */
  readonly access?: ((entry: AccessEntry) => void) | undefined;
  /** Called with what went wrong outside any exchange. */
  readonly trouble?: ((message: string) => void) | undefined;
}

/** A server that listens. */
export interface Listener {
  /** Where clients find it, with the real port. */
  readonly url: string;
  readonly port: number;
  /** The addresses that it listens on, without port. */
  readonly addresses: readonly string[];
  /** How many connections are open, those that no request runs on included. */
  connections(): number;
  /** Whether the port accepts connections, tried with one of the process's own. */
  accepts(): Promise<boolean>;
  /**
   * Takes no more connections, waits until what runs or is on its way has been answered, and cuts what still runs after
   * that many milliseconds.
   */
  drain(ms: number): Promise<void>;
  /** Ends everything now. */
  close(): void;
}
