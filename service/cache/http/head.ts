import type { HttpVersion } from "../../http/exchange.ts";
import { HeaderList } from "../../http/headers.ts";

/** A response's head as it is kept. */
export interface StoredHead {
  readonly status: number;
  readonly version: HttpVersion;
  readonly headers: HeaderList;
}

/** Fields that are about one connection, or that the content itself tells (RFC 9111 3.1). */
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
/** Fields that describe the content, which a 304 leaves as it is (RFC 9111 3.2, RFC 9530). */
const OF_CONTENT: ReadonlySet<string> = new Set([
  "content-digest",
  "content-encoding",
  "content-md5",
  "content-range",
  "repr-digest",
]);
/** Kept in place of a head: requests of the kind pass. */
export const PASS_MARK: Uint8Array = new Uint8Array([0]);

/** Whether what was found says that such requests pass. */
export function isPassMark(metadata: Uint8Array): boolean {
  return metadata.length === 1 && metadata[0] === 0;
}

/** A head as metadata of an object. */
export function encodeHead({ status, version, headers }: StoredHead): Uint8Array {
  return new TextEncoder().encode(JSON.stringify([status, version, withoutNotKept(headers).raw]));
}

/** What {@linkcode encodeHead} has made. */
export function decodeHead(metadata: Uint8Array): StoredHead {
  const [status, version, raw] = JSON.parse(new TextDecoder().decode(metadata));
  return { status, version, headers: new HeaderList(raw) };
}

/**
 * The head of an object that the origin says is still right (304): the new fields take the place of the old. The tag
 * stays where the new one is another's: some origins name a 304 after another coding of the content.
 */
export function refreshed(stored: StoredHead, answer: HeaderList): StoredHead {
  const headers = stored.headers.copy();
  const fresh = withoutNotKept(answer);
  const tag = stored.headers.get("etag");
  if (tag !== undefined && !sameTag(tag, fresh.get("etag"))) fresh.delete("etag");
  // Of the old answer: if they stayed, the object would be as old as it was before.
  for (const name of ["age", "date"]) headers.delete(name);
  for (const name of fresh.names()) {
    if (OF_CONTENT.has(name)) continue;
    headers.set(name, ...fresh.getAll(name));
  }
  return { ...stored, headers };
}

/** Compares entity tags by their opaque parts (RFC 9110 8.8.3.2). */
export function sameTag(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && opaque(one) === opaque(other);
}

/** The part of an entity tag that tells it from others. */
export function opaque(etag: string): string {
  return etag.trim().replace(/^W\//, "");
}

function withoutNotKept(headers: HeaderList): HeaderList {
  const named = headers.getAll("connection").join(",").toLowerCase().split(",");
  const dropped = new Set([...NOT_KEPT, ...named.map((name) => name.trim())]);
  return new HeaderList([...headers].filter(([name]) => !dropped.has(name.toLowerCase())).flat());
}
