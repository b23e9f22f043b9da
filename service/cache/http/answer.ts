import type { BackendResponse } from "../../backends/transport.ts";
import type { GuestSend } from "../../backends/backend.ts";
import { discard, EMPTY } from "../../http/bytes.ts";
import type { CacheContent } from "../content.ts";
import type { HeaderList } from "../../http/headers.ts";
import { viewFor } from "./conditional.ts";
import type { StoredHead } from "./head.ts";

/** A cached response, from which the response to a request is made. */
interface StoredResponse {
  readonly head: StoredHead;
  readonly content: CacheContent;
  /** Length of the content in bytes; undefined if it is not known. */
  readonly length: number | undefined;
  /** Age in seconds (RFC 9111, section 4.2.3). */
  readonly age: number;
  /** Number of hits since the object was fetched or revalidated; 0 for one that was just fetched. */
  readonly hits: number;
}

/** Returns the response to a request from a cached one: all of it, the requested range, or a 304. */
export function answerWith(
  request: GuestSend,
  { head, content, length, age, hits }: StoredResponse,
): BackendResponse {
  const { status, version, headers, range, empty } = viewFor(
    request.method,
    request.headers,
    head,
    request.gunzip && head.headers.has("content-encoding") ? undefined : length,
  );
  headers.set("age", String(age));
  addCacheFields(headers, request, hits);
  const body = empty ? EMPTY : range ? content.read(range.from, range.to + 1) : content.read();
  return { status, version, headers, body, peer: undefined };
}

/** Returns a backend's response, which is not stored, as the response to a request that the cache could not answer. */
export function uncached(request: GuestSend, response: BackendResponse): BackendResponse {
  const headers = response.headers.copy();
  addCacheFields(headers, request, 0);
  if (request.method !== "HEAD") return { ...response, headers };
  discard(response.body); // the backend was sent a GET
  return { ...response, headers, body: EMPTY };
}

/**
 * Adds `x-cache` and `x-cache-hits`, after the values of caches closer to the origin, and removes the fields for
 * surrogates, as the SDKs' own caching does "to match existing host-side behaviors".
 */
function addCacheFields(headers: HeaderList, request: GuestSend, hits: number): void {
  append(headers, "x-cache", hits ? "HIT" : "MISS");
  append(headers, "x-cache-hits", String(hits));
  if (isForSurrogate(request.headers)) return;
  headers.delete("surrogate-key");
  headers.delete("surrogate-control");
}

function append(headers: HeaderList, name: string, value: string): void {
  headers.set(name, [...headers.getAll(name), value].join(", "));
}

/** Whether the request comes from another Fastly cache, or asks for debugging fields (`fastly-debug`). */
function isForSurrogate(headers: HeaderList): boolean {
  return headers.has("fastly-ff") || headers.has("fastly-debug") ||
    headers.getAll("cdn-loop").some((value) => /\bfastly\b/i.test(value));
}
