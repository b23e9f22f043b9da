import { Buffer } from "node:buffer";
import { type ByteSource, discard, EMPTY, isWhole, type Payload } from "../service/http/bytes.ts";
import type { ResponseHead } from "../service/http/exchange.ts";
import { hasNoContent } from "../service/http/framing.ts";
import { trailerLines } from "../service/http/http1/trailers.ts";
import { joinedParts } from "../service/http/http1/joined_parts.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { WriteBatcher } from "./write_batcher.ts";
import {
  frameForHttp1,
  type FramingRequest,
  type ResponseFraming,
} from "../service/http/http1_framing.ts";
import { headText, informationalText } from "./response_head.ts";
import { roomOf } from "./room_of.ts";

/** Pieces up to this size together are copied into one write, in bytes; larger ones are written without a copy. */
const MAX_COPIED = 16 * 1024;
/** Maximum size of one write, in bytes: a client's progress shows only once a write was accepted as a whole. */
const MAX_WRITE = 256 * 1024;
/** Number of writes that the connection has not taken, above which the next piece waits: small writes take much memory. */
const MAX_UNSENT = 64;
/** Bytes that the client has not taken, from which on informational heads are left out. */
const MAX_UNTAKEN = 64 * 1024;

/** Connection, as a {@linkcode ResponseWriter} uses it. */
export interface ResponseWire {
  readonly stream: ByteStream;
  readonly batcher: WriteBatcher;
  /** Seconds after which an idle connection is closed. */
  readonly keepAlive: number;
  /** Whether the connection may persist after the response, by its request and the state of the server. */
  persists(): boolean;
  /** Called when the whole response was written. */
  written(): void;
  /**
   * Ends the connection: the response is incomplete.
   *
   * @param framed Whether the framing shows the client that content is missing; otherwise the connection is reset.
   */
  fail(framed: boolean): void;
}

/** Writes one response in HTTP/1.1 (RFC 9112), and counts the bytes of its content. */
export class ResponseWriter {
  readonly #wire: ResponseWire;
  readonly #request: FramingRequest;
  /** Status of the head that was written; 0 before that. */
  status = 0;
  /** Bytes of content that were written. */
  bytes = 0;
  /** Whether the head was written: no informational response may follow. */
  begun = false;
  /** Whether the connection persists after this response; known once it has begun. */
  persists = false;
  #framing: ResponseFraming = { kind: "none" };
  #source: ByteSource | undefined;
  /** Pieces of the next write that are given back to the source once they are sent. */
  #lent: Uint8Array[] = [];
  /** Part of whole content that has not been written yet. */
  #rest: Uint8Array | undefined;
  /** Parts of the next write: text in Latin-1, or bytes. */
  #parts: (string | Uint8Array)[] = [];
  #size = 0;
  /** Writes of content whose bytes the connection has not taken yet. */
  #unsent = 0;
  #whenSent: ((error?: Error | null) => void) | undefined;

  constructor(wire: ResponseWire, request: FramingRequest) {
    this.#wire = wire;
    this.#request = request;
  }

  /**
   * Writes an informational head now; leaves it out while the client has not taken 64 KiB of earlier writes.
   * Such heads are hints (RFC 9110, section 15.2), for which a guest does not wait.
   *
   * @throws {TypeError} If a name or a value cannot be written.
   */
  inform(head: ResponseHead): void {
    const text = informationalText(head);
    const { stream } = this.#wire;
    if (stream.writable && stream.writableLength < MAX_UNTAKEN) stream.write(text, "latin1");
  }

  /**
   * Writes a head that changes protocols.
   *
   * @throws {TypeError} If a name or a value cannot be written.
   */
  switchProtocols(head: ResponseHead): void {
    const text = informationalText(head);
    if (this.#wire.stream.writable) this.#wire.stream.write(text, "latin1");
  }

  /**
   * Writes the response, at once or as its content arrives.
   *
   * @throws {Error} If its head cannot be written. Nothing has been sent then.
   */
  send(head: ResponseHead, body: Payload): void {
    if (isWhole(body)) this.#sendWhole(head, body);
    else if (hasNoContent(head.status, this.#request.toHead)) {
      // A guest that goes on writing gets no error for it.
      this.#sendWhole(head, EMPTY);
      void discard(body);
    } else {
      const first = readFirst(body); // before the head is written: reading may cause a `100 Continue`
      try {
        this.#begin(head, undefined);
      } catch (error) {
        giveUp(body, first, "The head cannot be written");
        throw error;
      }
      void this.#sendSource(body, first);
    }
  }

  /** Cancels content that is still arriving, since the client will not get it. */
  abandon(reason: Error): void {
    this.#source?.cancel(reason);
    this.#source = this.#rest = undefined;
  }

  /** Resets the connection, whose client reads nothing of the response. */
  cut(reason: Error): void {
    this.abandon(reason);
    this.#wire.fail(false);
  }

  #sendWhole(head: ResponseHead, body: Uint8Array): void {
    this.#begin(head, body.length);
    const framing = this.#framing;
    const content = framing.kind === "none"
      ? EMPTY
      : framing.kind === "length" && body.length > framing.length
      ? body.subarray(0, framing.length)
      : body;
    this.#rest = content;
    if (content.length > MAX_WRITE) void this.#sendPieces();
    else this.finish();
  }

  /** Writes large content in pieces, each when the connection has accepted the one before. */
  async #sendPieces(): Promise<void> {
    for (let rest; (rest = this.#rest) && rest.length > MAX_WRITE;) {
      this.#addContent(rest.subarray(0, MAX_WRITE));
      this.#rest = rest.subarray(MAX_WRITE);
      await this.#flush();
    }
    this.finish();
  }

  /** Writes the rest of whole content and ends the response; does nothing for content that is still arriving. */
  finish(): void {
    const rest = this.#rest;
    if (!rest) return;
    this.#rest = undefined;
    this.#addContent(rest);
    const framing = this.#framing;
    if (framing.kind === "length" && this.bytes < framing.length) this.#cut();
    else this.#end("");
  }

  /** Writes each piece as it arrives, no faster than the connection accepts it. */
  async #sendSource(
    source: ByteSource,
    first: ReturnType<ByteSource["read"]>,
  ): Promise<void> {
    let next = first;
    this.#source = source;
    let left = this.#framing.kind === "length" ? this.#framing.length : Infinity;
    try {
      for (;;) {
        if (next instanceof Promise) {
          if (left === 0) break; // the client has all of it
          await this.#flush();
          next = await next;
          if (!this.#source) return;
        }
        if (!next || left === 0) break;
        const piece: Uint8Array = next.length > left ? next.subarray(0, left) : next;
        left -= piece.length;
        for (let at = 0; at < piece.length; at += MAX_WRITE) {
          const end = at + MAX_WRITE;
          this.#addContent(end < piece.length || at ? piece.subarray(at, end) : piece);
          if (source.recycle && end >= piece.length) this.#lent.push(piece);
          if (this.#size > MAX_COPIED) await this.#flush();
          if (!this.#source) return;
        }
        next = source.read();
      }
      if (left > 0 && left < Infinity) throw new Error("The content is shorter than declared");
      const trailers = trailerLines(source.trailers);
      this.#source = undefined;
      giveUp(source, next, "The content is longer than declared");
      this.#end(trailers);
    } catch (error) {
      if (!this.#source) return;
      this.#source = undefined;
      source.cancel(error);
      this.#cut();
    }
  }

  /** Makes the head; throws if it cannot be written. */
  #begin(head: ResponseHead, length: number | undefined): void {
    const wire = this.#wire;
    if (!(head.status >= 200 && head.status <= 999)) {
      throw new RangeError(`${head.status} is not the status of a final response`);
    }
    const fields = frameForHttp1(head, length, this.#request);
    const persists = !fields.closes && fields.framing.kind !== "close" && wire.persists();
    this.#add(headText(head, fields, persists ? "keep-alive" : "close", wire.keepAlive));
    this.#framing = fields.framing;
    this.persists = persists;
    this.begun = true;
    this.status = head.status;
  }

  /** Adds a piece of content to the next write. */
  #addContent(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.bytes += piece.length;
    if (this.#framing.kind !== "chunked") return this.#add(piece);
    this.#add(`${piece.length.toString(16)}\r\n`);
    this.#add(piece);
    this.#add("\r\n");
  }

  #add(part: string | Uint8Array): void {
    this.#parts.push(part);
    this.#size += part.length;
  }

  /** Writes the parts; returns a promise if the connection must drain before the next write. */
  #flush(): Promise<void> | undefined {
    if (this.#size) {
      this.#unsent++;
      const source = this.#source;
      const lent = this.#lent;
      if (lent.length) this.#lent = [];
      const taken = this.#unsent > MAX_UNSENT ? Promise.withResolvers<void>() : undefined;
      const sent = (error?: Error | null) => {
        if (!error) { for (const piece of lent) source?.recycle?.(piece); }
        taken?.resolve();
        if (--this.#unsent === 0) this.#whenSent?.(error);
      };
      if (this.#write(this.#takeParts(), sent)) return taken?.promise;
    }
    const { stream } = this.#wire;
    return stream.writable && !stream.writableNeedDrain ? undefined : roomOf(stream);
  }

  /** Ends the response; with trailer fields if it is chunked. */
  #end(trailers: string): void {
    if (this.#framing.kind === "chunked") this.#add(`0\r\n${trailers}\r\n`);
    const sent = (error?: Error | null) => {
      if (!error) this.#wire.written();
    };
    if (this.#size === 0) return this.#afterAll(sent);
    const small = this.#size <= MAX_COPIED;
    const parts = this.#takeParts();
    if (small) this.#wire.batcher.add(() => this.#write(parts, sent));
    else this.#write(parts, sent);
  }

  /**
   * Calls back when all bytes were sent. A write of no bytes would tell, but fails on Deno's TLS sockets
   * (bench/empty_write.ts).
   */
  #afterAll(sent: (error?: Error | null) => void): void {
    if (this.#unsent) this.#whenSent = sent;
    else queueMicrotask(sent);
  }

  #cut(): void {
    if (this.#size) this.#write(this.#takeParts());
    this.#wire.fail(this.#framing.kind !== "close");
  }

  /** Returns the parts to write, joined if they are small. */
  #takeParts(): (string | Uint8Array)[] {
    const parts = this.#size <= MAX_COPIED ? [joinedParts(this.#parts, this.#size)] : this.#parts;
    this.#parts = [];
    this.#size = 0;
    return parts;
  }

  /** Writes parts; returns whether there is room for more. */
  #write(parts: readonly (string | Uint8Array)[], sent?: (error?: Error | null) => void): boolean {
    const { stream } = this.#wire;
    if (!stream.writable) return false; // it is about to close
    if (parts.length === 1) return stream.write(parts[0], sent);
    stream.cork();
    let room = true;
    for (const [index, part] of parts.entries()) {
      const last = index === parts.length - 1;
      const bytes = typeof part === "string" ? Buffer.from(part, "latin1") : part;
      room = stream.write(bytes, last ? sent : undefined);
    }
    stream.uncork();
    return room;
  }
}

/** Reads a source for the first time; returns a promise that rejects if that throws. */
function readFirst(source: ByteSource): ReturnType<ByteSource["read"]> {
  try {
    return source.read();
  } catch (error) {
    const failed = Promise.reject(error);
    failed.catch(() => {});
    return failed;
  }
}

/** Cancels a source unless its latest read has met the end. */
function giveUp(
  source: ByteSource,
  next: ReturnType<ByteSource["read"]>,
  reason: string,
): void {
  if (!next) return;
  if (next instanceof Promise) {
    next.then((chunk) => chunk && source.cancel(new Error(reason)), () => {});
  } else source.cancel(new Error(reason));
}
