/** Functions of `http-req`, `http-resp`, `http-body` and `http-downstream`. @module */
import { Body } from "../../handles/body.ts";
import { GuestRequest, GuestResponse } from "../../handles/message.ts";
import type { PendingRequest } from "../../handles/pending_request.ts";
import type { Sandbox } from "../../handles/sandbox.ts";
import type { HandleClass } from "../../handles/table.ts";
import { octetsOf } from "../../service/util/address.ts";
import { refuse } from "../../service/errors.ts";
import { checkName, checkValue, type HeaderList } from "../../service/http/headers.ts";
import type { Eventually } from "../../service/http/bytes.ts";
import type { Hostcall } from "../_define.ts";
import { httpBody } from "../http_body.ts";
import { httpDownstream } from "../http_downstream.ts";
import { httpReq } from "../http_req.ts";
import { httpResp } from "../http_resp.ts";
import {
  asByteString,
  byNumber,
  byteString,
  hostcall,
  immediate,
  type Implementation,
  type Implementations,
  invoke,
  suspending,
} from "./define.ts";
import { BackendName, BotCategory, OptionSet } from "./resources.ts";

const FRAMING = ["automatic", "manual"] as const;
const KEEP_ALIVE = ["automatic", "no-keepalive"] as const;
const TARGETS = ["any", "response", "error"] as const;
/** Number of bot categories that have a case in WIT; further ones are numbers. */
const NAMED_BOTS = 14;

/** Function that takes the name of a header field, and for some calls a value in bytes. */
function field(call: Hostcall | undefined): Implementation {
  return immediate((sandbox, item: object, name: string, value?: Uint8Array) =>
    invoke(
      call,
      sandbox,
      item,
      checkName(asByteString(name)),
      ...value ? [checkValue(byteString(value))] : [],
    )
  );
}

/** Functions that read a list of fields. */
function reading<T>(listOf: (item: T) => HeaderList) {
  const named = <R>(read: (list: HeaderList, name: string) => R) =>
    immediate((_, item: T, name: string) => read(listOf(item), checkName(asByteString(name))));
  return {
    names: immediate((_, item: T) => listOf(item).names()),
    value: named((list, name) => list.get(name)),
    values: named((list, name) => list.getAll(name)),
  };
}

/** Functions that requests and responses have in common. */
function message<M extends { readonly headers: HeaderList }>(
  resource: string,
  _type: HandleClass<M>,
  calls: Readonly<Record<string, Hostcall>>,
): Implementations {
  const { names, value, values } = reading(({ headers }: M) => headers);
  const methods: Implementations = {
    "get-header-names": names,
    "get-header-value": value,
    "get-header-values": values,
    "set-header-values": immediate((sandbox, item: M, name: string, values: Uint8Array) =>
      invoke(
        calls.header_values_set,
        sandbox,
        item,
        checkName(asByteString(name)),
        byteString(values),
      )
    ),
    "insert-header": field(calls.header_insert),
    "append-header": field(calls.header_append),
    "remove-header": field(calls.header_remove),
    "get-version": hostcall(calls.version_get),
    "set-version": hostcall(calls.version_set),
    "set-framing-headers-mode": immediate((sandbox, item: M, mode: number) =>
      invoke(calls.framing_headers_mode_set, sandbox, item, FRAMING[mode])
    ),
  };
  return {
    "close": hostcall(calls.close),
    [`[static]${resource}.new`]: hostcall(calls.new),
    ...prefixed(`[method]${resource}.`, methods),
  };
}

function prefixed(prefix: string, methods: Implementations): Implementations {
  return Object.fromEntries(Object.entries(methods).map(([name, does]) => [prefix + name, does]));
}

interface Override {
  readonly tag: number;
  readonly value: readonly [number?, number?, boolean?, string?, OverrideExtra?];
}
type OverrideExtra = { readonly values: { readonly lookupTimeout?: number } };

function overrideCache(sandbox: Sandbox, request: GuestRequest, { tag, value }: Override): void {
  const [ttl, swr, pci, keys = "", extra] = value ?? [];
  const bits = tag === 1
    ? 1
    : (ttl === undefined ? 0 : 2) | (swr === undefined ? 0 : 4) | (pci ? 8 : 0);
  const values = [bits, ttl ?? 0, swr ?? 0, asByteString(keys)];
  invoke(httpReq.calls.cache_override_v2_set, sandbox, request, ...values);
  const { lookupTimeout } = extra?.values ?? {};
  if (lookupTimeout !== undefined) {
    request.cacheOverride = { ...request.cacheOverride, lookupTimeout };
  }
}

type Sending = readonly [request: GuestRequest, body: Body, backend: BackendName];

function send(call: Hostcall | undefined): Implementation {
  return {
    suspends: call!.suspends,
    run: (sandbox: Sandbox, ...[request, body, { name }]: Sending) =>
      invoke(call, sandbox, request, body, name),
  } as Implementation;
}

function handOff(call: Hostcall | undefined): Implementation {
  return immediate((sandbox, request: GuestRequest, { name }: BackendName) =>
    invoke(call, sandbox, request, name)
  );
}

/** Function that starts a request past the cache. The module ABI has one call for both kinds, with handles as numbers. */
function sendPast(streaming: 0 | 1): Implementation {
  return {
    suspends: false,
    byNumber: true,
    run: (sandbox: Sandbox, request: number, body: number, backend: number) => {
      const { name } = sandbox.handles.get(BackendName, backend);
      const taken = sandbox.handles.take(GuestRequest, request);
      return invoke(httpReq.calls.send_async_v2, sandbox, taken, body, name, streaming);
    },
  } as Implementation;
}

export const httpReqFunctions: Implementations = {
  ...message("request", GuestRequest, httpReq.calls),
  "[method]request.set-cache-override": immediate(overrideCache),
  "[method]request.get-method": hostcall(httpReq.calls.method_get),
  "[method]request.set-method": immediate((sandbox, request: GuestRequest, method: string) =>
    invoke(httpReq.calls.method_set, sandbox, request, asByteString(method))
  ),
  "[method]request.get-uri": hostcall(httpReq.calls.uri_get),
  "[method]request.set-uri": immediate((sandbox, request: GuestRequest, uri: string) =>
    invoke(httpReq.calls.uri_set, sandbox, request, asByteString(uri))
  ),
  "[method]request.set-auto-decompress-response": hostcall(
    httpReq.calls.auto_decompress_response_set,
  ),
  "[method]request.redirect-to-websocket-proxy": handOff(
    httpReq.calls.redirect_to_websocket_proxy_v2,
  ),
  "[method]request.redirect-to-grip-proxy": handOff(httpReq.calls.redirect_to_grip_proxy_v2),
  "[static]extra-cache-override-details.new": immediate(() => new OptionSet()),
  "[method]extra-cache-override-details.set-lookup-timeout": immediate(
    (_, { values }: { values: Record<string, unknown> }, timeout: number) =>
      void (values.lookupTimeout = timeout),
  ),
  "send": send(httpReq.calls.send_v2),
  "send-uncached": send(httpReq.calls.send_v3),
  "send-async": send(httpReq.calls.send_async),
  "send-async-streaming": send(httpReq.calls.send_async_streaming),
  "send-async-uncached": sendPast(0),
  "send-async-uncached-streaming": sendPast(1),
  "await-response": byNumber(httpReq.calls.pending_req_wait_v2),
  "upgrade-websocket": immediate((sandbox, { name }: BackendName) =>
    invoke(httpReq.calls.upgrade_websocket, sandbox, name)
  ),
};

function respond(streaming: 0 | 1): Implementation {
  return {
    suspends: false,
    byNumber: true,
    run: (sandbox: Sandbox, response: number, body: number) =>
      invoke(httpResp.calls.send_downstream, sandbox, response, body, streaming),
  } as Implementation;
}

function edit(call: Hostcall | undefined): Implementation {
  return immediate((
    sandbox,
    pending: PendingRequest,
    name: string,
    value: Uint8Array,
    target: number,
  ) =>
    invoke(
      call,
      sandbox,
      pending,
      checkName(asByteString(name)),
      checkValue(byteString(value)),
      TARGETS[target],
    )
  );
}

export const httpRespFunctions: Implementations = {
  ...message("response", GuestResponse, httpResp.calls),
  "[method]response.get-status": hostcall(httpResp.calls.status_get),
  "[method]response.set-status": hostcall(httpResp.calls.status_set),
  "[method]response.set-http-keepalive-mode": immediate(
    (sandbox, response: GuestResponse, mode: number) =>
      invoke(httpResp.calls.http_keepalive_mode_set, sandbox, response, KEEP_ALIVE[mode]),
  ),
  "[method]response.get-remote-ip-addr": immediate((sandbox, response: GuestResponse) =>
    octetsOf(invoke(httpResp.calls.get_addr_dest_ip, sandbox, response))
  ),
  "[method]response.get-remote-port": hostcall(httpResp.calls.get_addr_dest_port),
  "send-downstream": respond(0),
  "send-downstream-streaming": respond(1),
  "send-downstream-pending": hostcall(httpResp.calls.send_downstream_pending),
  "insert-header-pending": edit(httpReq.calls.pending_req_header_insert),
  "append-header-pending": edit(httpReq.calls.pending_req_header_append),
  "remove-header-pending": immediate((
    sandbox,
    pending: PendingRequest,
    name: string,
    target: number,
  ) =>
    invoke(
      httpReq.calls.pending_req_header_remove,
      sandbox,
      pending,
      checkName(asByteString(name)),
      TARGETS[target],
    )
  ),
};

const trailers = reading(({ trailers }: Body) => trailers);

export const httpBodyFunctions: Implementations = {
  "new": hostcall(httpBody.calls.new),
  "append": hostcall(httpBody.calls.append),
  "read": suspending((sandbox, body: Body, max: number): Eventually<Uint8Array> =>
    body.read(max, sandbox)
  ),
  "write": suspending((sandbox, body: Body, bytes: Uint8Array) =>
    invoke(httpBody.calls.write, sandbox, body, bytes, "back")
  ),
  "write-front": suspending((sandbox, body: Body, bytes: Uint8Array) =>
    invoke(httpBody.calls.write, sandbox, body, bytes, "front")
  ),
  "close": {
    ...suspending((sandbox, number: number) =>
      invoke(httpBody.calls.close, sandbox, sandbox.handles.take(Body, number))
    ),
    byNumber: true,
  },
  "get-known-length": hostcall(httpBody.calls.known_length),
  "append-trailer": field(httpBody.calls.trailer_append),
  "get-trailer-names": trailers.names,
  "get-trailer-value": trailers.value,
  "get-trailer-values": trailers.values,
};

/** Returns the client's request behind a handle; refused for one that the guest has made. */
function clientRequestOf({ clientRequest }: GuestRequest) {
  return clientRequest ??
    refuse("failed", "Cannot tell about the client of a request that the guest made");
}

/** Function that returns a fact about the client's request. */
function ofRequest(call: Hostcall | undefined): Implementation {
  return immediate((sandbox, request: GuestRequest) =>
    invoke(call, sandbox, clientRequestOf(request))
  );
}

/** Function that returns a fact about the client. */
function ofClient(call: Hostcall | undefined): Implementation {
  return immediate((sandbox, request: GuestRequest) =>
    invoke(call, sandbox, sandbox.service.factsOf(clientRequestOf(request).exchange))
  );
}

/** Function that returns an address; none for a text that is none. */
function address(call: Hostcall | undefined): Implementation {
  return immediate((sandbox, request: GuestRequest) =>
    octetsOf(invoke(call, sandbox, clientRequestOf(request)))
  );
}

const { calls } = httpDownstream;

/** Functions that have the same names as hostcalls of the module ABI. */
function questions(make: (call: Hostcall | undefined) => Implementation, names: readonly string[]) {
  return Object.fromEntries(
    names.map((name) => [name, make(calls[name.replaceAll("-", "_")])]),
  );
}

export const httpDownstreamFunctions: Implementations = {
  "next-request": immediate((sandbox, [timeout]: [bigint | undefined]) => {
    const max = sandbox.service.limits.sandbox_idle;
    return sandbox.requests.listen(
      Math.min(timeout === undefined ? Infinity : Number(timeout), max),
    );
  }),
  "await-request": byNumber(calls.next_request_wait),
  "downstream-client-ip-addr": address(calls.downstream_client_ip_addr),
  "downstream-server-ip-addr": address(calls.downstream_server_ip_addr),
  ...questions(ofRequest, [
    "downstream-original-header-names",
    "downstream-original-header-count",
    "downstream-client-h2-fingerprint",
    "downstream-client-request-id",
    "downstream-client-oh-fingerprint",
    "downstream-client-ddos-detected",
    "downstream-tls-cipher-openssl-name",
    "downstream-tls-protocol",
    "downstream-tls-client-hello",
    "downstream-tls-raw-client-certificate",
    "downstream-tls-client-cert-verify-result",
    "downstream-tls-client-servername",
    "downstream-tls-ja3-md5",
    "downstream-tls-ja4",
    "downstream-compliance-region",
    "fastly-key-is-valid",
  ]),
  ...questions(ofClient, [
    "downstream-bot-analyzed",
    "downstream-bot-detected",
    "downstream-bot-name",
    "downstream-bot-category",
    "downstream-bot-verified",
    "downstream-resvpnproxy-is-anonymous",
    "downstream-resvpnproxy-is-anonymous-vpn",
    "downstream-resvpnproxy-is-hosting-provider",
    "downstream-resvpnproxy-is-proxy-over-vpn",
    "downstream-resvpnproxy-is-public-proxy",
    "downstream-resvpnproxy-is-relay-proxy",
    "downstream-resvpnproxy-is-residential-proxy",
    "downstream-resvpnproxy-is-smart-dns-proxy",
    "downstream-resvpnproxy-is-tor-exit-node",
    "downstream-resvpnproxy-is-vpn-datacenter",
    "downstream-resvpnproxy-vpn-service-name",
  ]),
  "downstream-bot-category-kind": immediate((sandbox, request: GuestRequest) => {
    const facts = sandbox.service.factsOf(clientRequestOf(request).exchange);
    const kind = invoke<number>(calls.downstream_bot_category_kind, sandbox, facts);
    return kind < NAMED_BOTS
      ? { tag: kind, value: undefined }
      : { tag: NAMED_BOTS, value: new BotCategory(kind) };
  }),
  "[method]extra-bot-category.as-raw": immediate((_, { kind }: BotCategory) => kind),
  "downstream-visits-this-service": hostcall(calls.downstream_visits_this_service),
  "downstream-visits-this-pop": hostcall(calls.downstream_visits_this_pop),
};
