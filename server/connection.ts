import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { concat, EMPTY, type Payload } from "../service/http/bytes.ts";
import { type ClientFacts, HttpVersion, type ResponseHead } from "../service/http/exchange.ts";
import type { ByteStream } from "./byte_stream.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import { ClientProgress } from "./client_progress.ts";
import { type ExchangeParts, ServerExchange } from "./exchange.ts";
import { type HeadBounds, HeadParser } from "./head_parser.ts";
import { type ContentDecoder, LengthDecoder } from "./length_decoder.ts";
import { linger } from "./linger.ts";
import type { WriteBatcher } from "./write_batcher.ts";
import { Rejection } from "./rejection.ts";
import { type ContentOwner, RequestContent } from "./request_content.ts";
import type { RequestHeadFields } from "./request_head.ts";
import { plainResponse } from "./response_head.ts";
import { type ResponseWire, ResponseWriter } from "./response_writer.ts";

/** Bytes of content that are buffered for the guest; beyond it the connection is paused. */
const MAX_HELD = 64 * 1024;
/** Bytes of later requests that are buffered; beyond it the connection is paused. */
const MAX_AHEAD = 64 * 1024;
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

/** What the connections of a server have in common. */
export interface ConnectionOptions {
  /** Scheme of the requests' URLs, whatever their targets say. */
  readonly scheme: "http" | "https";
  readonly bounds: HeadBounds;
  readonly batcher: WriteBatcher;
  /** Seconds after which an idle connection is closed, for the Keep-Alive field. */
  readonly keepAlive: number;
  /** Counts up with time; see {@linkcode Connection.since}. */
  readonly clock: { readonly round: number };
  /** Answers a request; called for the next one when the last response was sent. */
  serve(exchange: ServerExchange): void;
  /** Called for each request that is rejected by the server itself. */
  refused(rejection: Rejection): void;
  /**
   * Called when the connection is about to end because its client takes or sends nothing.
   *
   * @param exchange The request that this ends; undefined if none is left.
   * @param what What has happened, in words before "the limit".
   */
  stalled(exchange: ServerExchange | undefined, what: string): void;
  /** Called when the connection has closed. */
  closed(connection: Connection): void;
}

/**
 * An HTTP/1 connection (RFC 9112): takes requests from a stream of bytes, one strictly after another, and writes their
 * responses. A client that closes its sending side counts as disconnected.
 */
export class Connection implements ResponseWire, ContentOwner {
  readonly stream: ByteStream;
  readonly client: ClientFacts;
  /** Round of the clock in which its current wait began. */
  since: number;
  readonly #options: ConnectionOptions;
  readonly #parser: HeadParser;
  readonly #progress = new ClientProgress();
  /** Bytes of content that have arrived, of all requests. */
  #received = 0;
  #state: State = "head";
  /** Whether no request has arrived yet. */
  #fresh = true;
  /** Whether the connection persists (RFC 9112, section 9.3): no request, response or error has ended it. */
  #persistent = true;
  #retired = false;
  #paused = false;
  /** Bytes that arrived behind the request that is being answered. */
  #ahead: Buffer[] = [];
  #aheadBytes = 0;
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
    this.client = client;
    this.#options = options;
    this.#parser = new HeadParser(options.bounds);
    this.since = options.clock.round;
    stream.on("data", this.#read);
    stream.on("end", this.#onEnd);
    stream.on("error", ignore); // `close` follows
    stream.on("close", this.#onClose);
  }

  get batcher(): WriteBatcher {
    return this.#options.batcher;
  }

  get keepAlive(): number {
    return this.#options.keepAlive;
  }

  /** What it waits for: a head (the first one, or one that has begun), another request, or neither. */
  get awaits(): "head" | "next" | undefined {
    if (this.#state !== "head") return undefined;
    return this.#fresh || this.#parser.begun ? "head" : "next";
  }

  /** Makes it close behind the response to the current request, or to the next one. */
  retire(): void {
    this.#retired = true;
  }

  /** Closes it if it is idle: no request is being answered or has begun to arrive. */
  closeIdle(): void {
    if (this.#state === "head" && !this.#parser.begun) this.#close();
  }

  /** Responds with 408 to a client that has sent no whole head in time, and closes. */
  expire(): void {
    this.stream.write(BARE_408);
    this.#close();
  }

  /**
   * Looks whether the client moves bytes, and ends the connection if it has not for more than so many looks. Content
   * counts only while somebody waits for it, and neither does while another protocol has the connection.
   */
  look(looks: number): void {
    if (this.#state === "other") return;
    const { writableLength: untaken, bytesWritten = 0 } = this.stream;
    const content = this.#expects ? undefined : this.#content;
    const awaited = content?.awaited ?? false;
    const taken = bytesWritten - untaken;
    this.#progress.look({ taken, untaken, received: this.#received, awaited });
    const lacking = this.#progress.lacking(looks);
    if (lacking === "takes") this.#endUntaken();
    else if (lacking === "sends") this.#endUnsent();
  }

  #endUntaken(): void {
    const what = "A connection was cut, as its client takes nothing of what it has asked for";
    this.#options.stalled(this.#exchange, what);
    this.fail(false);
    this.#exchange?.closed(new Error("The client takes nothing of its response"));
  }

  #endUnsent(): void {
    const what = "A request was ended, as its client does not go on sending its content";
    this.#options.stalled(this.#exchange, what);
    this.#refuse(new Rejection(408, "The content comes too slowly"));
  }

  /** Closes it and aborts its request. */
  cut(reason: Error): void {
    this.stream.destroy();
    this.#exchange?.closed(reason);
  }

  persists(): boolean {
    return this.#persistent && !this.#retired && !this.#expects;
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

  readonly #read = (chunk: Buffer): void => {
    try {
      for (let rest = chunk; rest.length;) {
        if (this.#state === "head") rest = this.#readHead(rest);
        else if (this.#state === "content") rest = this.#readContent(rest);
        else return this.#keep(rest);
      }
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      this.#refuse(error);
    }
  };

  /** Parses bytes of a head, and starts its request once it is whole; returns the rest of the bytes. */
  #readHead(bytes: Buffer): Buffer {
    if (!this.#parser.begun && !this.#fresh) this.since = this.#options.clock.round;
    let rest: Buffer = EMPTY_BUFFER;
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
    const asked = { toHead: method === "HEAD", chunks: version === HttpVersion.http11 };
    this.#writer = new ResponseWriter(this, asked);
    this.#exchange = this.#exchangeOf(head, body, this.#writer);
    const content = this.#content;
    // A read that still waits goes on, as of content that fills a cached object; else the rest is discarded.
    if (content) this.#exchange.onOver = () => content.awaited || content.cancel();
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

  #exchangeOf(head: RequestHeadFields, body: Payload, writer: ResponseWriter): ServerExchange {
    const { method, target, path, version, headers } = head;
    const authority = head.authority || addressOf(this.client);
    const parts: ExchangeParts = {
      head: { method, url: `${this.#options.scheme}://${authority}${path}`, version, headers },
      target,
      body,
      client: this.client,
      writer,
    };
    if (!head.upgrades) return new ServerExchange(parts);
    let before = 0;
    return new ServerExchange({
      ...parts,
      takeOver: (head) => {
        const stream = this.#switch(head, writer);
        before = stream.bytesWritten ?? 0;
        return stream;
      },
      bytesAfter: () => (this.stream.bytesWritten ?? 0) - before,
    });
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
  #keep(bytes: Buffer): void {
    if (this.#state !== "response") return;
    this.#ahead.push(bytes);
    this.#aheadBytes += bytes.length;
    this.#regulate();
  }

  /** Pauses the connection when the buffers are full, and resumes it when they are not. */
  #regulate(): void {
    const full = this.#aheadBytes > MAX_AHEAD || (this.#content?.held ?? 0) > MAX_HELD ||
      this.#content !== undefined && this.#discarded > MAX_DISCARDED;
    if (full === this.#paused || this.#state === "other") return;
    this.#paused = full;
    if (full) this.stream.pause();
    else this.stream.resume();
  }

  /** Goes on to the next request, or closes, once the current one is done: its response was sent, its content read. */
  #advance(): void {
    if (!this.#written || !this.#exchange || this.#state === "other") return;
    if (!this.#persistent || !this.stream.writable) return this.#close();
    if (this.#content) return this.#discard(this.#content);
    if (this.#retired && !this.#aheadBytes) return this.#close();
    this.#exchange = this.#writer = undefined;
    this.#state = "head";
    this.since = this.#options.clock.round;
    if (!this.#ahead.length) return this.#regulate();
    const bytes = this.#ahead.length === 1 ? this.#ahead[0]! : Buffer.concat(this.#ahead);
    this.#ahead = [];
    this.#aheadBytes = 0;
    this.#regulate();
    this.#read(bytes);
  }

  /** Discards the rest of content that nobody will read, up to a size and for a time; then closes. */
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

  #switch(head: ResponseHead, writer: ResponseWriter): ByteStream {
    const { stream } = this;
    writer.inform(head);
    this.#state = "other";
    stream.pause();
    stream.off("data", this.#read);
    stream.off("end", this.#onEnd);
    if (this.#ahead.length) stream.unshift(Buffer.concat(this.#ahead));
    // A stream that was never paused does this by itself.
    queueMicrotask(() => stream.listenerCount("data") && stream.resume());
    return stream;
  }

  #close(): void {
    if (this.#state === "other") return;
    this.#state = "other";
    clearTimeout(this.#discardTimer);
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
    this.#options.closed(this);
  };
}

const EMPTY_BUFFER = Buffer.alloc(0);
const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
const BARE_408 = Buffer.from(
  "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
);

function ignore(): void {}

/** Bytes behind the first ones. A view costs more than to see that there are none, which is the rule. */
function restOf(bytes: Buffer, taken: number): Buffer {
  return taken === bytes.length ? EMPTY_BUFFER : bytes.subarray(taken);
}

/** Returns the authority for a request that has none: the address that the client has connected to. */
function addressOf({ serverAddress: address, serverPort }: ClientFacts): string {
  return address.includes(":") ? `[${address}]:${serverPort}` : `${address}:${serverPort}`;
}
