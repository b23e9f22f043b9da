import type { BackendRequest } from "./backend.ts";
import { isWhole } from "./bytes.ts";
import { SendError } from "./errors.ts";
import type { HeaderList } from "./headers.ts";

/** Who decides on Content-Length and Transfer-Encoding: the host, or the guest's own fields if they can stand. */
export type Framing = "automatic" | "manual";

const BODILESS_METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "DELETE",
]);

/**
 * A request's fields with framing that fits its body: the exact length where it is known, else chunked.
 *
 * @param length The body's length in bytes, or undefined when unknown.
 */
export function frameRequest(
  headers: HeaderList,
  method: string,
  length: number | undefined,
  framing: Framing,
): HeaderList {
  const framed = headers.copy();
  if (framing === "manual" && canStand(headers)) return framed;
  if (length !== undefined && tells(headers, length)) return framed;
  unframe(framed);
  if (length === undefined) framed.append("transfer-encoding", "chunked");
  else if (length > 0 || !BODILESS_METHODS.has(method)) {
    framed.append("content-length", String(length));
  }
  return framed;
}

/**
 * A response's fields with framing that fits its body. Without a known length the front chunks, or closes.
 * The answer to a HEAD request keeps the length that the guest declares, as does a 304.
 */
export function frameResponse(
  headers: HeaderList,
  status: number,
  toHead: boolean,
  length: number | undefined,
  framing: Framing,
): HeaderList {
  const framed = headers.copy();
  if (framing === "manual" && canStand(headers)) return framed;
  if (toHead || status === 304) {
    framed.delete("transfer-encoding");
    if (length && !framed.has("content-length")) framed.append("content-length", String(length));
    return framed;
  }
  const bodiless = status < 200 || status === 204;
  if (!bodiless && length !== undefined && tells(headers, length)) return framed;
  unframe(framed);
  if (!bodiless && length !== undefined) {
    framed.append("content-length", String(length));
  }
  return framed;
}

/** Whether the fields say the length already: then their spelling and place stay. */
function tells(headers: HeaderList, length: number): boolean {
  const lengths = headers.getAll("content-length");
  return lengths.length === 1 && lengths[0] === String(length) && !headers.has("transfer-encoding");
}

function unframe(headers: HeaderList): void {
  headers.delete("content-length");
  headers.delete("transfer-encoding");
}

/** Whether the guest's own framing fields make sense: one plain length, or chunked. */
function canStand(headers: HeaderList): boolean {
  const lengths = headers.getAll("content-length");
  const codings = headers.getAll("transfer-encoding");
  return lengths.length + codings.length > 0 &&
    (lengths.length === 0 || (lengths.length === 1 && /^[0-9]+$/.test(lengths[0]!))) &&
    (codings.length === 0 || (codings.length === 1 && codings[0]!.toLowerCase() === "chunked"));
}

/** Whether the fields frame a body. */
export function isFramed(headers: HeaderList): boolean {
  return headers.has("content-length") || headers.has("transfer-encoding");
}

/** What Content-Length says, unless Transfer-Encoding overrules it. */
export function lengthOf(headers: HeaderList): number | undefined {
  const length = headers.get("content-length");
  return length === undefined || headers.has("transfer-encoding") ? undefined : Number(length);
}

/** What a request's Content-Length says; throws where sending the body under it would garble the connection. */
export function declaredLength({ headers, body }: BackendRequest): number | undefined {
  const length = lengthOf(headers);
  if (!isFramed(headers) && body.length !== 0) {
    garbled("Cannot send a body with neither Content-Length nor Transfer-Encoding");
  }
  if (length !== undefined && isWhole(body) && length !== body.length) {
    garbled(`Cannot send a body of ${body.length} bytes under a Content-Length of ${length}`);
  }
  return length;
}

function garbled(message: string): never {
  throw new SendError("http_protocol_error", message);
}
