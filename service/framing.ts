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
