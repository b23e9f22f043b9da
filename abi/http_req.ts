/**
 * `fastly_http_req`: the client's request, and requests to backends.
 *
 * @module
 */
import { Body } from "../handles/body.ts";
import { GuestRequest } from "../handles/message.ts";
import { PendingRequest as Pending, type Reply } from "../handles/pending_request.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { firstReady } from "../handles/waitable.ts";
import { send, sendThroughCache } from "../handles/send.ts";
import type { Backend } from "../service/backends/backend.ts";
import type { Payload } from "../service/http/bytes.ts";
import type { Eventually } from "../service/http/bytes.ts";
import { refuse, SendError } from "../service/errors.ts";
import { checkMethod } from "../service/http/headers.ts";
import { checkUrl } from "../service/http/url.ts";
import { call, type Hostcall, type Namespace, namespace, wait } from "./_define.ts";
import { currentFacts, hasValidKey, originalNames, prefixed } from "./_downstream.ts";
import { dynamicBackend } from "./_dynamic_backend.ts";
import { handoffCalls } from "./_handoff.ts";
import { messageCalls } from "./_headers.ts";
import { content } from "./http_body.ts";
import { inspect } from "./_inspect.ts";
import { byteString, headerName, headerValue, list, oneOf, ref, take, text, u32 } from "./_in.ts";
import { cacheOverrideV1, cacheOverrideV2, cacheOverrideV3 } from "./_cache_override.ts";
import * as out from "./_out.ts";

const sendInputs = [take(GuestRequest), content, text] as const;
const streamInputs = [take(GuestRequest), ref(Body), text] as const;
const target = oneOf("any", "response", "error");

export const httpReq: Namespace = namespace("fastly_http_req", {
  ...messageCalls(GuestRequest),
  ...prefixed("downstream_", currentFacts),
  new: call([], out.put(GuestRequest), () => new GuestRequest()),

  /** Returns the client's request and its body. */
  body_downstream_get: call(
    [],
    out.all({ request: out.u32, body: out.u32 }),
    ({ requests: { downstream } }) => downstream,
  ),
  original_header_names_get: call(
    [],
    out.values,
    ({ requests: { current } }) => originalNames(current.exchange),
  ),
  original_header_count: call(
    [],
    out.u32,
    ({ requests: { current } }) => current.exchange.head.headers.size,
  ),
  fastly_key_is_valid: call(
    [],
    out.bool,
    ({ service, requests: { current } }) => hasValidKey(current.exchange, service.options),
  ),

  method_get: call([ref(GuestRequest)], out.byteString, (_, { method }) => method),
  method_set: call([ref(GuestRequest), byteString], out.none, (_, request, method) => {
    request.method = checkMethod(method);
  }),
  /** Returns the URI, which is absolute in the client's request. */
  uri_get: call([ref(GuestRequest)], out.byteString, (_, { url }) => url),
  uri_set: call(
    [ref(GuestRequest), byteString],
    out.none,
    ({ requests: { quota } }, request, url) => {
      quota.checkUrl(url);
      request.url = checkUrl(url);
    },
  ),
  cache_override_set: cacheOverrideV1,
  cache_override_v2_set: cacheOverrideV2,
  cache_override_v3_set: cacheOverrideV3,
  auto_decompress_response_set: call(
    [ref(GuestRequest), u32],
    out.none,
    (_, request, encodings) => {
      if (encodings > 1) refuse("invalid", `Cannot decode encodings 0x${encodings.toString(16)}`);
      request.gunzip = encodings === 1;
    },
  ),
  /** Sets the service whose cache entries the request uses. Nothing else depends on it. */
  on_behalf_of: call([ref(GuestRequest), text], out.none, (_, request, service) => {
    request.onBehalfOf = service;
  }),
  inspect,

  /** Sends a request and waits for the head of the response. Request and body are consumed, even if it fails. */
  send: wait(sendInputs, out.reply, sendAndWait(sendThrough)),
  send_v2: wait(sendInputs, out.detailed(out.reply), sendAndWait(sendThrough)),
  /** Sends as `send_v2` does, but never through the cache. */
  send_v3: wait(sendInputs, out.detailed(out.reply), sendAndWait(sendPast)),
  send_async: call(sendInputs, out.put(Pending), sendThrough),
  /** Sends the content of the body, then bytes that are written to it until it is closed; never through the cache. */
  send_async_streaming: call(streamInputs, out.put(Pending), streamPast),
  /** Sends as `send_async`, or with `streaming` 1 as `send_async_streaming`, but never through the cache. */
  send_async_v2: call(
    [take(GuestRequest), u32, text, u32],
    out.put(Pending),
    (sandbox, request, handle, backend, streaming) => {
      const { handles } = sandbox;
      return streaming
        ? streamPast(sandbox, request, handles.get(Body, handle), backend)
        : sendPast(sandbox, request, Body.take(handles, handle), backend);
    },
  ),

  pending_req_poll: wait([u32], out.all({ done: out.bool, reply: out.reply }), poll),
  pending_req_poll_v2: wait(
    [u32],
    out.detailed(out.all({ done: out.bool, reply: out.reply })),
    poll,
  ),
  pending_req_wait: wait([u32], out.reply, settle),
  pending_req_wait_v2: wait([u32], out.detailed(out.reply), settle),
  pending_req_select: wait([list], out.all({ index: out.u32, reply: out.reply }), select),
  pending_req_select_v2: wait(
    [list],
    out.detailed(out.all({ index: out.u32, reply: out.reply }), ({ error }: Selected) => error),
    select,
  ),
  ...editCalls(),
  ...handoffCalls,

  register_dynamic_backend: dynamicBackend,
});

type Send = (sandbox: Sandbox, request: GuestRequest, body: Body, name: string) => Pending;

function sendAndWait(send: Send) {
  return (...args: Parameters<Send>): Reply | Promise<Reply> => {
    const [sandbox] = args;
    const { handles } = sandbox;
    const handle = handles.insert(send(...args));
    // After a wait that is refused the request is still in the table.
    const giveUp = (error: unknown): never => {
      if (handles.has(handle)) handles.take(Pending, handle).drop();
      throw error;
    };
    try {
      const reply = settle(sandbox, handle);
      return reply instanceof Promise ? reply.catch(giveUp) : reply;
    } catch (error) {
      return giveUp(error);
    }
  };
}

/** Sends through the cache, unless it is off. Geolocation lookups are not cached, as their address is in a field. */
function sendThrough(sandbox: Sandbox, request: GuestRequest, body: Body, name: string): Pending {
  const { service, requests: { current } } = sandbox;
  const backend = backendFor(sandbox, request, name, body);
  const content = body.payload();
  if (service.options.cache === false || backend === service.geoBackend) {
    return release(send(service, request, content, backend, current.id), body, content);
  }
  const source = sandbox.cacheNameOf(backend);
  const pending = sendThroughCache(service, request, content, backend, source, current);
  return release(pending, body, content);
}

function sendPast(sandbox: Sandbox, request: GuestRequest, body: Body, name: string): Pending {
  const { service, requests: { current } } = sandbox;
  const backend = backendFor(sandbox, request, name, body);
  const content = body.payload();
  return release(send(service, request, content, backend, current.id), body, content);
}

function streamPast(sandbox: Sandbox, request: GuestRequest, body: Body, name: string): Pending {
  const { service, requests: { current } } = sandbox;
  const backend = backendFor(sandbox, request, name);
  const content = body.stream();
  return release(send(service, request, content, backend, current.id), body, content);
}

/** Stops counting the content as the guest's when the request is done. */
function release(pending: Pending, body: Body, content: Payload): Pending {
  if (body.counted) pending.settled.then(() => body.uncount(content), () => body.uncount(content));
  return pending;
}

/**
 * Finds the backend of a request, and counts the request.
 *
 * @param consumed Body to drop if the request is refused.
 */
function backendFor(
  sandbox: Sandbox,
  request: GuestRequest,
  name: string,
  consumed?: Body,
): Backend {
  const backend = isGeoLookup(request) ? sandbox.service.geoBackend : sandbox.findBackend(name);
  if (backend) {
    admit(sandbox, consumed);
    return backend;
  }
  consumed?.drop();
  sandbox.reportMissingBackend(name, request);
  throw new SendError("destination_not_found", `Cannot send: no backend is named "${name}"`);
}

/** Counts a request to a backend; refused above the limit `backend_requests`. */
function admit({ requests }: Sandbox, consumed: Body | undefined): void {
  const { quota } = requests;
  try {
    quota.countBackendRequest();
  } catch (error) {
    consumed?.drop();
    throw error;
  }
}

/** Tells whether a request is a geolocation lookup of AssemblyScript's SDK, which has no backend of its own. */
function isGeoLookup({ url, headers }: GuestRequest): boolean {
  return url === "http://www.fastly.com/geolocation" &&
    headers.get("fastly-xqd-api") === "geolocation";
}

/** Waits for a pending request and takes its reply. Its handle stays until then, so that a stop of the guest cancels it. */
export function settle(sandbox: Sandbox, handle: number): Reply | Promise<Reply> {
  const { handles } = sandbox;
  const take = () => handles.take(Pending, handle).reply();
  const ready = firstReady([handles.get(Pending, handle)], sandbox);
  return ready instanceof Promise ? ready.then(take) : take();
}

/** State of a pending request, with the reply of one that is done. */
export interface Polled {
  readonly done: boolean;
  readonly reply: Reply | undefined;
}

/** Takes the reply of a pending request if it is done. */
export function poll(sandbox: Sandbox, handle: number): Eventually<Polled> {
  const { handles } = sandbox;
  const pending = handles.get(Pending, handle);
  const answer = (done: boolean): Polled => ({
    done,
    reply: done ? handles.take(Pending, handle).reply() as Reply : undefined,
  });
  const done = sandbox.poll(pending);
  return done instanceof Promise ? done.then(answer) : answer(done);
}

interface Selected {
  index: number;
  reply: Reply | undefined;
  error: SendError | undefined;
}

/** Takes the first pending request that is done. A failure shows in invalid handles, since the index is returned as well. */
async function select(
  sandbox: Sandbox,
  numbers: readonly number[],
): Promise<Selected> {
  const { handles, requests: { quota } } = sandbox;
  const pending = numbers.map((handle) => handles.get(Pending, handle));
  if (!pending.length) refuse("invalid", "Cannot select among no requests");
  const index = await firstReady(pending, sandbox);
  const winner = handles.take(Pending, numbers[index]!);
  try {
    return { index, reply: await winner.reply(), error: undefined };
  } catch (error) {
    if (!(error instanceof SendError)) throw error;
    quota.note(error);
    return { index, reply: undefined, error };
  }
}

/** Hostcalls that edit the head of a response that has not arrived. */
function editCalls(): Record<string, Hostcall> {
  const edit = (
    change: (headers: { set: Change; append: Change }, name: string, value: string) => void,
  ) =>
    call(
      [ref(Pending), headerName, headerValue, target],
      out.none,
      ({ requests: { quota } }, pending, name, value, target) => {
        quota.checkFields(pending.promised, name, [value], false);
        pending.promised.append(name, value);
        pending.edit(target, (headers) => change(headers, name, value));
      },
    );
  return {
    pending_req_header_insert: edit((headers, name, value) => headers.set(name, value)),
    pending_req_header_append: edit((headers, name, value) => headers.append(name, value)),
    pending_req_header_remove: call(
      [ref(Pending), headerName, target],
      out.none,
      (_, pending, name, target) => pending.edit(target, (headers) => void headers.delete(name)),
    ),
  };
}

type Change = (name: string, value: string) => void;
