import { HttpVersion } from "../http/exchange.ts";
import { HeaderList } from "../http/headers.ts";
import { readName, readValue } from "../http/http1/field_lines.ts";
import type { HeadGrammar, HeadReader } from "../http/http1/head_parser.ts";
import { itemsOf, joined } from "../http/http1/list_fields.ts";
import { badMessage, Rejection } from "../http/http1/rejection.ts";

/** Framing of a response's content (RFC 9112, section 6.3); `close` means that it ends with the connection. */
export type ContentFraming =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** A response's head, read and checked. */
export interface ResponseHeadFields {
  /** Any number of three digits. */
  readonly status: number;
  readonly version: typeof HttpVersion.http10 | typeof HttpVersion.http11;
  readonly headers: HeaderList;
  /** Framing by the fields; a response to HEAD, a 204 and a 304 have no content whatever it is. */
  readonly framing: ContentFraming;
  /** Whether the backend allows the connection to persist (RFC 9112, section 9.3). */
  readonly persists: boolean;
  /** Seconds for which the backend keeps the idle connection, by its Keep-Alive field. */
  readonly idleSeconds: number | undefined;
}

/** Rejection of bytes that do not begin like a response in HTTP/1. */
export class NotHttp extends Rejection {
  readonly code = "NOT_HTTP";
}

/** Beginning of a status line. */
const BEGINNING = "HTTP/1.";
/** HTTP-version SP status-code [ SP [ reason-phrase ] ] (RFC 9112, section 4): some origins leave the last blank out. */
const STATUS_LINE = /^HTTP\/1\.(\d) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** Bytes that a status line may not have. */
const NO_LINE_BYTE = /[^\t\x20-\x7e\x80-\xff]/;
/** Seconds in a Keep-Alive field. */
const TIMEOUT = /\btimeout=(\d+)/i;

const CHUNKED: ContentFraming = { kind: "chunked" };
const CLOSE: ContentFraming = { kind: "close" };

/** Bit set of the lengths of the names that are acted on, so that most other names need not be lower-cased. */
const ACTED_ON_LENGTHS = ["connection", "keep-alive", "content-length", "transfer-encoding"]
  .reduce((bits, { length }) => bits | 1 << length, 0);

/** Heads of responses, as a parser reads them. */
export const RESPONSE_GRAMMAR: HeadGrammar<ResponseHeadFields> = {
  reader: () => new ResponseHeadReader(),
  mayContain: (part, at) =>
    !NO_LINE_BYTE.test(part) &&
    BEGINNING.startsWith(part.slice(0, Math.max(0, BEGINNING.length - at)), at),
  badStart: () => new NotHttp(400, "The status line is not valid"),
  tooLong: () => new Rejection(431, "The status line is too long"),
};

/** Reads a response's head. */
class ResponseHeadReader implements HeadReader<ResponseHeadFields> {
  #status = 0;
  #http10 = false;
  readonly #raw: string[] = [];
  #length: string | undefined;
  #coding: string | undefined;
  #connection: string | undefined;
  #idleSeconds: number | undefined;

  startLine(line: string): void {
    const [match, minor, status] = STATUS_LINE.exec(line) ?? [];
    if (match === undefined) throw RESPONSE_GRAMMAR.badStart();
    // A higher minor version is read as the highest known one (RFC 9110, section 2.5).
    this.#http10 = minor === "0";
    this.#status = Number(status);
  }

  fieldLine(text: string, from: number, to: number): void {
    const name = readName(text, from, to);
    const { length } = name;
    const value = readValue(text, from + length + 1, to);
    if (length < 32 && ACTED_ON_LENGTHS >> length & 1) this.#note(name, value);
    this.#raw.push(name, value);
  }

  finish(): ResponseHeadFields {
    return {
      status: this.#status,
      version: this.#http10 ? HttpVersion.http10 : HttpVersion.http11,
      headers: new HeaderList(this.#raw),
      framing: this.#frame(),
      persists: this.#persists(),
      idleSeconds: this.#idleSeconds,
    };
  }

  #note(name: string, value: string): void {
    switch (name.toLowerCase()) {
      case "content-length":
        // RFC 9112, section 6.3: equal values may be merged, or refused as here.
        if (this.#length !== undefined) badMessage("There is more than one Content-Length field");
        this.#length = value;
        break;
      case "transfer-encoding":
        this.#coding = joined(this.#coding, value);
        break;
      case "connection":
        this.#connection = joined(this.#connection, value);
        break;
      case "keep-alive": {
        const seconds = TIMEOUT.exec(value)?.[1];
        if (seconds !== undefined) this.#idleSeconds ??= Number(seconds);
      }
    }
  }

  /** Returns the framing of the content (RFC 9112, sections 6.1 to 6.3). */
  #frame(): ContentFraming {
    const length = this.#length;
    if (this.#coding !== undefined) {
      if (this.#http10) badMessage("HTTP/1.0 has no transfer codings");
      if (length !== undefined) badMessage("There are both Content-Length and Transfer-Encoding");
      const codings = itemsOf(this.#coding);
      const chunked = codings.indexOf("chunked");
      if (chunked < 0) return CLOSE;
      if (chunked < codings.length - 1) badMessage("A transfer coding follows chunked");
      return CHUNKED;
    }
    if (length === undefined) return CLOSE;
    if (!/^[0-9]+$/.test(length)) badMessage("The Content-Length field is not valid");
    const number = Number(length);
    if (number > Number.MAX_SAFE_INTEGER) badMessage("The Content-Length is too large");
    return { kind: "length", length: number };
  }

  /** RFC 9112, section 9.3: HTTP/1.1 persists by default, HTTP/1.0 only with `keep-alive`. */
  #persists(): boolean {
    if (this.#connection === undefined) return !this.#http10;
    const options = itemsOf(this.#connection);
    if (options.includes("close")) return false;
    return !this.#http10 || options.includes("keep-alive");
  }
}
