import { describe } from "../service/errors.ts";
import { setImmediate } from "node:timers";
import type { ClientFacts } from "../service/http/exchange.ts";
import { reply } from "../service/http/reply.ts";
import { DEFAULT_LIMITS } from "../service/limits.ts";
import type { ByteStream } from "./byte_stream.ts";
import { Connection } from "./connection.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { Connections } from "./connections.ts";
import type { ServerExchange } from "./exchange.ts";
import { Http2Connection } from "./http2/http2_connection.ts";
import { KeptConnections } from "./kept_connections.ts";
import { linger } from "./linger.ts";
import type { AccessEntry, HttpServerOptions } from "./listen_options.ts";
import { plainResponse } from "./response_head.ts";
import { WriteBatcher } from "./write_batcher.ts";

/** Default of `headTimeout`, in milliseconds. */
const HEAD_MILLIS = 60_000;
/** Default of `stallTime`, in milliseconds. */
const STALL_MILLIS = 300_000;
/** Time between two requests of a connection, in seconds. */
const IDLE_SECONDS = 75;
const LINE_BYTES = 64 * 1024;
const HEAD_BYTES = 128 * 1024;
/** Connections beyond the limit that get a 503 at the same time; more are cut. */
const MAX_REFUSED = 16;

/** Scheme of the URLs of a connection's requests. */
export type Scheme = "http" | "https";
/** Version of HTTP of a connection, by its name in ALPN (RFC 7301). */
export type Protocol = "http/1.1" | "h2";

/**
 * Serves HTTP/1 and HTTP/2 over connections that its caller accepts: sockets, TLS, a Unix socket, or a pair of streams
 * in memory. {@linkcode listen} is its caller for TCP.
 *
 * @example One connection, with an `app` of `mod.ts` and a TLS socket of node:tls
 * ```ts ignore
 * const server = new HttpServer({ answer: (exchange) => app.answer(exchange) });
 * server.serve(socket, { address, port, serverAddress, serverPort }, "https");
 * ```
 */
export class HttpServer {
  /** Connections that stay open after responses. */
  readonly kept: KeptConnections = new KeptConnections();
  readonly #maxConnections: number;
  readonly #connections: Connections;
  readonly #running = new RunningExchanges();
  /** Options that the connections of a scheme share. */
  readonly #shared: Readonly<Record<Scheme, ConnectionOptions>>;
  #refused = 0;

  /**
   * Makes a server, which has no listeners yet.
   *
   * @param options Limits, time limits and callbacks; see {@linkcode HttpServerOptions} for their defaults.
   */
  constructor(options: HttpServerOptions) {
    this.#maxConnections = options.connections ?? DEFAULT_LIMITS.connections;
    this.#connections = new Connections({
      head: options.headTimeout ?? HEAD_MILLIS,
      idle: IDLE_SECONDS * 1000,
      stall: options.stallTime ?? STALL_MILLIS,
    });
    const http = connectionOptions(options, this.#connections, this.#running, this.kept);
    this.#shared = { http, https: { ...http, scheme: "https" } };
  }

  /** Number of open connections, idle ones included. */
  get connections(): number {
    return this.#connections.count;
  }

  /**
   * Whether one more connection can be served.
   *
   * @param others Number of connections that will be served later, such as those whose TLS handshake has begun.
   */
  hasRoomBeside(others: number): boolean {
    return this.#connections.count + others < this.#maxConnections;
  }

  /**
   * Serves the requests of a connection until it closes.
   *
   * @param stream Connection; the server closes it.
   * @param client Addresses and other facts of the client, which the guest can read.
   * @param scheme Scheme of the requests' URLs, whatever their targets say. By default `http`.
   * @param protocol Version of HTTP, by its name in ALPN. By default `http/1.1`, which has HTTP/1.0 with it.
   * @returns Whether the connection is served. Otherwise there are too many: it gets a 503 and closes, or is cut.
   */
  serve(
    stream: ByteStream,
    client: ClientFacts,
    scheme: Scheme = "http",
    protocol: Protocol = "http/1.1",
  ): boolean {
    if (!this.hasRoomBeside(0)) {
      if (protocol === "h2") stream.destroy();
      else this.#refuse(stream);
      return false;
    }
    const Served = protocol === "h2" ? Http2Connection : Connection;
    this.#connections.add(new Served(stream, client, this.#shared[scheme]));
    return true;
  }

  /**
   * Stops the server gracefully: waits until requests that run, or have begun to arrive, are answered, closes all
   * connections, and cuts those that are left after `ms`.
   *
   * @param ms Milliseconds until connections are cut.
   * @param stop Called when the connections that waited to be accepted have been accepted; the caller accepts no more.
   */
  async drain(ms: number, stop: () => void = () => {}): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
    const turn = new Promise<void>((resolve) => setImmediate(resolve));
    const ended = async () => {
      await turn;
      stop();
      await this.#connections.retire();
      await Promise.all([this.#connections.none(), this.#running.none()]);
    };
    await Promise.race([ended(), late]);
    clearTimeout(timer);
    stop();
    this.cut();
  }

  /** Cuts all connections now. */
  cut(): void {
    this.#connections.cut();
  }

  #refuse(stream: ByteStream): void {
    stream.on("error", () => {});
    if (this.#refused >= MAX_REFUSED) return void stream.destroy();
    this.#refused++;
    stream.on("close", () => this.#refused--);
    stream.write(plainResponse(503, "There are too many connections"));
    linger(stream);
  }
}

/** Counts the exchanges whose guests still run. */
class RunningExchanges {
  #count = 0;
  #waiting: (() => void)[] = [];

  start(): void {
    this.#count++;
  }

  end(): void {
    if (--this.#count > 0) return;
    for (const done of this.#waiting.splice(0)) done();
  }

  /** Resolves when there are none. */
  none(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((done) => this.#waiting.push(done));
  }
}

function connectionOptions(
  options: HttpServerOptions,
  connections: Connections,
  running: RunningExchanges,
  kept: KeptConnections,
): ConnectionOptions {
  const { answer, access, trouble, stalled } = options;
  const { lineBytes = LINE_BYTES, headBytes = HEAD_BYTES } = options;
  const { streams = DEFAULT_LIMITS.http2_streams, resets = DEFAULT_LIMITS.http2_resets } = options;
  return {
    scheme: "http",
    bounds: { lineBytes, headBytes },
    batcher: new WriteBatcher(),
    keepAlive: IDLE_SECONDS,
    http2: { streams, resets },
    clock: connections,
    kept,
    serve(exchange) {
      if (access) exchange.onClosed = recorder(exchange, access);
      running.start();
      const settled = () => {
        if (!exchange.answered) reply(exchange, 500, "The host gave no response");
        exchange.settled();
        running.end();
      };
      answer(exchange).then(settled, (error) => {
        trouble?.(`A request failed inside the host: ${describe(error)}`);
        settled();
      });
    },
    refused({ status }) {
      const flaw = status === 414
        ? `its line has more than ${lineBytes} bytes (see --limit url_bytes)`
        : status === 431
        ? `its head has more than ${headBytes} bytes (see --limit header_bytes)`
        : undefined;
      if (flaw) trouble?.(`A request was refused: ${flaw}`);
    },
    stalled(exchange, event) {
      if (stalled) stalled(exchange, event);
      else trouble?.(event);
    },
    trouble: (message) => trouble?.(message),
    closed: (stream) => connections.delete(stream),
  };
}

/**
 * Returns a function that writes the request's access record when its response has ended. The duration counts from this
 * call.
 */
function recorder(
  exchange: ServerExchange,
  access: (entry: AccessEntry) => void,
): (whole: boolean) => void {
  const start = performance.now();
  return (whole) => {
    const { head: { method }, target, client: { address: client }, status, bytes, metrics } =
      exchange;
    const millis = performance.now() - start;
    access({ method, target, client, status, millis, bytes, whole, metrics });
  };
}
