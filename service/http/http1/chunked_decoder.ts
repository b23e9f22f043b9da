import type { Buffer } from "node:buffer";
import { HeaderList } from "../headers.ts";
import { readField } from "./field_lines.ts";
import type { ContentDecoder } from "./length_decoder.ts";
import { badMessage, Rejection } from "./rejection.ts";
import { mayTrail } from "./trailers.ts";
import { viewOf } from "./views.ts";

/** Maximum length of a chunk's line (its size and extensions), in bytes. */
const MAX_LINE = 4096;
/** Maximum size of all chunk extensions in one message, in bytes (RFC 9112, section 7.1.1). */
const MAX_EXTENSIONS = 16 * 1024;
/** Maximum number of hexadecimal digits of a chunk's size, leading zeros included. */
const MAX_DIGITS = 16;
const LF = 0x0a;
const CR = 0x0d;

const HEX = /^[0-9A-Fa-f]+/;
/** `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )` */
const EXTENSIONS =
  /^(?:[\t ]*;[\t ]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[\t ]*=[\t ]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"))?)*$/;
/** Next element of the grammar in RFC 9112, section 7.1. */
type Expected = "chunk-size" | "chunk-data" | "chunk-data-end" | "trailer-section" | "end";

/** Decodes the chunked transfer coding (RFC 9112, section 7.1), however its bytes are cut into pieces. */
export class ChunkedDecoder implements ContentDecoder {
  readonly #maxTrailers: number;
  #expected: Expected = "chunk-size";
  /** Bytes of the current chunk that have not arrived yet. */
  #left = 0;
  #line = "";
  #extensions = 0;
  #trailerBytes = 0;
  readonly #trailers: string[] = [];

  /** @param maxTrailers Maximum size of the trailer section, in bytes. */
  constructor(maxTrailers: number) {
    this.#maxTrailers = maxTrailers;
  }

  get ended(): boolean {
    return this.#expected === "end";
  }

  get trailers(): HeaderList | undefined {
    return this.#trailers.length ? new HeaderList(this.#trailers) : undefined;
  }

  push(bytes: Buffer, data: (piece: Uint8Array) => void): number {
    let at = 0;
    while (at < bytes.length && !this.ended) {
      if (this.#expected === "chunk-data") {
        const length = Math.min(this.#left, bytes.length - at);
        data(viewOf(bytes, at, length));
        at += length;
        this.#left -= length;
        if (this.#left === 0) this.#expected = "chunk-data-end";
      } else if (this.#expected === "chunk-data-end") this.#endData(bytes[at++]!);
      else at = this.#takeLine(bytes, at);
    }
    return at;
  }

  /** Takes the next byte of the CRLF behind a chunk's data. */
  #endData(byte: number): void {
    if (byte !== (this.#line ? LF : CR)) badMessage("A chunk is longer than its size");
    if (this.#line) this.#expected = "chunk-size";
    this.#line = this.#line ? "" : "\r";
  }

  #takeLine(bytes: Buffer, from: number): number {
    const found = bytes.indexOf(LF, from);
    const to = found < 0 ? bytes.length : found + 1;
    this.#checkSize(this.#line.length + to - from);
    this.#line += bytes.toString("latin1", from, to);
    if (found < 0) return to;
    const line = this.#line;
    this.#line = "";
    if (line.charCodeAt(line.length - 2) !== CR) badMessage("A line of a chunk ends without a CR");
    if (this.#expected === "trailer-section") this.#readTrailer(line.slice(0, -2));
    else this.#readSize(line.slice(0, -2));
    return to;
  }

  #checkSize(bytes: number): void {
    if (this.#expected === "trailer-section") {
      if (this.#trailerBytes + bytes > this.#maxTrailers) {
        throw new Rejection(431, "The trailer fields are too large");
      }
    } else if (bytes > MAX_LINE) badMessage("A chunk's line is too long");
  }

  #readSize(line: string): void {
    const digits = HEX.exec(line)?.[0] ?? badMessage("A chunk's size is not valid");
    const size = parseInt(digits, 16);
    if (digits.length > MAX_DIGITS || size > Number.MAX_SAFE_INTEGER) {
      badMessage("A chunk's size is too large");
    }
    const extensions = line.slice(digits.length);
    this.#extensions += extensions.length;
    if (this.#extensions > MAX_EXTENSIONS) badMessage("The chunk extensions are too large");
    if (!EXTENSIONS.test(extensions)) badMessage("A chunk's size or extension is not valid");
    this.#left = size;
    this.#expected = size === 0 ? "trailer-section" : "chunk-data";
  }

  #readTrailer(line: string): void {
    if (line === "") {
      this.#expected = "end";
      return;
    }
    this.#trailerBytes += line.length + 2;
    const [name, value] = readField(line, 0, line.length);
    if (mayTrail(name)) this.#trailers.push(name, value);
  }
}
