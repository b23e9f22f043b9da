/**
 * Conditional requests and ranges, of clients and to backends (RFC 9110, sections 13 and 14).
 *
 * @module
 */
import { HeaderList } from "../../http/headers.ts";
import { httpDate } from "./date.ts";
import { opaque, sameTag, type StoredHead } from "./head.ts";

/** Fields of conditional and range requests. */
export const CONDITIONS = [
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
] as const;

/**
 * Returns the fields of a request to a backend for a whole object: without the client's conditions and ranges, and with
 * conditions that validate the stored response.
 *
 * @param stored Stored response to validate; undefined if there is none.
 */
export function backendFields(request: HeaderList, stored: StoredHead | undefined): HeaderList {
  const headers = request.copy();
  for (const name of CONDITIONS) headers.delete(name);
  const etag = stored?.headers.get("etag");
  const modified = stored?.headers.get("last-modified");
  if (etag !== undefined) headers.set("if-none-match", etag);
  if (modified !== undefined) headers.set("if-modified-since", modified);
  return headers;
}

/**
 * Whether a 304 validates the stored response (RFC 9111, section 4.3.4): a guest may have sent other entity tags too.
 *
 * @param response Fields of the 304.
 * @param sentTags Value of If-None-Match in the request to the backend, if it is known.
 */
export function validates(
  { headers }: StoredHead,
  response: HeaderList,
  sentTags?: string,
): boolean {
  const stored = headers.get("etag");
  if (stored === undefined) return headers.has("last-modified");
  // If no other tag was sent, a 304 with another tag validates this one too.
  return sentTags === stored || !response.has("etag") || sameTag(response.get("etag"), stored);
}

/** Response to a client from a stored one: its head, and the range of the content. */
interface ClientView extends StoredHead {
  /** Whether the response has no content. */
  readonly empty: boolean;
  /** Offsets of the range, both inclusive; undefined for all of the content. */
  readonly range: { readonly from: number; readonly to: number } | undefined;
}

/**
 * Returns the response to a client's request from a stored one: 200, 206, 304 or 416.
 *
 * @param length Length of the content in bytes; if it is not known, ranges are ignored.
 */
export function viewFor(
  method: string,
  request: HeaderList,
  stored: StoredHead,
  length: number | undefined,
): ClientView {
  const whole = {
    ...stored,
    headers: sized(stored.headers, stored.status === 204 ? undefined : length),
    range: undefined,
  };
  const empty = method === "HEAD";
  if (stored.status !== 200) return { ...whole, empty };
  if (isUnchanged(request, stored)) {
    const headers = stored.headers.copy();
    return { ...stored, status: 304, headers, empty: true, range: undefined };
  }
  // RFC 9110, section 14.2: ranges are defined for GET alone.
  const range = method === "GET" && length !== undefined && rangeHolds(request, stored)
    ? byteRange(request.get("range"), length)
    : undefined;
  if (range === undefined) return { ...whole, empty };
  if (range === "unsatisfiable") {
    const headers = new HeaderList(["content-range", `bytes */${length}`]);
    return { ...stored, status: 416, headers, empty: true, range: undefined };
  }
  const headers = sized(stored.headers, range.to - range.from + 1);
  headers.set("content-range", `bytes ${range.from}-${range.to}/${length}`);
  return { ...stored, status: 206, headers, empty: false, range };
}

function sized(headers: HeaderList, length: number | undefined): HeaderList {
  const copy = headers.copy();
  if (length !== undefined) copy.set("content-length", String(length));
  return copy;
}

/** Whether the client has the response already. The date counts only without If-None-Match (RFC 9110, section 13.1.3). */
function isUnchanged(request: HeaderList, { headers }: StoredHead): boolean {
  const tags = request.getAll("if-none-match");
  if (tags.length) {
    const list = tags.join(",");
    const etag = headers.get("etag");
    if (list.trim() === "*") return true;
    return etag !== undefined && tagsIn(list).includes(opaque(etag));
  }
  const since = httpDate(request.get("if-modified-since"));
  const modified = httpDate(headers.get("last-modified"));
  return since !== undefined && modified !== undefined && since >= modified;
}

function tagsIn(list: string): string[] {
  return [...list.matchAll(/(?:W\/)?("[^"]*")/g)].map(([, tag]) => tag!);
}

/** Whether If-Range allows a range (RFC 9110, section 13.1.5): by a strong entity tag or the exact date. */
function rangeHolds(request: HeaderList, { headers }: StoredHead): boolean {
  const condition = request.get("if-range")?.trim();
  if (condition === undefined) return true;
  if (condition.startsWith("W/")) return false;
  if (condition.startsWith('"')) return headers.get("etag")?.trim() === condition;
  const date = httpDate(condition);
  return date !== undefined && date === httpDate(headers.get("last-modified"));
}

/** Each run of blanks is matched by one part alone: otherwise a long one would take quadratic time. */
const RANGE = /^\s*bytes\s*=\s*(?:(\d+)\s*)?-\s*(?:(\d+)\s*)?$/i;

/** Parses a single range of bytes (RFC 9110, section 14.1.2); undefined for any other value, which is ignored. */
function byteRange(
  value: string | undefined,
  length: number,
): { from: number; to: number } | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = RANGE.exec(value ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const count = Math.min(Number(last), length);
    return count === 0 ? "unsatisfiable" : { from: length - count, to: length - 1 };
  }
  const from = Number(first);
  const to = last === "" ? length - 1 : Math.min(Number(last), length - 1);
  if (last !== "" && Number(last) < from) return undefined;
  return from >= length ? "unsatisfiable" : { from, to };
}
