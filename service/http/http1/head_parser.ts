import { Buffer } from "node:buffer";
import { badMessage, Rejection } from "./rejection.ts";

/** Limits on a message's head, in bytes. */
export interface HeadBounds {
  /** Start line; a server answers a longer one with 414. */
  readonly lineBytes: number;
  /** Whole head, the start line included; a longer one is rejected with 431. */
  readonly headBytes: number;
}

/**
 * Reads a head line by line (RFC 9112, sections 2 to 6). Lines are given without their CRLF, each character a byte. Every
 * method throws a {@linkcode Rejection}.
 */
export interface HeadReader<Head> {
  /** Reads the request line or the status line. */
  startLine(line: string): void;
  /** Reads the field line in `text` from index `from` to `to`. */
  fieldLine(text: string, from: number, to: number): void;
  /** Checks the whole head, once its empty line has arrived. */
  finish(): Head;
}

/** Grammar of the heads of requests, or of responses. */
export interface HeadGrammar<Head> {
  /** Makes a reader of one head. */
  reader(): HeadReader<Head>;
  /** Whether a start line may have this part at an offset: a line is rejected before it is whole. */
  mayContain(part: string, at: number): boolean;
  /** Makes the error for a start line that is not valid. */
  badStart(): Rejection;
  /** Makes the error for a start line that is too long. */
  tooLong(): Rejection;
}

/** Heads up to this size that arrive whole are parsed from one string. */
const SHORT_HEAD = 4096;
const LF = 0x0a;
const CR = 0x0d;
const EMPTY_LINE = "\r\n\r\n";

/**
 * Parses messages' heads in a connection's bytes, however they are cut into pieces (RFC 9112, section 2.2). Each byte is
 * read once. There are two paths with the same outcome: a short head that arrives whole is parsed from one string, any
 * other line by line. The first rejects nothing: what it does not accept goes to the second.
 */
export class HeadParser<Head> {
  readonly #grammar: HeadGrammar<Head>;
  readonly #bounds: HeadBounds;
  #reader: HeadReader<Head> | undefined;
  #hasLine = false;
  /** Bytes of the head so far, without those of `#partial`. */
  #bytes = 0;
  /** Beginning of a line whose end has not arrived yet, in a buffer that grows by doubling. */
  #partial: Buffer = Buffer.alloc(0);
  #partialBytes = 0;

  constructor(grammar: HeadGrammar<Head>, bounds: HeadBounds) {
    this.#grammar = grammar;
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
  push(bytes: Buffer, done: (head: Head, taken: number) => void): void {
    if (this.#reader || !this.#readShort(bytes, done)) this.#readLines(bytes, done);
  }

  /** Parses a short head that is whole; false if it is not, or must be rejected. */
  #readShort(bytes: Buffer, done: (head: Head, taken: number) => void): boolean {
    const text = bytes.toString("latin1", 0, Math.min(bytes.length, SHORT_HEAD));
    const end = text.indexOf(EMPTY_LINE);
    const lineEnd = text.indexOf("\r\n");
    if (end < 0 || end + EMPTY_LINE.length > this.#bounds.headBytes) return false;
    if (lineEnd === 0 || lineEnd > this.#bounds.lineBytes) return false;
    let head: Head;
    try {
      const reader = this.#grammar.reader();
      reader.startLine(text.slice(0, lineEnd));
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

  #readLines(bytes: Buffer, done: (head: Head, taken: number) => void): void {
    this.#reader ??= this.#grammar.reader();
    for (let from = 0; from < bytes.length;) {
      const at = bytes.indexOf(LF, from);
      const to = at < 0 ? bytes.length : at + 1;
      this.#checkSize(bytes, from, to);
      if (at < 0) return this.#append(bytes, from);
      const line = this.#takeLine(bytes, from, to);
      from = to;
      if (!this.#hasLine) {
        if (line === "") continue; // RFC 9112, section 2.2: empty lines ahead of the start line
        this.#reader.startLine(line);
        this.#hasLine = true;
      } else if (line !== "") this.#reader.fieldLine(line, 0, line.length);
      else {
        const head = this.#reader.finish();
        this.#reset();
        return done(head, from);
      }
    }
  }

  /** Checks the limits, and the bytes of a start line, before the line is whole. */
  #checkSize(bytes: Buffer, from: number, to: number): void {
    const { lineBytes, headBytes } = this.#bounds;
    const length = this.#partialBytes + to - from;
    if (!this.#hasLine) {
      const split = this.#partialBytes > 0 && this.#partial[this.#partialBytes - 1] === CR;
      if (split && bytes[from] !== LF) throw this.#grammar.badStart();
      const within = Math.min(to, from + Math.max(0, lineBytes + 2 - this.#partialBytes));
      const text = bytes.toString("latin1", from, within).replace(/\r?\n?$/, "");
      if (!this.#grammar.mayContain(text, this.#partialBytes)) throw this.#grammar.badStart();
      if (length > lineBytes + 2) throw this.#grammar.tooLong();
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
    if (line[end - 2] !== CR || end - 2 < start) badMessage("A line ends without a CR");
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
