import type { Buffer } from "node:buffer";
import { type ByteSource, isWhole } from "../http/bytes.ts";
import type { Connector } from "./connector.ts";
import type { SendError } from "../errors.ts";
import type { Http1Body, PieceTimeout } from "./http1_body.ts";
import type { Http1Connection, Http1User } from "./http1_connection.ts";
import type { Http1Pool } from "./http1_pool.ts";
import { isRepeatable, NetworkRequest, roomTime, type Timeouts } from "./network_request.ts";
import { Http1Upload } from "./http1_upload.ts";
import { type RenderedHead, renderHead } from "./request_head.ts";
import type { ResponseHeadFields } from "./response_head.ts";
import { sendBody } from "./response_body.ts";
import { codeOf, toSendError } from "./send_errors.ts";
import type { BackendRequest, UpgradedConnection } from "./transport.ts";

/** Bytes of a response's head that the status line may take, besides those of the fields. */
const STATUS_LINE = 1024;
/** Maximum size of content that is copied behind the head, to be sent with it in one write, in bytes. */
const MAX_COPIED = 16 * 1024;

/** An origin that is reached over HTTP/1. */
export interface Http1Origin {
  readonly connector: Connector;
  readonly timeouts: Timeouts;
  readonly pool: Http1Pool;
}

/** One request over HTTP/1. */
export class Http1Request extends NetworkRequest implements Http1User {
  readonly method: string;
  readonly headBytes: number;
  readonly #origin: Http1Origin;
  readonly #onUpgrade: ((upgraded: UpgradedConnection) => void) | undefined;
  #connection: Http1Connection | undefined;
  /** Whether the connection has carried a request before. */
  #reused = false;
  #stopConnectTimer: (() => void) | undefined;
  #stopWaiting: (() => void) | undefined;
  #upload: Http1Upload | undefined;
  /** Head, and content that is sent with it in one write. */
  #rendered: RenderedHead | undefined;
  #answered = false;
  #retried = false;

  /** @param onUpgrade Called with the connection, in place of a response, if the backend changes protocols. */
  constructor(
    request: BackendRequest,
    origin: Http1Origin,
    onUpgrade?: (upgraded: UpgradedConnection) => void,
  ) {
    super(request, origin.connector.name, origin.timeouts);
    this.#origin = origin;
    this.#onUpgrade = onUpgrade;
    this.method = request.method;
    this.headBytes = request.limits.header_bytes + STATUS_LINE;
    this.#start();
  }

  get pieceTimeout(): PieceTimeout {
    return this.#origin.timeouts;
  }

  onOpen(): void {
    this.#stopConnectTimer?.();
  }

  onDrain(): void {
    this.#upload?.onDrain();
  }

  onClosed(): void {
    this.#upload?.onClosed();
  }

  onResponse({ status, headers, version }: ResponseHeadFields, body: Uint8Array | Http1Body): void {
    if (status < 200) {
      return this.fail("http_response_status_invalid", `it answered with status ${status}`);
    }
    this.#answered = true;
    if (!isWhole(body)) this.body = body;
    this.resolve({ status, headers, version, body, peer: this.#connection!.peer });
  }

  onSwitch({ status, headers }: ResponseHeadFields, rest: Buffer): void {
    const { socket } = this.#connection!;
    if (!this.#onUpgrade) {
      socket.destroy();
      this.fail("http_protocol_error", "it switched protocols without being asked to");
      return;
    }
    this.#connection = undefined;
    this.stopTimers();
    socket.allowHalfOpen = true;
    if (rest.length) socket.unshift(rest);
    this.#onUpgrade({ head: { status, headers }, socket });
  }

  onLost(error: unknown): void {
    const connection = this.#connection!;
    if (this.#mayRetry(connection, error)) {
      this.#retried = true;
      this.#origin.pool.closeIdle(); // they are as old as this one: the next must be new
      return this.#start();
    }
    this.abandon(toSendError(error, this.name));
  }

  /** Whether the request may be sent again: the backend has closed a kept connection before it read the request. */
  #mayRetry({ received }: Http1Connection, error: unknown): boolean {
    return this.#reused && !this.#retried && received === 0 &&
      /^(ECONNRESET|EPIPE)$/.test(codeOf(error)) && isRepeatable(this.request);
  }

  #start(): void {
    this.#attempt(() => {
      const { pool } = this.#origin;
      this.#rendered ??= renderHead(this.request, pool.keeps, MAX_COPIED);
      const connection = pool.take();
      if (connection) this.#sendOn(connection);
      else this.#waitForRoom();
    });
  }

  #waitForRoom(): void {
    const { timeouts, pool } = this.#origin;
    const ms = roomTime(timeouts);
    const stopTimer = this.failAfter(
      ms,
      "connection_limit_reached",
      `each of its ${pool.rules.connections} connections was in use for ${ms} ms`,
    );
    this.#stopWaiting = pool.wait({
      needsNew: this.#retried,
      use: (connection, error) => {
        this.#stopWaiting = undefined;
        stopTimer();
        this.#attempt(() => {
          if (!connection) throw error;
          this.#sendOn(connection);
        });
      },
    });
  }

  /** Runs a step of sending; the request fails with the error that it throws. */
  #attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.abandon(toSendError(error, this.name));
    }
  }

  #sendOn(connection: Http1Connection): void {
    const { connect } = this.#origin.timeouts;
    const { body } = this.request;
    const { bytes, persists, behind } = this.#rendered!;
    this.#connection = connection;
    this.#reused = connection.uses > 0;
    connection.start(this, persists);
    if (connect !== undefined && !connection.isOpen) {
      this.#stopConnectTimer = this.failAfter(
        connect,
        "connection_timeout",
        `the connection did not stand within ${connect} ms`,
      );
    }
    const { socket } = connection;
    if (!isWhole(body)) {
      socket.write(bytes);
      return void this.#sendBody(connection, body);
    }
    const onSent = (error?: Error | null) => {
      if (!error && connection.serves(this)) connection.sent();
    };
    socket.write(bytes, "latin1", behind.length ? undefined : onSent);
    for (const [i, piece] of behind.entries()) {
      socket.write(piece, "latin1", i === behind.length - 1 ? onSent : undefined);
    }
  }

  async #sendBody(connection: Http1Connection, body: ByteSource): Promise<void> {
    const chunked = this.request.headers.has("transfer-encoding");
    const upload = this.#upload = new Http1Upload(connection, chunked);
    const { clock } = this.#origin.timeouts.stallClock;
    try {
      await sendBody(upload, body, (trailers) => upload.end(trailers), clock);
    } catch (error) {
      if (upload.destroyed) return; // the source was cancelled, as the connection had ended
      // A response that is complete stays readable; only the connection is closed.
      if (this.#answered && this.body?.complete !== false) return this.#leave();
      const reason = error instanceof Error ? error.message : String(error);
      this.fail("connection_terminated", `the body failed: ${reason}`, error);
    }
  }

  /** Closes the connection, unless it is another request's by now. */
  #leave(): void {
    if (this.#connection?.serves(this)) this.#connection.destroy();
  }

  protected override drop(error: SendError): void {
    const { body } = this.request;
    this.#stopWaiting?.();
    this.#leave();
    if (!this.#upload && !isWhole(body)) body.cancel(error);
  }
}
