import type { ResponseHead } from "./exchange.ts";
import { isName } from "./headers.ts";

/** Framing of a response's content (RFC 9112, section 6.3). */
export type ResponseFraming =
  /** There is no content. */
  | { readonly kind: "none" }
  /** By Content-Length. */
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  /** By the end of the connection, for clients of HTTP/1.0, which do not know chunks. */
  | { readonly kind: "close" };

/** Properties of a request that decide on the framing of its response. */
export interface FramingRequest {
  /** Whether the request's method is HEAD. */
  readonly toHead: boolean;
  /** Whether the client supports chunked coding (HTTP/1.1). */
  readonly chunks: boolean;
}

/** Instructions for an HTTP/1 writer: fields of the head to leave out and to add, and the framing of the content. */
export interface Http1Framing {
  /** Names, in lower case, of fields that are not written. */
  readonly dropped: ReadonlySet<string>;
  /** Framing field to add, as a line with its CRLF; empty if the head's own is kept. */
  readonly added: string;
  readonly framing: ResponseFraming;
  /** Whether the head's Connection field has the option close. */
  readonly closes: boolean;
  /** Other options of the head's Connection field, with a comma before each. */
  readonly options: string;
  /** Whether the head has a Date field. */
  readonly dated: boolean;
}

const NONE: ResponseFraming = { kind: "none" };
const CHUNKED: ResponseFraming = { kind: "chunked" };
const CLOSE: ResponseFraming = { kind: "close" };

/** Fields of the connection, which the writer sets itself (RFC 9110, section 7.6.1). */
const HOP = ["connection", "keep-alive", "proxy-connection"];
const DROP_LENGTH: ReadonlySet<string> = new Set([...HOP, "content-length"]);
const DROP_CODING: ReadonlySet<string> = new Set([...HOP, "transfer-encoding", "trailer"]);
const DROP_LENGTH_AND_CODING: ReadonlySet<string> = new Set([
  ...HOP,
  "content-length",
  "transfer-encoding",
]);
const DROP_FRAMING: ReadonlySet<string> = new Set([...DROP_LENGTH_AND_CODING, "trailer"]);

/**
 * Decides how a response is framed on an HTTP/1 connection (RFC 9112, section 6). A Content-Length in the head is kept:
 * the writer sends no content beyond it, and ends the connection if the content is shorter. Content-Length and
 * Transfer-Encoding are never sent together.
 *
 * @param length The content's length in bytes; undefined for a stream whose length is not known.
 */
export function frameForHttp1(
  { status, headers }: ResponseHead,
  length: number | undefined,
  request: FramingRequest,
): Http1Framing {
  const fields = readFraming(headers.raw);
  const framed = (dropped: ReadonlySet<string>, framing: ResponseFraming, added = "") => ({
    dropped,
    framing,
    added,
    closes: fields.closes,
    options: fields.options,
    dated: fields.dated,
  });
  if (status === 204) return framed(DROP_FRAMING, NONE);
  if (status === 205) return framed(DROP_FRAMING, NONE, lengthLine(0)); // RFC 9110, section 15.3.6
  const declared = fields.length;
  if (status === 304 || request.toHead) {
    const missing = request.toHead && status !== 304 && length && fields.lengths === 0;
    if (fields.lengths && declared === undefined) return framed(DROP_FRAMING, NONE);
    return framed(DROP_CODING, NONE, missing ? lengthLine(length) : "");
  }
  if (request.chunks && fields.chunked) return framed(DROP_LENGTH, CHUNKED);
  const known = declared ?? length;
  if (known !== undefined) {
    const framing: ResponseFraming = { kind: "length", length: known };
    return fields.lengths === 1 && declared !== undefined
      ? framed(DROP_CODING, framing)
      : framed(DROP_FRAMING, framing, lengthLine(known));
  }
  return request.chunks
    ? framed(DROP_LENGTH_AND_CODING, CHUNKED, "Transfer-Encoding: chunked\r\n")
    : framed(DROP_FRAMING, CLOSE);
}

function lengthLine(length: number): string {
  return `Content-Length: ${length}\r\n`;
}

/** Framing and connection fields of a head. */
interface FramingFields {
  /** Number of Content-Length fields. */
  lengths: number;
  /** Their value, if all of them are numbers and equal. */
  length: number | undefined;
  codings: number;
  /** Whether `chunked` is the only transfer coding. */
  chunked: boolean;
  closes: boolean;
  options: string;
  dated: boolean;
}

/** Bit set of the lengths of these fields' names: most other fields are skipped by their length alone. */
const LENGTHS = ["date", "connection", "content-length", "transfer-encoding"]
  .reduce((bits, { length }) => bits | 1 << length, 0);

function readFraming(raw: readonly string[]): FramingFields {
  const fields: FramingFields = {
    lengths: 0,
    length: undefined,
    codings: 0,
    chunked: false,
    closes: false,
    options: "",
    dated: false,
  };
  for (let i = 0; i < raw.length; i += 2) {
    const size = raw[i]!.length;
    if (size > 17 || !(LENGTHS >> size & 1)) continue;
    const value = raw[i + 1]!;
    switch (raw[i]!.toLowerCase()) {
      case "date":
        fields.dated = true;
        break;
      case "content-length":
        noteLength(fields, value);
        break;
      case "transfer-encoding":
        fields.chunked = fields.codings++ === 0 && value.toLowerCase() === "chunked";
        break;
      case "connection":
        noteOptions(fields, value);
    }
  }
  return fields;
}

function noteLength(fields: FramingFields, value: string): void {
  const length = /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
  fields.length = fields.lengths === 0 || length === fields.length ? length : undefined;
  fields.lengths++;
}

function noteOptions(fields: FramingFields, value: string): void {
  for (const option of value.split(",")) {
    const name = option.trim();
    if (/^close$/i.test(name)) fields.closes = true;
    else if (isName(name) && !/^keep-alive$/i.test(name)) fields.options += `, ${name}`;
  }
}
