import type { ServerHttp2Stream } from "node:http2";
import { EMPTY, type Payload } from "../../service/http/bytes.ts";
import type { ClientFacts, ResponseHead } from "../../service/http/exchange.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { watchReset } from "../../service/util/node_internals.ts";
import { ClientProgress } from "../client_progress.ts";
import { type ExchangeParts, ServerExchange } from "../exchange.ts";
import { Rejection } from "../../service/http/http1/rejection.ts";
import { type ContentOwner, RequestContent } from "../request_content.ts";
import { type HeadContext, type Http2RequestHead, readRequestFields } from "./request_fields.ts";
import { http2Fields } from "./response_fields.ts";
import { Http2ResponseWriter } from "./response_writer.ts";
import { builtin } from "../../service/util/builtins.ts";

/** Bytes of content that are buffered for the guest; beyond them the client has to wait. */
const MAX_BUFFERED = 64 * 1024;
/**
 * Bytes of unneeded content that are read and discarded, since some clients read the response only after they have sent
 * it.
 */
const MAX_DISCARDED = 64 * 2 ** 20;
/** Milliseconds for which a client may go on sending content after its response has ended. */
const DISCARD_MILLIS = 1000;
const END_STREAM = 1;

/** Options that the streams of a connection share. */
export interface StreamContext extends HeadContext {
  readonly client: ClientFacts;
  /** Answers a request. */
  serve(exchange: ServerExchange): void;
  /** Called for each request that is rejected by the server itself. */
  refused(rejection: Rejection): void;
  /** Called when a request is ended because its client neither takes nor sends bytes. `event` names it for the log. */
  stalled(exchange: ServerExchange | undefined, event: string): void;
  /**
   * Called when a stream has closed.
   *
   * @param reset Whether the client has reset it before its response was complete.
   */
  closed(stream: Http2Stream, reset: boolean): void;
}

/** A request on a stream of its own, and its response (RFC 9113, section 8.1). */
export class Http2Stream implements ContentOwner {
  readonly #stream: ServerHttp2Stream;
  readonly #context: StreamContext;
  readonly #progress = new ClientProgress();
  readonly #raw: readonly string[];
  /** Whether the head has ended the stream: there is no content. */
  readonly #ends: boolean;
  /** Whether all content has arrived. */
  #complete = false;
  #trailers: HeaderList | undefined;
  #exchange: ServerExchange | undefined;
  #writer: Http2ResponseWriter | undefined;
  #content: RequestContent | undefined;
  #expects = false;
  #received = 0;
  #discarded = 0;
  /** Whether the server has reset the stream. */
  #ended = false;
  /** Whether the whole response was sent; the client may reset the stream after that. */
  #sent = false;
  #switched = false;
  #discardTimer: ReturnType<typeof setTimeout> | undefined;
  /** Bytes that were written to the client over the WebSocket. */
  #bytesAfter = 0;

  /**
   * @param raw Fields as they came.
   * @param flags Flags of their frame.
   */
  constructor(
    stream: ServerHttp2Stream,
    raw: readonly string[],
    flags: number,
    context: StreamContext,
  ) {
    this.#stream = stream;
    this.#raw = raw;
    this.#context = context;
    this.#ends = (flags & END_STREAM) !== 0;
    stream.on("error", () => {}); // `close` follows
    stream.on("close", this.#onClose);
    if (this.#ends) return;
    // Content that is empty may end, with its trailers, before the request is started.
    const isCut = watchReset(stream);
    stream.on("trailers", (_: unknown, _flags: number, raw?: string[]) => {
      this.#trailers = new HeaderList(raw ?? []);
    });
    stream.on("end", () => {
      if (stream.rstCode || stream.aborted || isCut()) return;
      this.#complete = true;
      this.#content?.finish(this.#trailers);
    });
  }

  /** Whether the whole response was sent. */
  get #isSent(): boolean {
    const { writableFinished, rstCode, aborted } = this.#stream;
    return this.#writer?.ended === true && writableFinished && !rstCode && !aborted;
  }

  /** Whether the client has ended its side of the stream. */
  get #isReceived(): boolean {
    return this.#ends || this.#complete;
  }

  /** Starts the request, unless its client has reset it. */
  start(): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.aborted || stream.closed) return;
    try {
      const request = readRequestFields(this.#raw, this.#context);
      const { method } = request.head;
      const writer = new Http2ResponseWriter(stream, method === "HEAD", request.opensWebSocket);
      this.#writer = writer;
      if (this.#ends) stream.resume();
      const isEmpty = this.#ends || request.opensWebSocket || this.#complete && !this.#trailers;
      const body = isEmpty ? EMPTY : this.#receive(request);
      const exchange = this.#exchange = this.#exchangeOf(request, body, writer);
      // A read that is waiting goes on: it may copy the content into a cached object.
      exchange.onOver = () => this.#content?.awaited || this.#content?.cancel();
      stream.on("finish", this.#onWritten);
      writer.onTrailers = this.#onWritten;
      this.#context.serve(exchange);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      this.#refuse(error);
    }
  }

  /** Checks whether the client moves bytes, and ends the request if it has stalled for more than `max` checks. */
  checkProgress(max: number): void {
    this.#release();
    const writer = this.#writer;
    if (!writer || this.#switched) return;
    const content = this.#expects ? undefined : this.#content;
    this.#progress.note({
      taken: writer.taken,
      untaken: writer.bytes - writer.taken,
      received: this.#received,
      awaited: content?.awaited ?? false,
    });
    const stalled = this.#progress.stallBeyond(max);
    if (stalled === "reading") {
      const event = "A request was ended, as its client takes nothing of what it has asked for";
      this.#context.stalled(this.#exchange, event);
      this.cut(new Error("The client takes nothing of its response"));
    } else if (stalled === "sending") {
      const event = "A request was ended, as its client does not go on sending its content";
      this.#context.stalled(this.#exchange, event);
      this.#refuse(new Rejection(408, "The content comes too slowly"));
    }
  }

  /** Ends the request now. */
  cut(reason: Error): void {
    this.#end(builtin("node:http2").constants.NGHTTP2_CANCEL);
    this.#content?.fail("the connection was cut");
    this.#exchange?.closed(reason);
  }

  firstRead(): void {
    if (!this.#expects || this.#writer!.begun) return;
    this.#expects = false;
    this.#writer!.grant();
  }

  taken(): void {
    this.#regulate();
  }

  dropped(): void {
    this.#regulate();
    this.#release();
  }

  /** Notes that the response was written; a stream that is reset emits the event, too. */
  readonly #onWritten = (): void => {
    if (this.#isSent) {
      this.#sent = true;
      this.#exchange!.closed();
    }
    this.#release();
  };

  /**
   * Ends the stream once the response is complete and the rest of the content is not needed (RFC 9113, section 8.1). Its
   * client gets a moment to end it: a reset that comes with the response makes some clients lose that.
   */
  #release(): void {
    const complete = this.#ended ? this.#stream.writableFinished : this.#isSent;
    const needed = this.#content?.dropped === false && !this.#ended;
    if (!complete || needed || this.#isReceived || this.#stream.destroyed) return;
    this.#discardTimer ??= setTimeout(() => {
      this.#discardTimer = undefined;
      // While the end of the response is not sent yet, a reset would overtake it: `checkProgress` releases the stream later.
      if (this.#stream.state.localClose) {
        this.#end(builtin("node:http2").constants.NGHTTP2_NO_ERROR);
      }
    }, DISCARD_MILLIS);
  }

  #receive({ length, expectsContinue }: Http2RequestHead): Payload {
    const stream = this.#stream;
    const content = this.#content = new RequestContent(length, this);
    if (this.#complete) content.finish(this.#trailers);
    this.#expects = expectsContinue && !this.#complete;
    stream.on("data", (piece: Uint8Array) => {
      this.#received += piece.length;
      if (content.dropped) this.#discarded += piece.length;
      else content.push(piece);
      this.#regulate();
    });
    return content;
  }

  #exchangeOf(
    { head, target, opensWebSocket }: Http2RequestHead,
    body: Payload,
    writer: Http2ResponseWriter,
  ): ServerExchange {
    const { client } = this.#context;
    const parts: ExchangeParts = { head, target, body, client, writer };
    if (!opensWebSocket) return new ServerExchange(parts);
    return new ServerExchange({
      ...parts,
      takeOver: (head) => this.#switch(head),
      bytesAfter: () => this.#bytesAfter,
    });
  }

  /** Opens the WebSocket of an extended CONNECT (RFC 8441, section 5): the program's 101 is sent as a 200. */
  #switch({ headers }: ResponseHead): ServerHttp2Stream {
    this.#switched = true;
    const fields = http2Fields(headers, NO_HANDSHAKE);
    const respond = this.#stream.respond.bind(this.#stream) as unknown as (f: string[]) => void;
    respond([":status", "200", ...fields]);
    this.#stream.on("pipe", (source) => {
      source.on("data", (piece: Uint8Array) => this.#bytesAfter += piece.length);
    });
    return this.#stream;
  }

  /** Stops and resumes reading from the client, by how full the buffer is. */
  #regulate(): void {
    const content = this.#content!;
    const full = content.buffered > MAX_BUFFERED || this.#discarded > MAX_DISCARDED;
    if (full) this.#stream.pause();
    else if (this.#stream.isPaused()) this.#stream.resume();
  }

  #refuse(rejection: Rejection): void {
    this.#context.refused(rejection);
    const { status, message } = rejection;
    this.#content?.fail(`it is not valid (${message})`);
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) {
      this.#end(builtin("node:http2").constants.NGHTTP2_CANCEL);
    } else {
      this.#ended = true;
      stream.respond({ ":status": status, "content-type": "text/plain; charset=utf-8" });
      stream.on("finish", this.#onWritten);
      stream.end(`${message}\n`);
      stream.resume();
      if (this.#writer) this.#writer.status = status;
    }
    this.#exchange?.closed(new Error(`The request was refused: ${message}`));
  }

  #end(code: number): void {
    this.#ended = true;
    if (!this.#stream.destroyed) this.#stream.close(code);
  }

  readonly #onClose = (): void => {
    clearTimeout(this.#discardTimer);
    const whole = this.#sent || this.#isSent || this.#switched;
    this.#content?.fail("the client has left");
    this.#exchange?.closed(
      whole ? undefined : new Error("The client has left before its response was complete"),
    );
    this.#context.closed(this, !whole && !this.#ended);
  };
}

/** Fields of a handshake's response in HTTP/1.1 that the response to an extended CONNECT leaves out. */
const NO_HANDSHAKE: ReadonlySet<string> = new Set(["sec-websocket-accept", "content-length"]);
