import { Buffer } from "node:buffer";
import { badRequest, Rejection } from "./rejection.ts";
import { type RequestHeadFields, RequestHeadReader } from "./request_head.ts";

/** Limits on a request's head, in bytes. */
export interface HeadBounds {
  /** Request line; a longer one gets a 414. */
  readonly lineBytes: number;
  /** Whole head, the line included; a longer one gets a 431. */
  readonly headBytes: number;
}

/** Heads up to this size that arrive whole are parsed from one string. */
const SHORT_HEAD = 4096;
const LF = 0x0a;
const CR = 0x0d;
const EMPTY_LINE = "\r\n\r\n";
/** Bytes that a request line may not have. */
const NO_LINE_BYTE = /[^\x20-\x7e]/;

/**
 * Parses requests' heads in a connection's bytes, however they are cut into pieces (RFC 9112, section 2.2). Each byte is
 * read once. There are two paths with the same outcome: a short head that arrives whole is parsed from one string, any
 * other line by line. The first rejects nothing: what it does not accept goes to the second.
 */
export class HeadParser {
  readonly #bounds: HeadBounds;
  #reader: RequestHeadReader | undefined;
  #hasLine = false;
  /** Bytes of the head so far, without those of `#partial`. */
  #bytes = 0;
  /** Beginning of a line whose end has not arrived yet, in a buffer that grows by doubling. */
  #partial: Buffer = Buffer.alloc(0);
  #partialBytes = 0;

  constructor(bounds: HeadBounds) {
    this.#bounds = bounds;
  }

  /** Whether a part of a head has arrived. */
  get begun(): boolean {
    return this.#reader !== undefined;
  }

  /**
   * Parses bytes.
   *
   * @param bytes The next bytes of the connection.
   * @param done Called with the head once it is whole, and with the number of those bytes that belong to it.
   * @throws {Rejection} If the bytes cannot be a head.
   */
  push(bytes: Buffer, done: (head: RequestHeadFields, taken: number) => void): void {
    if (this.#reader || !this.#readShort(bytes, done)) this.#readLines(bytes, done);
  }

  /** Parses a short head that is whole; false if it is not, or must be rejected. */
  #readShort(bytes: Buffer, done: (head: RequestHeadFields, taken: number) => void): boolean {
    const text = bytes.toString("latin1", 0, Math.min(bytes.length, SHORT_HEAD));
    const end = text.indexOf(EMPTY_LINE);
    const lineEnd = text.indexOf("\r\n");
    if (end < 0 || end + EMPTY_LINE.length > this.#bounds.headBytes) return false;
    if (lineEnd === 0 || lineEnd > this.#bounds.lineBytes) return false;
    let head: RequestHeadFields;
    try {
      const reader = new RequestHeadReader();
      reader.requestLine(text.slice(0, lineEnd));
      for (let from = lineEnd + 2; from <= end;) {
        const to = text.indexOf("\r\n", from);
        reader.fieldLine(text, from, to);
        from = to + 2;
      }
      head = reader.finish();
    } catch (error) {
      if (error instanceof Rejection) return false;
      throw error;
    }
    done(head, end + EMPTY_LINE.length);
    return true;
  }

  #readLines(bytes: Buffer, done: (head: RequestHeadFields, taken: number) => void): void {
    this.#reader ??= new RequestHeadReader();
    for (let from = 0; from < bytes.length;) {
      const at = bytes.indexOf(LF, from);
      const to = at < 0 ? bytes.length : at + 1;
      this.#checkSize(bytes, from, to);
      if (at < 0) return this.#append(bytes, from);
      const line = this.#takeLine(bytes, from, to);
      from = to;
      if (!this.#hasLine) {
        if (line === "") continue; // RFC 9112, section 2.2: empty lines ahead of the request-line
        this.#reader.requestLine(line);
        this.#hasLine = true;
      } else if (line !== "") this.#reader.fieldLine(line, 0, line.length);
      else {
        const head = this.#reader.finish();
        this.#reset();
        return done(head, from);
      }
    }
  }

  /** Checks the limits, and the bytes of a request line, before the line is whole. */
  #checkSize(bytes: Buffer, from: number, to: number): void {
    const { lineBytes, headBytes } = this.#bounds;
    const length = this.#partialBytes + to - from;
    if (!this.#hasLine) {
      const split = this.#partialBytes > 0 && this.#partial[this.#partialBytes - 1] === CR;
      if (split && bytes[from] !== LF) badRequest("The request line is not valid");
      const within = Math.min(to, from + Math.max(0, lineBytes + 2 - this.#partialBytes));
      const text = bytes.toString("latin1", from, within).replace(/\r?\n?$/, "");
      if (NO_LINE_BYTE.test(text)) badRequest("The request line is not valid");
      if (length > lineBytes + 2) throw new Rejection(414, "The URL is too long");
    }
    if (this.#bytes + length > headBytes) {
      throw new Rejection(431, "The header fields are too large");
    }
  }

  /** Returns the line without its CRLF; rejects one that ends with LF alone. */
  #takeLine(bytes: Buffer, from: number, to: number): string {
    let line = bytes;
    let [start, end] = [from, to];
    if (this.#partialBytes) {
      this.#append(bytes.subarray(0, to), from);
      [line, start, end] = [this.#partial, 0, this.#partialBytes];
      this.#partialBytes = 0;
    }
    this.#bytes += end - start;
    if (line[end - 2] !== CR || end - 2 < start) badRequest("A line ends without a CR");
    return line.toString("latin1", start, end - 2);
  }

  /** Appends bytes to the partial line. */
  #append(bytes: Buffer, from: number): void {
    const needed = this.#partialBytes + bytes.length - from;
    if (needed > this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#partial.length, 256));
      this.#partial.copy(grown, 0, 0, this.#partialBytes);
      this.#partial = grown;
    }
    bytes.copy(this.#partial, this.#partialBytes, from);
    this.#partialBytes = needed;
  }

  #reset(): void {
    this.#reader = undefined;
    this.#hasLine = false;
    this.#bytes = 0;
    this.#partial = Buffer.alloc(0);
  }
}
