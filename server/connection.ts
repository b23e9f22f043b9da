import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { concat, EMPTY, type Payload } from "../service/http/bytes.ts";
import type { ClientFacts, ResponseHead } from "../service/http/exchange.ts";
import { HttpVersion } from "../service/http/exchange.ts";
import { ChunkedDecoder } from "../service/http/http1/chunked_decoder.ts";
import { HeadParser } from "../service/http/http1/head_parser.ts";
import { type ContentDecoder, LengthDecoder } from "../service/http/http1/length_decoder.ts";
import { Rejection } from "../service/http/http1/rejection.ts";
import { NO_BYTES, restOf } from "../service/http/http1/views.ts";
import { InputGate } from "../service/util/input_gate.ts";
import type { ByteStream } from "./byte_stream.ts";
import { ClientProgress } from "./client_progress.ts";
import type { ServerExchange } from "./exchange.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { linger } from "./linger.ts";
import { PipelinedBytes } from "./pipelined_bytes.ts";
import { type ContentOwner, RequestContent } from "./request_content.ts";
import { type ExchangeConnection, exchangeFor } from "./request_exchange.ts";
import { REQUEST_GRAMMAR, type RequestHeadFields } from "./request_head.ts";
import { plainResponse } from "./response_head.ts";
import { type ResponseWire, ResponseWriter } from "./response_writer.ts";
import type { WriteBatcher } from "./write_batcher.ts";

/** Bytes of content that are buffered for the guest; beyond it the connection is paused. */
const MAX_BUFFERED = 64 * 1024;
/** Bytes of unwanted content that are read and discarded so that the connection can persist. */
const MAX_DISCARDED = 64 * 2 ** 20;
/** Milliseconds that discarding may take once the response was sent. */
const DISCARD_MILLIS = 10_000;

/**
 * State of a connection, by the meaning of its next bytes:
 *
 * - `head`: head of a request (RFC 9112, sections 2 and 3); the connection is idle until its first byte.
 * - `content`: content of the request that is being answered (section 6).
 * - `response`: a later request (section 9.3.2, pipelining): the current one has arrived whole, and waits for its response.
 * - `other`: another protocol (RFC 9110, section 7.8), or bytes to discard while the connection closes (section 9.6).
 */
type State = "head" | "content" | "response" | "other";

/**
 * An HTTP/1 connection (RFC 9112): takes requests from a stream of bytes, one strictly after another, and writes their
 * responses. A client that closes its sending side counts as disconnected.
 */
export class Connection implements ResponseWire, ContentOwner, ExchangeConnection {
  readonly stream: ByteStream;
  readonly client: ClientFacts;
  /** Round of the options' clock in which the current wait began. */
  since: number;
  /** Period of the options' `kept` in which the connection was kept last. */
  keptIn = 0;
  readonly #options: ConnectionOptions;
  readonly #parser: HeadParser<RequestHeadFields>;
  readonly #progress = new ClientProgress();
  /** Bytes of content that have arrived, over all requests. */
  #received = 0;
  #state: State = "head";
  /** Whether no request has arrived yet. */
  #fresh = true;
  /** Whether the connection persists (RFC 9112, section 9.3): no request, response or error has ruled that out. */
  #persistent = true;
  #retired = false;
  readonly #gate: InputGate;
  readonly #pipelined = new PipelinedBytes();
  /** The request that is being answered; undefined between requests. */
  #exchange: ServerExchange | undefined;
  #writer: ResponseWriter | undefined;
  #content: RequestContent | undefined;
  #decoder: ContentDecoder | undefined;
  /** Whether the client still waits for `100 Continue`. */
  #expects = false;
  /** Whether the whole response was sent. */
  #written = false;
  /** Bytes of this request's content that were discarded. */
  #discarded = 0;
  #discardTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(stream: ByteStream, client: ClientFacts, options: ConnectionOptions) {
    this.stream = stream;
    this.#gate = new InputGate(stream);
    this.client = client;
    this.#options = options;
    this.#parser = new HeadParser(REQUEST_GRAMMAR, options.bounds);
    this.since = options.clock.round;
    stream.on("data", this.#read);
    stream.on("end", this.#onEnd);
    stream.on("error", ignore); // `close` follows
    stream.on("close", this.#onClose);
  }

  get scheme(): "http" | "https" {
    return this.#options.scheme;
  }

  get batcher(): WriteBatcher {
    return this.#options.batcher;
  }

  get keepAlive(): number {
    return this.#options.keepAlive;
  }

  /** State of waiting: for a head (the first one, or one that has begun), for another request, or for neither. */
  get awaits(): "head" | "next" | undefined {
    if (this.#state !== "head") return undefined;
    return this.#fresh || this.#parser.begun ? "head" : "next";
  }

  /** Closes the connection after the response to the current request, or to the next one. */
  retire(): void {
    this.#retired = true;
  }

  /** Closes the connection if it is idle: no request is being answered or has begun to arrive. */
  closeIdle(): void {
    if (this.#state === "head" && !this.#parser.begun) this.#close();
  }

  /** Responds with 408 to a client that has sent no whole head in time, and closes. */
  expire(): void {
    this.stream.write(BARE_408);
    this.#close();
  }

  /**
   * Checks whether the client moves bytes, and ends the connection if it has not for more than `max` checks. A client
   * has to send content only while a read waits for it. Other protocols than HTTP are not checked.
   */
  checkProgress(max: number): void {
    if (this.#state === "other") return;
    const { writableLength: untaken, bytesWritten = 0 } = this.stream;
    const content = this.#expects ? undefined : this.#content;
    const awaited = content?.awaited ?? false;
    const taken = bytesWritten - untaken;
    this.#progress.note({ taken, untaken, received: this.#received, awaited });
    const stall = this.#progress.stallBeyond(max);
    if (stall === "reading") this.#endUntaken();
    else if (stall === "sending") this.#endUnsent();
  }

  #endUntaken(): void {
    const event = "A connection was cut, as its client takes nothing of what it has asked for";
    this.#options.stalled(this.#exchange, event);
    this.fail(false);
    this.#exchange?.closed(new Error("The client takes nothing of its response"));
  }

  #endUnsent(): void {
    const event = "A request was ended, as its client does not go on sending its content";
    this.#options.stalled(this.#exchange, event);
    this.#refuse(new Rejection(408, "The content comes too slowly"));
  }

  /** Closes the connection at once and aborts its request. */
  cut(reason: Error): void {
    this.stream.destroy();
    this.#exchange?.closed(reason);
  }

  persists(): boolean {
    if (!this.#persistent || this.#retired || this.#expects) return false;
    return !this.#pipelined.empty || this.#options.kept.keep(this);
  }

  written(): void {
    this.#written = true;
    if (!this.#writer!.persists) this.#persistent = false;
    this.#exchange!.closed();
    this.#advance();
  }

  fail(framed: boolean): void {
    const { stream } = this;
    if (!framed && stream.resetAndDestroy) stream.resetAndDestroy();
    else setImmediate(() => stream.destroy()); // bytes written until now are still sent
  }

  firstRead(content: RequestContent): void {
    if (!this.#expects || content !== this.#content || this.#writer!.begun) return;
    this.#expects = false;
    if (this.stream.writable) this.stream.write(CONTINUE);
  }

  taken(): void {
    this.#regulate();
  }

  dropped(): void {
    this.#regulate();
    this.#advance();
  }

  readonly #read = (chunk: Buffer): void => this.#gate.pass(chunk, this.#handle);

  readonly #handle = (chunk: Buffer): void => {
    try {
      for (let rest = chunk; rest.length;) {
        if (this.#state === "head") rest = this.#readHead(rest);
        else if (this.#state === "content") rest = this.#readContent(rest);
        else return this.#buffer(rest);
      }
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      this.#refuse(error);
    }
  };

  /** Parses bytes of a head, and starts its request once it is whole; returns the rest of the bytes. */
  #readHead(bytes: Buffer): Buffer {
    if (!this.#parser.begun && !this.#fresh) this.since = this.#options.clock.round;
    let rest: Buffer = NO_BYTES;
    this.#parser.push(bytes, (head, taken) => rest = this.#begin(head, restOf(bytes, taken)));
    return rest;
  }

  /** Starts a request; returns the bytes that do not belong to its content. */
  #begin(head: RequestHeadFields, bytes: Buffer): Buffer {
    let rest = bytes;
    let body: Payload = EMPTY;
    this.#fresh = false;
    this.#persistent = head.persists;
    this.#written = false;
    this.#state = "response";
    if (head.framing.kind === "chunked" || head.framing.length > 0) {
      const length = head.framing.kind === "chunked" ? undefined : head.framing.length;
      const decoder = length === undefined
        ? new ChunkedDecoder(this.#options.bounds.headBytes)
        : new LengthDecoder(length);
      const pieces: Uint8Array[] = [];
      rest = restOf(bytes, decoder.push(bytes, (piece) => pieces.push(piece)));
      body = decoder.ended && !decoder.trailers
        ? concat(pieces)
        : this.#receive(decoder, length, pieces);
      this.#expects = head.expectsContinue && !decoder.ended;
    }
    const { version, method } = head;
    const request = { toHead: method === "HEAD", chunks: version === HttpVersion.http11 };
    this.#writer = new ResponseWriter(this, request);
    this.#exchange = exchangeFor(head, body, this.#writer, this);
    const content = this.#content;
    // Content that fills a cached object, or that a read waits for, still arrives; the rest is discarded.
    if (content) {
      this.#exchange.onOver = () => content.kept || content.awaited || content.cancel();
    }
    this.#options.serve(this.#exchange);
    return rest;
  }

  /** Makes the content of a request that has not arrived whole, or that has trailers. */
  #receive(
    decoder: ContentDecoder,
    length: number | undefined,
    pieces: readonly Uint8Array[],
  ): RequestContent {
    const content = new RequestContent(length, this);
    for (const piece of pieces) content.push(piece);
    if (decoder.ended) content.finish(decoder.trailers);
    else {
      this.#content = content;
      this.#decoder = decoder;
      this.#discarded = 0;
      this.#state = "content";
      this.#regulate();
    }
    return content;
  }

  /** Decodes bytes of the content; returns the bytes behind it. */
  #readContent(bytes: Buffer): Buffer {
    const [content, decoder] = [this.#content!, this.#decoder!];
    const taken = decoder.push(bytes, (piece) => {
      this.#received += piece.length;
      if (content.dropped) this.#discarded += piece.length;
      else content.push(piece);
    });
    if (decoder.ended) {
      this.#endContent();
      content.finish(decoder.trailers);
      this.#advance();
    } else this.#regulate();
    if (this.#discarded > MAX_DISCARDED) this.#advance();
    return restOf(bytes, taken);
  }

  /** Notes that the content has ended on the connection. */
  #endContent(): void {
    clearTimeout(this.#discardTimer);
    this.#content = this.#decoder = undefined;
    this.#expects = false;
    if (this.#state === "content") this.#state = "response";
  }

  /** Buffers bytes of a later request. */
  #buffer(bytes: Buffer): void {
    if (this.#state !== "response") return;
    this.#pipelined.push(bytes);
    this.#regulate();
  }

  /** Pauses the connection when the buffers are full, and resumes it when they are not. */
  #regulate(): void {
    const full = this.#pipelined.full || (this.#content?.buffered ?? 0) > MAX_BUFFERED ||
      this.#content !== undefined && this.#discarded > MAX_DISCARDED;
    if (this.#state !== "other") this.#gate.full = full;
  }

  /** Goes on to the next request, or closes, once the current one is done: its response was sent, its content read. */
  #advance(): void {
    if (!this.#written || !this.#exchange || this.#state === "other") return;
    if (!this.stream.writable) return this.#close();
    if (!this.#persistent) return this.#fills ? undefined : this.#close();
    if (this.#content) return this.#discard(this.#content);
    this.#exchange = this.#writer = undefined;
    this.#state = "head";
    this.since = this.#options.clock.round;
    if (this.#pipelined.empty) return this.#regulate();
    const bytes = this.#pipelined.take();
    this.#regulate();
    this.#handle(bytes);
  }

  /** Whether content is still to come that fills a cached object. */
  get #fills(): boolean {
    return !this.#expects && this.#content?.kept === true;
  }

  /** Discards the rest of content that will not be read; closes the connection beyond a size or a time. */
  #discard(content: RequestContent): void {
    if (!content.dropped) return; // a guest may read on after its response
    if (Math.max(this.#discarded, content.length ?? 0) > MAX_DISCARDED) return this.#close();
    this.#discardTimer ??= setTimeout(() => this.#close(), DISCARD_MILLIS);
  }

  /** Responds with the reason for a rejection, and closes. */
  #refuse(rejection: Rejection): void {
    const exchange = this.#exchange;
    const { message } = rejection;
    this.#options.refused(rejection);
    this.#content?.fail(`it is not valid (${message})`);
    if (exchange) {
      // The content of a request that was started is not valid.
      this.#endContent();
      this.#persistent = false;
      if (exchange.answered) return this.#advance();
      this.#writer!.status = rejection.status;
    }
    if (this.stream.writable) this.stream.write(plainResponse(rejection.status, message), "latin1");
    exchange?.closed(new Error(`The request was refused: ${message}`));
    this.#close();
  }

  switchProtocol(head: ResponseHead): ByteStream {
    const { stream } = this;
    this.#writer!.switchProtocols(head);
    this.#state = "other";
    this.#gate.end();
    stream.pause();
    stream.off("data", this.#read);
    stream.off("end", this.#onEnd);
    if (!this.#pipelined.empty) stream.unshift(this.#pipelined.take());
    // A stream that was paused does not resume when a `data` listener is added.
    queueMicrotask(() => stream.listenerCount("data") && stream.resume());
    return stream;
  }

  #close(): void {
    if (this.#state === "other") return;
    this.#state = "other";
    clearTimeout(this.#discardTimer);
    this.#gate.end();
    this.stream.off("data", this.#read);
    linger(this.stream);
  }

  /** The client has closed its sending side: it counts as disconnected, but responses given until now are still sent. */
  readonly #onEnd = (): void => {
    this.batcher.flush();
    this.#writer?.finish();
    this.stream.end();
  };

  readonly #onClose = (): void => {
    this.#state = "other";
    clearTimeout(this.#discardTimer);
    this.#content?.fail("the client has left");
    this.#exchange?.closed(new Error("The client has left before its response was complete"));
    this.#options.closed(this.stream);
  };
}

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
const BARE_408 = Buffer.from(
  "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
);

function ignore(): void {}
