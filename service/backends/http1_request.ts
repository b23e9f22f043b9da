import {
  type ClientRequest,
  type IncomingMessage,
  request as openRequest,
  validateHeaderValue,
} from "node:http";
import type { Socket } from "node:net";
import type { BackendRequest, UpgradedConnection } from "./transport.ts";
import { concat, EMPTY, isWhole, type Payload } from "../http/bytes.ts";
import type { Connector } from "./connector.ts";
import type { SendError } from "../errors.ts";
import { HttpVersion } from "../http/exchange.ts";
import { hasNoContent, isFramed, lengthOf } from "../http/framing.ts";
import { HeaderList } from "../http/headers.ts";
import { ResponseBody, sendBody } from "./response_body.ts";
import type { Http1Pool } from "./http1_pool.ts";
import { neverRetry, rewriteHead } from "../util/node_internals.ts";
import { codeOf, incompleteResponse, toSendError } from "./send_errors.ts";
import { isRepeatable, NetworkRequest, roomTime, type Timeouts } from "./network_request.ts";

/** Bytes of a response's head that the status line may take, besides those of the fields. */
const STATUS_LINE = 1024;
/** Methods that `node:http` sends unchanged and without framing of its own. */
const PLAIN: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"]);

/** An origin that is reached over HTTP/1. */
export interface Http1Origin {
  readonly connector: Connector;
  readonly timeouts: Timeouts;
  readonly pool: Http1Pool;
}

/** One request over HTTP/1, by `node:http`. */
export class Http1Request extends NetworkRequest {
  readonly #origin: Http1Origin;
  readonly #onUpgrade: ((upgraded: UpgradedConnection) => void) | undefined;
  #wire: ClientRequest | undefined;
  #stopRoomTimer: (() => void) | undefined;
  #bytesBefore = 0;
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
    const { rules } = origin.pool;
    if (rules.connections < Infinity) {
      const ms = roomTime(origin.timeouts);
      this.#stopRoomTimer = this.failAfter(
        ms,
        "connection_limit_reached",
        `each of its ${rules.connections} connections was in use for ${ms} ms`,
      );
    }
    this.#start();
  }

  #start(): void {
    try {
      const wire = this.#wire = open(this.request, this.#origin);
      wire.on("socket", (socket) => this.#onSocket(wire, socket));
      wire.on("response", (message) => this.#onResponse(wire, message));
      wire.on("error", (error) => this.#onLost(wire, error));
      wire.on("close", () => this.#onLost(wire, new HangUp()));
      wire.on("upgrade", (message, socket, rest) => {
        socket.on("error", () => {}); // `close` follows
        this.#onUpgraded(message, socket as Socket, rest);
      });
      this.#sendBody(wire);
    } catch (error) {
      this.abandon(toSendError(error, this.name));
      if (!isWhole(this.request.body)) this.request.body.cancel(error);
    }
  }

  #sendBody(wire: ClientRequest): void {
    const { body } = this.request;
    if (isWhole(body)) return void (body.length ? wire.end(body) : wire.end());
    wire.write(EMPTY); // sends the head as it is: `flushHeaders` would encode it as UTF-8
    const end = (trailers: HeaderList | undefined) => {
      if (trailers) wire.addTrailers([...trailers]);
      wire.end();
    };
    const { clock } = this.#origin.timeouts.stallClock;
    sendBody(wire, body, end, clock).catch((error) => {
      // A response that is complete stays readable; only the connection is closed.
      if (this.body?.complete) wire.socket?.destroy();
      else this.fail("connection_terminated", `the body failed: ${messageOf(error)}`, error);
    });
  }

  #onSocket(wire: ClientRequest, socket: Socket): void {
    if (wire !== this.#wire) return;
    this.#stopRoomTimer?.();
    this.#bytesBefore = socket.bytesRead;
    const { connector, timeouts: { connect }, pool } = this.#origin;
    if (connect === undefined || wire.reusedSocket || pool.stands(socket)) return;
    const stop = this.failAfter(
      connect,
      "connection_timeout",
      `the connection did not stand within ${connect} ms`,
    );
    socket.once(connector.secure ? "secureConnect" : "connect", stop);
  }

  #onResponse(wire: ClientRequest, message: IncomingMessage): void {
    if (wire !== this.#wire) return;
    this.stopTimers();
    const status = message.statusCode ?? 0;
    if (status < 200) {
      return this.fail("http_response_status_invalid", `it answered with status ${status}`);
    }
    const headers = new HeaderList(message.rawHeaders);
    const { timeouts: { betweenBytes, stallClock }, pool } = this.#origin;
    const { name } = this;
    const length = lengthOf(headers);
    const body = this.body = new ResponseBody(message, { name, length, betweenBytes, stallClock });
    const { remoteAddress, remotePort } = message.socket;
    if (!pool.note(message.socket, headers)) wire.shouldKeepAlive = false;
    const head = {
      status,
      headers,
      version: message.httpVersion === "1.0" ? HttpVersion.http10 : HttpVersion.http11,
      peer: remoteAddress === undefined
        ? undefined
        : { address: remoteAddress, port: remotePort ?? 0 },
    };
    if (length === 0 || hasNoContent(status, this.request.method === "HEAD")) {
      message.resume(); // so that the connection is given back
      return this.resolve({ ...head, body: EMPTY });
    }
    // A microtask later, what came in one packet with the head has been parsed too.
    queueMicrotask(() => this.resolve({ ...head, body: atOnce(body) }));
  }

  #onUpgraded(message: IncomingMessage, socket: Socket, rest: Uint8Array): void {
    if (!this.#wire || !this.#onUpgrade) {
      socket.destroy();
      this.fail("http_protocol_error", "it switched protocols without being asked to");
      return;
    }
    this.#wire = undefined;
    this.stopTimers();
    socket.allowHalfOpen = true;
    if (rest.length) socket.unshift(rest);
    const head = { status: message.statusCode ?? 0, headers: new HeaderList(message.rawHeaders) };
    this.#onUpgrade({ head, socket });
  }

  #onLost(wire: ClientRequest, error: Error): void {
    if (wire !== this.#wire) return;
    if (this.body) {
      // An error after a complete message ends the connection, not the message. `node:http` also treats a message that
      // ends with the connection as complete after a reset.
      if (!(error instanceof HangUp) && !this.body.complete) {
        const wrong = codeOf(error).startsWith("HPE_");
        const failure = wrong
          ? toSendError(error, this.name)
          : incompleteResponse(this.name, error);
        this.body.fail(failure);
      }
      return; // else the message itself notices whether it was cut short
    }
    if (this.#mayRetry(wire, error)) {
      this.#retried = true;
      this.#origin.pool.closeIdle(); // they are as old as this one: the next must be new
      return this.#start();
    }
    this.abandon(toSendError(error, this.name));
  }

  /** Whether the request may be sent again: the backend has closed a kept connection before it read the request. */
  #mayRetry(wire: ClientRequest, error: Error): boolean {
    return wire.reusedSocket && !this.#retried && /^(ECONNRESET|EPIPE)$/.test(codeOf(error)) &&
      wire.socket?.bytesRead === this.#bytesBefore && isRepeatable(this.request);
  }

  protected override drop(error: SendError): void {
    const wire = this.#wire;
    this.#wire = undefined;
    wire?.destroy(error);
  }
}

/** Error for a connection that was closed without one. */
class HangUp extends Error {
  readonly code = "ECONNRESET";
}

function open(request: BackendRequest, { connector, pool }: Http1Origin): ClientRequest {
  const { method, headers } = request;
  // node:http upper-cases methods, chunks a POST without framing, and renders the head at once. So the rest goes
  // as GET, whose first word is replaced in the rendered head; to node:http it stays a plain GET.
  // It refuses a Trailer field without chunks, which RFC 9110 allows (section 6.6.2): that is put in later as well.
  const trailer = headers.has("transfer-encoding") ? undefined : headers.get("trailer");
  const native = PLAIN.has(method) || /^(POST|PUT|PATCH)$/.test(method) && isFramed(headers);
  const wire = openRequest({
    protocol: connector.secure ? "https:" : "http:",
    host: connector.host,
    port: connector.port,
    path: request.target,
    method: native ? method : "GET",
    headers: pairsOf(headers, trailer !== undefined),
    setHost: false,
    agent: pool.agent(),
    maxHeaderSize: request.limits.header_bytes + STATUS_LINE,
  });
  if (!native) rewriteHead(wire, (head) => head.replace(/^GET/, () => method));
  if (trailer !== undefined) rewriteHead(wire, (head) => withTrailerFields(head, headers));
  neverRetry(wire); // `#mayRetry` decides
  wire.maxHeadersCount = 0; // as many as fit: node:http drops those beyond 2000 in silence
  return wire;
}

/** Returns the fields in the format of `node:http`. */
function pairsOf(headers: HeaderList, withoutTrailer: boolean): string[] {
  const pairs = [...headers];
  const kept = withoutTrailer ? pairs.filter(([name]) => name.toLowerCase() !== "trailer") : pairs;
  return kept as unknown as string[]; // its type knows only flat lists
}

/** Returns the rendered head with the Trailer fields at its end. */
function withTrailerFields(head: string, headers: HeaderList): string {
  const values = headers.getAll("trailer");
  for (const value of values) validateHeaderValue("Trailer", value);
  return head.replace(
    /\r\n$/,
    () => values.map((value) => `Trailer: ${value}\r\n`).join("") + "\r\n",
  );
}

/** Returns the body as bytes if all of it has arrived and its length was declared; otherwise unchanged. */
function atOnce(body: ResponseBody): Payload {
  if (!body.complete || body.failed || body.length === undefined) return body;
  const chunks: Uint8Array[] = [];
  for (let chunk; (chunk = body.read()) instanceof Uint8Array;) chunks.push(chunk);
  return concat(chunks);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
