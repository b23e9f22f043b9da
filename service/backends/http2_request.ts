import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import type { BackendRequest } from "./transport.ts";
import { EMPTY, isWhole } from "../http/bytes.ts";
import { messageOf, SendError } from "../errors.ts";
import { CONNECTION_FIELDS } from "../http/connection_fields.ts";
import { HttpVersion } from "../http/exchange.ts";
import { hasNoContent, lengthOf } from "../http/framing.ts";
import type { Http2Session } from "./http2_session.ts";
import { HeaderList } from "../http/headers.ts";
import {
  type RequestStream,
  ResponseBody,
  type ResponseStream,
  sendBody,
} from "./response_body.ts";
import { builtin } from "../util/builtins.ts";
import { watchReset } from "../util/node_internals.ts";
import { toSendError } from "./send_errors.ts";
import { isRepeatable, NetworkRequest, type Timeouts } from "./network_request.ts";

const END_STREAM = 1;

/** One request over an HTTP/2 connection, which it releases at its end. */
export class Http2Request extends NetworkRequest {
  readonly #session: Http2Session;
  readonly #timeouts: Timeouts;
  #stream: ClientHttp2Stream | undefined;
  #headed = false;
  #unseen = false;

  constructor(request: BackendRequest, name: string, session: Http2Session, timeouts: Timeouts) {
    super(request, name, { stallClock: timeouts.stallClock });
    this.#session = session;
    this.#timeouts = timeouts;
    try {
      this.#start();
    } catch (error) {
      if (!this.#stream) session.release();
      this.abandon(toSendError(error, name));
      if (!isWhole(request.body)) request.body.cancel(error);
    }
  }

  /** Whether it failed before the backend processed it, so that it may be sent again (RFC 9113, section 8.7). */
  get unseen(): boolean {
    return this.#unseen;
  }

  #start(): void {
    const { request } = this;
    const { body } = request;
    const fields = toFields(request, this.name.startsWith("https:"));
    const stream = this.#stream = this.#session.request(fields, {
      endStream: body.length === 0 && isWhole(body),
      waitForTrailers: !isWhole(body),
    });
    const cut = watchReset(stream);
    stream.on(
      "response",
      (_: unknown, flags: number, raw?: string[]) =>
        this.#onResponse(stream, cut, flags, raw ?? []),
    );
    stream.on("error", () => {}); // `close` follows, and the session knows why
    stream.on("close", () => this.#onClose(stream));
    if (isWhole(body)) return void (body.length && stream.end(body));
    const end = (trailers: HeaderList | undefined) => {
      stream.on("wantTrailers", () => this.#sendTrailers(stream, trailers));
      stream.end();
    };
    const { clock } = this.#timeouts.stallClock;
    sendBody(departureOn(stream), body, end, clock).catch((error) => {
      if (this.body?.complete) return stream.close(builtin("node:http2").constants.NGHTTP2_CANCEL);
      const reason = messageOf(error);
      this.fail("connection_terminated", `the body failed: ${reason}`, error);
    });
  }

  #sendTrailers(stream: ClientHttp2Stream, trailers = new HeaderList()): void {
    try {
      stream.sendTrailers(toObject(withoutConnection(trailers)));
    } catch (error) {
      const reason = messageOf(error);
      this.fail("connection_terminated", `its trailers cannot be sent: ${reason}`, error);
    }
  }

  #onResponse(
    stream: ClientHttp2Stream,
    cut: () => boolean,
    flags: number,
    raw: readonly string[],
  ): void {
    if (this.over) return;
    this.#headed = true;
    const headers = fieldsOf(raw);
    const status = Number(raw[raw.indexOf(":status") + 1]);
    const { betweenBytes, stallClock } = this.#timeouts;
    const { remoteAddress, remotePort } = this.#session.socket;
    const head = {
      status,
      headers,
      version: HttpVersion.h2,
      peer: remoteAddress === undefined
        ? undefined
        : { address: remoteAddress, port: remotePort ?? 0 },
    };
    if (flags & END_STREAM || hasNoContent(status, this.request.method === "HEAD")) {
      stream.resume();
      return this.resolve({ ...head, body: EMPTY });
    }
    const length = lengthOf(headers);
    const arrival = new StreamArrival(stream, cut, () => this.#session.faultOf(stream, this.name));
    const { name } = this;
    const body = new ResponseBody(arrival, { name, length, betweenBytes, stallClock });
    this.body = body;
    this.resolve({ ...head, body });
  }

  #onClose(stream: ClientHttp2Stream): void {
    const error = this.#session.reasonOf(stream, this.name);
    // RFC 9113, section 8.7: a refused request was not processed.
    const refused = stream.rstCode === builtin("node:http2").constants.NGHTTP2_REFUSED_STREAM &&
      isWhole(this.request.body);
    const lost = this.#session.reused && error.failure === "connection_terminated" &&
      isRepeatable(this.request);
    this.#unseen = !this.over && !this.#headed && (refused || lost);
    this.#session.release();
    if (!this.#headed) this.abandon(error);
  }

  protected override drop(_error: SendError): void {
    if (this.#stream) letGo(this.#stream);
  }
}

/** Content of a response that arrives on an HTTP/2 stream. */
class StreamArrival implements ResponseStream {
  complete = false;
  rawTrailers: readonly string[] = [];
  readonly #stream: ClientHttp2Stream;
  readonly #fault: () => SendError | undefined;

  /**
   * @param cut Returns whether RST_STREAM has ended the stream.
   * @param fault Returns the error that the backend gave when the stream ended.
   */
  constructor(stream: ClientHttp2Stream, cut: () => boolean, fault: () => SendError | undefined) {
    this.#stream = stream;
    this.#fault = fault;
    stream.on("trailers", (_: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
      this.rawTrailers = raw ?? [];
    });
    // For `node:stream` a reset stream may end well: its code shows the reset, and `cut` one with NO_ERROR. After GOAWAY
    // the last stream of a connection is closed before the event `end` if not all of it was read.
    const settle = () => this.complete = stream.rstCode === 0 && !cut();
    stream.on("end", settle);
    stream.on("close", settle);
  }

  read(): Uint8Array | null {
    return this.#stream.read();
  }

  on(event: "readable" | "end" | "close" | "error", listener: (error: Error) => void): void {
    if (event === "error") {
      this.#stream.on("close", () => {
        const fault = this.complete ? undefined : this.#fault();
        if (fault) listener(fault);
      });
    } else if (event === "end") {
      this.#stream.on("end", () => this.complete && (listener as () => void)());
    } else this.#stream.on(event, listener as () => void);
  }

  destroy(): void {
    letGo(this.#stream);
  }
}

/** Returns the stream for `sendBody`. A backend may refuse the rest of a body with NO_ERROR; then no `close` follows. */
function departureOn(stream: ClientHttp2Stream): RequestStream {
  stream.on("aborted", () => {
    if (stream.rstCode) return;
    if (stream.readableEnded) stream.destroy();
    else stream.once("end", () => stream.destroy());
  });
  return {
    get destroyed() {
      return stream.destroyed || stream.aborted;
    },
    write: (chunk, done) => stream.write(chunk, done),
    on(event, listener) {
      stream.on(event, listener);
      if (event === "close") stream.on("aborted", listener);
    },
  };
}

function letGo(stream: ClientHttp2Stream): void {
  if (stream.aborted) stream.destroy();
  else stream.close(builtin("node:http2").constants.NGHTTP2_CANCEL);
}

function toFields(
  { method, target, headers }: BackendRequest,
  secure: boolean,
): OutgoingHttpHeaders {
  if (/[^\x21-\xff]/.test(target)) {
    throw new SendError(
      "http_request_uri_invalid",
      "Cannot send the request: the path has characters that cannot be sent",
    );
  }
  return {
    ":method": method,
    ":authority": headers.get("host") ?? "",
    ":scheme": secure ? "https" : "http",
    ":path": target,
    ...toObject(withoutConnection(headers)),
  };
}

/** Returns the fields in lower case without those of the connection (RFC 9113, section 8.2.2). */
function withoutConnection(headers: HeaderList): HeaderList {
  const named = new Set(
    headers.getAll("connection").flatMap((value) =>
      value.toLowerCase().split(",").map((name) => name.trim())
    ),
  );
  const plain = new HeaderList();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (lower === "host" || CONNECTION_FIELDS.has(lower) || named.has(lower) && lower !== "te") {
      continue;
    }
    if (lower !== "te") plain.append(lower, value);
    else if (/\btrailers\b/i.test(value)) plain.set("te", "trailers");
  }
  return plain;
}

/** Returns the fields in the format of `node:http2`: repeats in a list. */
function toObject(headers: HeaderList): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = Object.create(null);
  for (const name of headers.names()) {
    const values = headers.getAll(name);
    fields[name] = values.length === 1 ? values[0]! : [...values];
  }
  return fields;
}

/** Returns a head's fields without the pseudo-header fields. */
function fieldsOf(raw: readonly string[]): HeaderList {
  const plain: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (!raw[i]!.startsWith(":")) plain.push(raw[i]!, raw[i + 1]!);
  }
  return new HeaderList(plain);
}
