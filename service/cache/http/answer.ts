import type { BackendResponse } from "../../backends/transport.ts";
import type { GuestSend } from "../../backends/backend.ts";
import { discard, EMPTY } from "../../http/bytes.ts";
import type { CacheContent } from "../content.ts";
import type { HeaderList } from "../../http/headers.ts";
import { viewFor } from "./conditional.ts";
import type { StoredHead } from "./head.ts";

/** What an answer is made of. */
interface Stored {
  readonly head: StoredHead;
  readonly content: CacheContent;
  /** Bytes, if it is known. */
  readonly length: number | undefined;
  /** Seconds. */
  readonly age: number;
  /** How often the object was found before it had to be asked for again; 0 if it was just fetched. */
  readonly hits: number;
}

/** An object as it answers a request: the part that the request wants, or the word that the client has it already. */
export function answerWith(
  request: GuestSend,
  { head, content, length, age, hits }: Stored,
): BackendResponse {
  const { status, version, headers, range, empty } = viewFor(
    request.method,
    request.headers,
    head,
    request.gunzip && head.headers.has("content-encoding") ? undefined : length,
  );
  headers.set("age", String(age));
  tell(headers, request, hits);
  const body = empty ? EMPTY : range ? content.read(range.from, range.to + 1) : content.read();
  return { status, version, headers, body, peer: undefined };
}

/** A backend's response to a request that the cache had no answer for, and keeps none. */
export function missed(request: GuestSend, response: BackendResponse): BackendResponse {
  const headers = response.headers.copy();
  tell(headers, request, 0);
  if (request.method !== "HEAD") return { ...response, headers };
  discard(response.body); // it was asked for with GET
  return { ...response, headers, body: EMPTY };
}

/**
 * Says whether the object was found, after what caches behind this one have said, and takes the words to surrogates out:
 * the SDKs' own caching does so "to match existing host-side behaviors".
 */
function tell(headers: HeaderList, request: GuestSend, hits: number): void {
  append(headers, "x-cache", hits ? "HIT" : "MISS");
  append(headers, "x-cache-hits", String(hits));
  if (isForSurrogate(request.headers)) return;
  headers.delete("surrogate-key");
  headers.delete("surrogate-control");
}

function append(headers: HeaderList, name: string, value: string): void {
  headers.set(name, [...headers.getAll(name), value].join(", "));
}

/** Whether the request comes from another cache of Fastly's, or from somebody who looks into them. */
function isForSurrogate(headers: HeaderList): boolean {
  return headers.has("fastly-ff") || headers.has("fastly-debug") ||
    headers.getAll("cdn-loop").some((value) => /\bfastly\b/i.test(value));
}
