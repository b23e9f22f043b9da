import type { ByteStream } from "./byte_stream.ts";
import type { ServerExchange } from "./exchange.ts";
import type { KeptConnections } from "./kept_connections.ts";
import type { HeadBounds } from "../service/http/http1/head_parser.ts";
import type { Rejection } from "../service/http/http1/rejection.ts";
import type { WriteBatcher } from "./write_batcher.ts";

/** Options that the connections of a server share. */
export interface ConnectionOptions {
  /** Scheme of the requests' URLs, whatever their targets say. */
  readonly scheme: "http" | "https";
  readonly bounds: HeadBounds;
  readonly batcher: WriteBatcher;
  /** Seconds after which an idle connection is closed, for the Keep-Alive field. */
  readonly keepAlive: number;
  /** Limits of one HTTP/2 connection: open requests, and requests that its client resets in quick succession. */
  readonly http2: { readonly streams: number; readonly resets: number };
  /** Counts the checks of all connections, which measure time. */
  readonly clock: { readonly round: number };
  readonly kept: KeptConnections;
  /** Answers a request; called for the next one when the last response was sent. */
  serve(exchange: ServerExchange): void;
  /** Called for each request that is rejected by the server itself. */
  refused(rejection: Rejection): void;
  /**
   * Called when the connection is about to end because its client takes or sends nothing.
   *
   * @param exchange The request that this ends; undefined if none is left.
   * @param event Event for the log, in words before "the limit".
   */
  stalled(exchange: ServerExchange | undefined, event: string): void;
  /** Called with a fault of a connection, in one line. */
  trouble(message: string): void;
  /** Called when a connection has closed. */
  closed(stream: ByteStream): void;
}
