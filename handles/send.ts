import type { BackendResponse } from "../service/backends/transport.ts";
import type { Backend, GuestSend } from "../service/backends/backend.ts";
import type { Payload } from "../service/http/bytes.ts";
import { SendError } from "../service/errors.ts";
import { gunzip } from "../service/http/gunzip.ts";
import type { HeaderList } from "../service/http/headers.ts";
import { chosenKey } from "../service/cache/http/key.ts";
import { isCacheableMethod, showsContent } from "../service/cache/http/policy.ts";
import { LOOP_NAME } from "../service/http/cdn_loop.ts";
import type { Service } from "../service/service.ts";
import type { CacheUse } from "../service/http/request_metrics.ts";
import { Body } from "./body.ts";
import { type GuestRequest, GuestResponse } from "./message.ts";
import { PendingRequest, type Reply } from "./pending_request.ts";
import type { DownstreamRequest } from "./downstream_request.ts";
import { fromHex } from "../service/util/hex.ts";

/** Field in which SDKs pass the cache key of a request: 64 hexadecimal digits. */
const KEY_FIELD = "fastly-xqd-cache-key";

/**
 * Starts a request to a backend.
 *
 * @param requestId Id of the client's request, for the log.
 */
export function send(
  service: Service,
  request: GuestRequest,
  body: Payload,
  backend: Backend,
  requestId: string,
): PendingRequest {
  const conditions = isCacheableMethod(request.method)
    ? { content: body.length !== 0, tags: request.headers.get("if-none-match") }
    : undefined;
  const inFlight = backend.send(toSend(service, request, body, requestId));
  const reply = inFlight.response.then((response) => {
    const reply = replyOf(response, request.gunzip);
    reply.response.conditions = conditions;
    return reply;
  });
  return new PendingRequest(reply, () => inFlight.cancel());
}

/** Returns the request to send, before the backend's options are applied. */
export function toSend(
  service: Service,
  request: GuestRequest,
  body: Payload,
  requestId: string,
): GuestSend {
  const { method, url, headers, framing, gunzip } = request;
  return {
    method,
    url,
    headers: fieldsToSend(service, headers),
    framing,
    body,
    gunzip,
    limits: service.limits,
    requestId,
  };
}

function fieldsToSend({ options: { loopGuard } }: Service, headers: HeaderList): HeaderList {
  if (!loopGuard && !headers.has(KEY_FIELD)) return headers;
  const copy = headers.copy();
  copy.delete(KEY_FIELD);
  if (loopGuard) copy.append("cdn-loop", LOOP_NAME);
  return copy;
}

/**
 * Starts a request through the read-through cache, which answers it or sends it to the backend and stores the response.
 *
 * @param source Name of the backend in cache keys.
 * @param current Client's request, whose metrics record the use of the cache.
 */
export function sendThroughCache(
  service: Service,
  request: GuestRequest,
  body: Payload,
  backend: Backend,
  source: string,
  current: DownstreamRequest,
): PendingRequest {
  const used = (use: CacheUse) => void current.exchange.metrics.cache.push(use);
  if (!mayBeCached(request, body)) {
    used("pass");
    return send(service, request, body, backend, current.id);
  }
  const { response, cancel, pending } = service.readThrough.send({
    key: keyOf(service, request, source),
    request: toSend(service, request, body, current.id),
    backend,
    override: request.cacheOverride,
    used,
  });
  const reply = response instanceof Promise
    ? response.then((response) => replyOf(response, request.gunzip))
    : replyOf(response, request.gunzip);
  return new PendingRequest(reply, cancel, pending);
}

/** Tells whether a request may be looked up. Requests with content, or for an upgrade, are not cached. */
function mayBeCached({ method, headers, cacheOverride }: GuestRequest, body: Payload): boolean {
  return isCacheableMethod(method) && !cacheOverride.pass && body.length === 0 &&
    !showsContent(headers) && !headers.has("upgrade");
}

function keyOf({ readThrough: { keys } }: Service, request: GuestRequest, source: string): string {
  const chosen = request.headers.get(KEY_FIELD);
  if (chosen === undefined) return keys.request(request, request.onBehalfOf, source);
  if (/^[0-9a-f]{64}$/i.test(chosen)) return chosenKey(fromHex(chosen), request.onBehalfOf);
  throw new SendError(
    "http_request_cache_key_invalid",
    `Cannot send: the cache key ${JSON.stringify(chosen)} is not 64 hexadecimal digits`,
  );
}

/** Makes a response handle and its body of a backend's response; `decode` removes a gzip coding. */
export function replyOf(from: BackendResponse, decode: boolean): Reply {
  const response = new GuestResponse();
  response.status = from.status;
  response.version = from.version;
  response.headers = from.headers;
  response.peer = from.peer;
  const coding = decode ? from.headers.get("content-encoding")?.toLowerCase() : undefined;
  if (coding !== "gzip" && coding !== "x-gzip") return { response, body: Body.of(from.body) };
  response.headers = from.headers.copy();
  response.headers.delete("content-encoding");
  response.headers.delete("content-length");
  return { response, body: Body.of(gunzip(from.body)) };
}
