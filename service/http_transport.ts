import { type ClientRequest, type IncomingMessage, request as openRequest } from "node:http";
import type { LookupFunction, Socket } from "node:net";
import type {
  BackendOptions,
  BackendRequest,
  BackendResponse,
  Sending,
  Transport,
} from "./backend.ts";
import { concat, EMPTY, isWhole, type Payload } from "./bytes.ts";
import { SendError, type SendFailure } from "./errors.ts";
import { HttpVersion } from "./exchange.ts";
import { HeaderList } from "./headers.ts";
import { HttpBody, sendBody } from "./http_body.ts";
import { HttpPool } from "./http_pool.ts";
import { codeOf, toSendError } from "./send_errors.ts";
import { tlsConnector } from "./tls.ts";

/** The largest head of a response, in bytes. */
const MOST_HEAD_BYTES = 128 * 1024;
/** What may be sent again when the first connection was dead. */
const IDEMPOTENT: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"],
);
/** Methods that `node:http` sends as they are, and adds no framing to. */
const PLAIN: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"]);

type Timer = ReturnType<typeof setTimeout>;

interface Origin {
  /** Scheme, host and port, for messages. */
  readonly name: string;
  readonly protocol: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly timeouts: NonNullable<BackendOptions["timeouts"]>;
  readonly pool: HttpPool;
}

/**
 * Carries requests over `node:http` and TLS, with connections that are kept for the next request.
 * What is wrong with the options shows when a request is sent, not here.
 */
export function httpTransport(options: BackendOptions): Transport {
  const { protocol, hostname, port: explicit } = new URL(options.url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(explicit) || (protocol === "https:" ? 443 : 80);
  const name = `${protocol}//${hostname}:${port}`;
  const pool = new HttpPool(
    protocol === "https:" ? () => tlsConnector(host, name, options.tls) : undefined,
  );
  const origin: Origin = { name, protocol, host, port, timeouts: options.timeouts ?? {}, pool };
  return {
    send: (request) => new HttpSending(request, origin),
    close: () => pool.close(),
  };
}

class HttpSending implements Sending {
  readonly response: Promise<BackendResponse>;
  readonly #request: BackendRequest;
  readonly #origin: Origin;
  readonly #outcome = Promise.withResolvers<BackendResponse>();
  #wire: ClientRequest | undefined;
  #body: HttpBody | undefined;
  #connectTimer: Timer | undefined;
  #headTimer: Timer | undefined;
  #bytesBefore = 0;
  #retried = false;

  constructor(request: BackendRequest, origin: Origin) {
    this.#request = request;
    this.#origin = origin;
    this.response = this.#outcome.promise;
    this.response.catch(() => {}); // who cancels need not look at the outcome
    const { firstByte } = origin.timeouts;
    if (firstByte !== undefined) {
      const expire = () =>
        this.#fail("http_response_timeout", `no response head within ${firstByte} ms`);
      this.#headTimer = setTimeout(expire, firstByte);
    }
    this.#start();
  }

  cancel(): void {
    this.#fail("connection_terminated", "the request was cancelled");
  }

  #start(): void {
    try {
      const length = declaredLength(this.#request);
      const wire = this.#wire = open(this.#request, this.#origin);
      wire.on("socket", (socket) => this.#onSocket(wire, socket));
      wire.on("response", (message) => this.#onResponse(wire, message));
      wire.on("error", (error) => this.#onLost(wire, error));
      wire.on("close", () => this.#onLost(wire, new HangUp()));
      wire.on("upgrade", (_, socket) => {
        socket.on("error", () => {});
        socket.destroy();
        this.#fail("http_protocol_error", "it switched protocols without being asked to");
      });
      this.#sendBody(wire, length);
    } catch (error) {
      this.#abandon(toSendError(error, this.#origin.name));
      if (!isWhole(this.#request.body)) this.#request.body.cancel(error);
    }
  }

  #sendBody(wire: ClientRequest, length: number | undefined): void {
    const { body } = this.#request;
    if (isWhole(body)) return void (body.length ? wire.end(body) : wire.end());
    wire.flushHeaders();
    sendBody(wire, body, length).catch((error) => {
      // A response that is here already stays readable; only the connection goes.
      if (this.#body?.complete) wire.socket?.destroy();
      else this.#fail("connection_terminated", `the body failed: ${messageOf(error)}`, error);
    });
  }

  #onSocket(wire: ClientRequest, socket: Socket): void {
    if (wire !== this.#wire) return;
    this.#bytesBefore = socket.bytesRead;
    const { connect } = this.#origin.timeouts;
    if (connect === undefined || wire.reusedSocket) return;
    const expire = () =>
      this.#fail("connection_timeout", `the connection did not stand within ${connect} ms`);
    this.#connectTimer = setTimeout(expire, connect);
    const stands = this.#origin.protocol === "https:" ? "secureConnect" : "connect";
    socket.once(stands, () => clearTimeout(this.#connectTimer));
  }

  #onResponse(wire: ClientRequest, message: IncomingMessage): void {
    if (wire !== this.#wire) return;
    this.#stopTimers();
    const status = message.statusCode ?? 0;
    if (status < 200) {
      return this.#fail("http_response_status_invalid", `it answered with status ${status}`);
    }
    const headers = new HeaderList(message.rawHeaders);
    const { name, timeouts: { betweenBytes } } = this.#origin;
    const length = lengthOf(headers);
    const body = this.#body = new HttpBody(message, { name, length, betweenBytes });
    const { remoteAddress, remotePort } = message.socket;
    this.#origin.pool.note(message.socket, headers);
    const head = {
      status,
      headers,
      version: message.httpVersion === "1.0" ? HttpVersion.http10 : HttpVersion.http11,
      peer: remoteAddress === undefined
        ? undefined
        : { address: remoteAddress, port: remotePort ?? 0 },
    };
    if (length === 0 || status === 204 || status === 304 || this.#request.method === "HEAD") {
      message.resume(); // so that the connection is given back
      return this.#outcome.resolve({ ...head, body: EMPTY });
    }
    // A microtask later, what came in one packet with the head has been parsed too.
    queueMicrotask(() => this.#outcome.resolve({ ...head, body: atOnce(body) }));
  }

  #onLost(wire: ClientRequest, error: Error): void {
    if (wire !== this.#wire) return;
    if (this.#body) {
      if (codeOf(error).startsWith("HPE_")) this.#body.fail(toSendError(error, this.#origin.name));
      return; // the message knows by itself whether it was cut
    }
    if (this.#mayRetry(wire, error)) {
      this.#retried = true;
      this.#origin.pool.closeIdle(); // they are as old: the next one must be new
      return this.#start();
    }
    this.#abandon(toSendError(error, this.#origin.name));
  }

  /** Whether the backend closed a kept connection before it can have seen the request. */
  #mayRetry(wire: ClientRequest, error: Error): boolean {
    return wire.reusedSocket && !this.#retried && /^(ECONNRESET|EPIPE)$/.test(codeOf(error)) &&
      wire.socket?.bytesRead === this.#bytesBefore &&
      IDEMPOTENT.has(this.#request.method) && isWhole(this.#request.body);
  }

  #fail(failure: SendFailure, state: string, cause?: unknown): void {
    const message = `Cannot get a response from ${this.#origin.name}: ${state}`;
    this.#abandon(new SendError(failure, message, { cause }));
  }

  #abandon(error: SendError): void {
    const wire = this.#wire;
    this.#wire = undefined; // what it reports from now on is only the echo of this
    this.#stopTimers();
    this.#outcome.reject(error);
    this.#body?.fail(error);
    wire?.destroy(error);
  }

  #stopTimers(): void {
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#headTimer);
  }
}

/** The connection ended without an error of its own. */
class HangUp extends Error {
  readonly code = "ECONNRESET";
}

function open(request: BackendRequest, origin: Origin): ClientRequest {
  const { protocol, host, port, pool } = origin;
  const { method, headers } = request;
  // node:http upper-cases methods, chunks a POST without framing, and renders the head at once. So the rest goes
  // as GET, whose first word is replaced in the rendered head; to node:http it stays a plain GET.
  const native = PLAIN.has(method) || /^(POST|PUT|PATCH)$/.test(method) && isFramed(headers);
  const wire = openRequest({
    protocol,
    host,
    port,
    path: request.target,
    method: native ? method : "GET",
    headers: headers.raw,
    setHost: false,
    agent: pool.agent(),
    maxHeaderSize: MOST_HEAD_BYTES,
    ...(host === "localhost" ? { lookup: lookUpLoopback } : {}),
  });
  const internals = wire as unknown as { _header: string; _retrying: boolean };
  if (!native) internals._header = internals._header.replace(/^GET/, () => method);
  // Deno sends any method again on a dead connection, POST too; here that is decided by `#mayRetry`.
  internals._retrying = true;
  wire.maxHeadersCount = 0; // as many as fit: node:http drops those beyond 2000 in silence
  return wire;
}

/** `localhost` is this machine (RFC 6761), whichever family of addresses its resolver knows. */
const lookUpLoopback: LookupFunction = (_host, { all }, callback) => {
  const addresses = [{ address: "127.0.0.1", family: 4 }, { address: "::1", family: 6 }];
  if (all) callback(null, addresses);
  else callback(null, "127.0.0.1", 4);
};

/** The body as bytes when all of it is here and its length was told, else as it is. */
function atOnce(body: HttpBody): Payload {
  if (!body.complete || body.length === undefined) return body;
  const chunks: Uint8Array[] = [];
  for (let chunk; (chunk = body.read()) instanceof Uint8Array;) chunks.push(chunk);
  return concat(chunks);
}

function isFramed(headers: HeaderList): boolean {
  return headers.has("content-length") || headers.has("transfer-encoding");
}

function lengthOf(headers: HeaderList): number | undefined {
  const length = headers.get("content-length");
  return length === undefined || headers.has("transfer-encoding") ? undefined : Number(length);
}

/** What Content-Length says; throws where sending the body under it would garble the connection. */
function declaredLength({ headers, body }: BackendRequest): number | undefined {
  const length = lengthOf(headers);
  if (!isFramed(headers) && body.length !== 0) {
    garbled("Cannot send a body with neither Content-Length nor Transfer-Encoding");
  }
  if (length !== undefined && isWhole(body) && length !== body.length) {
    garbled(`Cannot send a body of ${body.length} bytes under a Content-Length of ${length}`);
  }
  return length;
}

function garbled(message: string): never {
  throw new SendError("http_protocol_error", message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
