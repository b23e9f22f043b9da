import { HttpVersion } from "../http/exchange.ts";
import { HeaderList } from "../http/headers.ts";
import { CHUNKED, type FieldFraming, HeadFields, lengthsOf } from "../http/http1/head_fields.ts";
import type { HeadGrammar } from "../http/http1/head_parser.ts";
import { badMessage, Rejection } from "../http/http1/rejection.ts";

/** Framing of a response's content (RFC 9112, section 6.3); `close` means that it ends with the connection. */
export type ContentFraming = FieldFraming | { readonly kind: "close" };

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

const CLOSE: ContentFraming = { kind: "close" };

const LENGTHS = lengthsOf(["keep-alive"]);

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
class ResponseHeadReader extends HeadFields<ResponseHeadFields> {
  #status = 0;
  #idleSeconds: number | undefined;

  constructor() {
    super(LENGTHS);
  }

  startLine(line: string): void {
    const [match, minor, status] = STATUS_LINE.exec(line) ?? [];
    if (match === undefined) throw RESPONSE_GRAMMAR.badStart();
    // A higher minor version is read as the highest known one (RFC 9110, section 2.5).
    this.http10 = minor === "0";
    this.#status = Number(status);
  }

  finish(): ResponseHeadFields {
    return {
      status: this.#status,
      version: this.http10 ? HttpVersion.http10 : HttpVersion.http11,
      headers: new HeaderList(this.raw),
      framing: this.frame() ?? CLOSE,
      persists: this.persists(),
      idleSeconds: this.#idleSeconds,
    };
  }

  protected override note(name: string, value: string): void {
    if (name !== "keep-alive") return super.note(name, value);
    const seconds = TIMEOUT.exec(value)?.[1];
    if (seconds !== undefined) this.#idleSeconds ??= Number(seconds);
  }

  protected frameByCodings(codings: readonly string[]): FieldFraming | undefined {
    const chunked = codings.indexOf("chunked");
    if (chunked < 0) return undefined;
    if (chunked < codings.length - 1) badMessage("A transfer coding follows chunked");
    return CHUNKED;
  }
}
