/**
 * Framing of messages that the host sends: Content-Length, Transfer-Encoding, and content that fits them.
 *
 * - `frameRequest`: a guest's request, on its way to a backend;
 * - `frameResponse`: a guest's response, on its way to an exchange of any protocol;
 * - `frameForHttp1` in `http1_framing.ts`: a response on an HTTP/1 connection: chunks, the end of the connection, and
 *   heads that do not fit their content.
 *
 * Writers do not decide on framing themselves.
 *
 * @module
 */
import { declarableLength, type Payload } from "./bytes.ts";
import type { HeaderList } from "./headers.ts";
import { cutAt } from "./measured_source.ts";

/** Source of Content-Length and Transfer-Encoding: the host, or the guest's own fields if they are valid. */
export type Framing = "automatic" | "manual";

/** A message whose framing fields and content fit each other. */
interface Framed {
  /** Never has both Content-Length and Transfer-Encoding (RFC 9112, section 6.2). */
  readonly headers: HeaderList;
  /** With Content-Length: whole and of that length, or a source that ends there or fails before it. */
  readonly body: Payload;
}

/** Methods whose requests get no Content-Length if they have no content (RFC 9110, section 8.6). */
const BODILESS_METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "DELETE",
]);

/**
 * Frames a request: by the guest's fields if framing is manual and they are valid, by its length if it is known, or by
 * chunks.
 */
export function frameRequest(
  headers: HeaderList,
  method: string,
  body: Payload,
  framing: Framing,
): Framed {
  if (framing === "manual" && areValid(headers)) return frameByFields(headers, body);
  const length = declarableLength(body);
  const framed = headers.copy();
  if (length === undefined) {
    unframe(framed);
    framed.append("transfer-encoding", "chunked");
    return { headers: framed, body };
  }
  if (!declares(headers, length)) {
    unframe(framed);
    if (length > 0 || !BODILESS_METHODS.has(method)) {
      framed.append("content-length", String(length));
    }
  }
  return { headers: framed, body: cutAt(body, length) };
}

/**
 * Frames a response: as {@linkcode frameRequest}, but without a known length it gets no framing field, since that depends
 * on the client's version of HTTP. A response to HEAD and a 304 keep the guest's Content-Length; the server that sends
 * them leaves out their content.
 *
 * @param toHead Whether the request's method is HEAD.
 */
export function frameResponse(
  headers: HeaderList,
  status: number,
  toHead: boolean,
  body: Payload,
  framing: Framing,
): Framed {
  if (status < 200 || status === 204) return { headers: frameInformational(headers), body };
  if (toHead || status === 304) return { headers: frameWithoutContent(headers, body), body };
  if (framing === "manual" && areValid(headers)) return frameByFields(headers, body);
  const length = declarableLength(body);
  const framed = headers.copy();
  if (length === undefined) {
    unframe(framed);
    return { headers: framed, body };
  }
  if (!declares(headers, length)) {
    unframe(framed);
    framed.append("content-length", String(length));
  }
  return { headers: framed, body: cutAt(body, length) };
}

/** Returns the fields of a response that has no framing fields: 1xx and 204 (RFC 9110, section 8.6). */
export function frameInformational(headers: HeaderList): HeaderList {
  const framed = headers.copy();
  unframe(framed);
  return framed;
}

/**
 * Returns the fields of a response to HEAD or a 304, which may tell the length of content that is not sent (RFC 9110,
 * section 8.6).
 */
function frameWithoutContent(headers: HeaderList, body: Payload): HeaderList {
  const framed = headers.copy();
  framed.delete("transfer-encoding");
  const length = declarableLength(body);
  if (length && !framed.has("content-length")) framed.append("content-length", String(length));
  return framed;
}

/** Frames by the guest's fields. If both are there, Transfer-Encoding counts (RFC 9112, section 6.3). */
function frameByFields(headers: HeaderList, body: Payload): Framed {
  const framed = headers.copy();
  if (framed.has("transfer-encoding")) {
    framed.delete("content-length");
    return { headers: framed, body };
  }
  return { headers: framed, body: cutAt(body, Number(framed.get("content-length"))) };
}

/** Whether the fields already declare the length: then their case and place are kept. */
function declares(headers: HeaderList, length: number): boolean {
  const lengths = headers.getAll("content-length");
  return lengths.length === 1 && lengths[0] === String(length) && !headers.has("transfer-encoding");
}

function unframe(headers: HeaderList): void {
  headers.delete("content-length");
  headers.delete("transfer-encoding");
}

/** Whether the guest's framing fields are valid: one length that a number holds exactly, or chunked as the only coding. */
function areValid(headers: HeaderList): boolean {
  const lengths = headers.getAll("content-length");
  const codings = headers.getAll("transfer-encoding");
  return lengths.length + codings.length > 0 &&
    (lengths.length === 0 || (lengths.length === 1 && /^[0-9]{1,15}$/.test(lengths[0]!))) &&
    (codings.length === 0 || (codings.length === 1 && codings[0]!.toLowerCase() === "chunked"));
}

/**
 * Whether a response never has content, whatever its fields declare (RFC 9112, section 6.3).
 *
 * @param toHead Whether the request's method is HEAD.
 */
export function hasNoContent(status: number, toHead: boolean): boolean {
  return toHead || status < 200 || status === 204 || status === 304;
}

/**
 * Returns Content-Length as a number; undefined without one, or with Transfer-Encoding, which overrides it. NaN if it
 * is none.
 */
export function lengthOf(headers: HeaderList): number | undefined {
  const length = headers.get("content-length");
  return length === undefined || headers.has("transfer-encoding") ? undefined : Number(length);
}

/**
 * Returns Content-Length if it is a valid number. Transfer-Encoding is ignored: a `Request` and a `Response` have no
 * chunks.
 */
export function declaredLength(headers: HeaderList): number | undefined {
  const length = headers.get("content-length");
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
}
