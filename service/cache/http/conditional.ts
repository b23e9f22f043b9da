/** Conditions and ranges: of requests to backends, and of clients (RFC 9110 13 and 14). @module */
import { HeaderList } from "../../http/headers.ts";
import { httpDate } from "./date.ts";
import { opaque, sameTag, type StoredHead } from "./head.ts";

/** Fields with which a request may get less than the whole object. */
export const CONDITIONS = [
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
] as const;

/**
 * The fields of a request that is to bring a whole object: what the client knows or wants a part of is left out, and
 * what is stored is asked about.
 *
 * @param stored What may turn out to be still right.
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
 * Whether the origin's word that nothing has changed is about what is stored: a guest may have asked about more.
 *
 * @param asked The tags that the backend was asked about, if they are known.
 */
export function isStillRight(
  { headers }: StoredHead,
  answer: HeaderList,
  asked?: string,
): boolean {
  const stored = headers.get("etag");
  if (stored === undefined) return headers.has("last-modified");
  // Where nothing else was asked about, a 304 with another tag is about this one all the same.
  return asked === stored || !answer.has("etag") || sameTag(answer.get("etag"), stored);
}

/** What a client gets of an object: its head, and the part of the content, if not all. */
interface ClientView extends StoredHead {
  /** Whether there is no content. */
  readonly empty: boolean;
  /** Offsets, both inclusive. */
  readonly range: { readonly from: number; readonly to: number } | undefined;
}

/**
 * What of an object answers a client's request.
 *
 * @param length Of the content, if it is known: without it there are no ranges.
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
  // Ranges are of GET alone (RFC 9110 14.2).
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

/** Whether the client has it already. The date counts only where no tag was sent (RFC 9110 13.1.3). */
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

/** Whether the object is the one that the client has the rest of (RFC 9110 13.1.5): only a strong tag or the date says so. */
function rangeHolds(request: HeaderList, { headers }: StoredHead): boolean {
  const condition = request.get("if-range")?.trim();
  if (condition === undefined) return true;
  if (condition.startsWith("W/")) return false;
  if (condition.startsWith('"')) return headers.get("etag")?.trim() === condition;
  const date = httpDate(condition);
  return date !== undefined && date === httpDate(headers.get("last-modified"));
}

/** One range of bytes; undefined for anything that is answered with the whole. */
function byteRange(
  value: string | undefined,
  length: number,
): { from: number; to: number } | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(value ?? "") ??
    [];
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
