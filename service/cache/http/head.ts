import type { HttpVersion } from "../../http/exchange.ts";
import { HeaderList } from "../../http/headers.ts";

/** Head of a stored response. */
export interface StoredHead {
  readonly status: number;
  readonly version: HttpVersion;
  readonly headers: HeaderList;
}

/**
 * Fields that are not stored: those of the connection (RFC 9111, section 3.1), and Content-Length, which the content
 * gives.
 */
const NOT_KEPT: readonly string[] = [
  "connection",
  "content-length",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** Fields that describe the content, which a 304 does not update (RFC 9111, section 3.2; RFC 9530). */
const OF_CONTENT: ReadonlySet<string> = new Set([
  "content-digest",
  "content-encoding",
  "content-md5",
  "content-range",
  "repr-digest",
]);
/** Metadata that marks requests which pass the cache, in place of a head. */
export const PASS_MARK: Uint8Array = new Uint8Array([0]);

/** Whether an object's metadata is {@linkcode PASS_MARK}. */
export function isPassMark(metadata: Uint8Array): boolean {
  return metadata.length === 1 && metadata[0] === 0;
}

/** Encodes a head as metadata of an object. */
export function encodeHead({ status, version, headers }: StoredHead): Uint8Array {
  return new TextEncoder().encode(JSON.stringify([status, version, withoutNotKept(headers).raw]));
}

/** Decodes the result of {@linkcode encodeHead}. */
export function decodeHead(metadata: Uint8Array): StoredHead {
  const [status, version, raw] = JSON.parse(new TextDecoder().decode(metadata));
  return { status, version, headers: new HeaderList(raw) };
}

/**
 * Returns a stored head, updated by a 304 (RFC 9111, section 3.2). A different entity tag is not taken over, since some
 * origins send that of another content coding.
 *
 * @param response Fields of the 304.
 */
export function refreshed(stored: StoredHead, response: HeaderList): StoredHead {
  const headers = stored.headers.copy();
  const fresh = withoutNotKept(response);
  const tag = stored.headers.get("etag");
  if (tag !== undefined && !sameTag(tag, fresh.get("etag"))) fresh.delete("etag");
  // Fields of the old response, which would make the object as old as it was before.
  for (const name of ["age", "date"]) headers.delete(name);
  for (const name of fresh.names()) {
    if (OF_CONTENT.has(name)) continue;
    headers.set(name, ...fresh.getAll(name));
  }
  return { ...stored, headers };
}

/** Compares entity tags weakly: by their opaque parts (RFC 9110, section 8.8.3.2). */
export function sameTag(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && opaque(one) === opaque(other);
}

/** Returns the opaque part of an entity tag (RFC 9110, section 8.8.3). */
export function opaque(etag: string): string {
  return etag.trim().replace(/^W\//, "");
}

function withoutNotKept(headers: HeaderList): HeaderList {
  const named = headers.getAll("connection").join(",").toLowerCase().split(",");
  const dropped = new Set([...NOT_KEPT, ...named.map((name) => name.trim())]);
  return new HeaderList([...headers].filter(([name]) => !dropped.has(name.toLowerCase())).flat());
}
