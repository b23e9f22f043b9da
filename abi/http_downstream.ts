/**
 * `fastly_http_downstream`: facts about a client's request, and further requests for a sandbox.
 *
 * @module
 */
import type { Memory } from "../handles/memory.ts";
import { RequestPromise } from "../handles/request_promise.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import type { ProxyFacts } from "../service/client/client_facts.ts";
import { refuse } from "../service/errors.ts";
import { hopsOf } from "../service/http/cdn_loop.ts";
import { call, type Hostcall, type Namespace, namespace, wait } from "./_define.ts";
import {
  client,
  clientRequest,
  factsOf,
  hasValidKey,
  originalNames,
  prefixed,
} from "./_downstream.ts";
import { take, u32 } from "./_in.ts";
import * as out from "./_out.ts";

const BOT_CATEGORIES = [
  "none",
  "suspected",
  "accessibility",
  "ai-crawler",
  "ai-fetcher",
  "content-fetcher",
  "monitoring-site-tools",
  "online-marketing",
  "page-preview",
  "platform-integration",
  "research",
  "search-engine-crawler",
  "search-engine-optimization",
  "security-tools",
  "headless",
];

const PROXY_FACTS: Readonly<Record<string, keyof Omit<ProxyFacts, "vpnServiceName">>> = {
  is_anonymous: "anonymous",
  is_anonymous_vpn: "anonymousVpn",
  is_hosting_provider: "hostingProvider",
  is_proxy_over_vpn: "proxyOverVpn",
  is_public_proxy: "publicProxy",
  is_relay_proxy: "relayProxy",
  is_residential_proxy: "residentialProxy",
  is_smart_dns_proxy: "smartDnsProxy",
  is_tor_exit_node: "torExitNode",
  is_vpn_datacenter: "vpnDatacenter",
};

const TIMEOUT = 2;

export const httpDownstream: Namespace = namespace("fastly_http_downstream", {
  /** Offers to take a further request. Only one offer may be open at a time. */
  next_request: call([u32, u32], out.put(RequestPromise), (sandbox, mask, options) => {
    const max = sandbox.service.limits.sandbox_idle;
    return sandbox.requests.listen(Math.min(patience(sandbox.memory, mask, options), max));
  }),
  /** Waits for the next request and returns it with its body; it becomes the current one. Absent if none has come. */
  next_request_wait: wait(
    [u32],
    out.all({ request: out.u32, body: out.u32 }),
    async (sandbox, handle) => {
      const promise = sandbox.handles.get(RequestPromise, handle);
      if (!sandbox.requests.current.responded) {
        refuse("unsupported", "Cannot take another request before this one is answered");
      }
      const next = await sandbox.requests.next(promise);
      sandbox.handles.take(RequestPromise, handle);
      return next ?? refuse("absent", "Cannot take another request: none came");
    },
  ),
  next_request_abandon: call(
    [take(RequestPromise)],
    out.none,
    (sandbox, promise) => sandbox.requests.unlisten(promise),
  ),

  ...prefixed("downstream_", factsOf),
  downstream_original_header_names: call(
    [clientRequest],
    out.values,
    (_, { exchange }) => originalNames(exchange),
  ),
  /** Returns the number of fields, repeated ones included. */
  downstream_original_header_count: call(
    [clientRequest],
    out.u32,
    (_, { exchange }) => exchange.head.headers.size,
  ),
  fastly_key_is_valid: call(
    [clientRequest],
    out.bool,
    ({ service }, { exchange }) => hasValidKey(exchange, service.options),
  ),

  /** Returns how often the current request has passed through this service, this time included. */
  downstream_visits_this_service: call([], out.u32, (sandbox) => visits(sandbox).service),
  downstream_visits_this_pop: call([], out.u32, (sandbox) => visits(sandbox).pop),

  ...prefixed("downstream_bot_", botFacts()),
  ...prefixed("downstream_resvpnproxy_", proxyFacts()),
});

function botFacts(): Record<string, Hostcall> {
  return {
    analyzed: call([client], out.bool, (_, { bot }) => bot?.analyzed ?? false),
    detected: call([client], out.bool, (_, { bot }) => bot?.detected ?? false),
    name: call([client], out.known(out.text), (_, { bot }) => bot?.name),
    category: call([client], out.known(out.text), (_, { bot }) => bot?.category),
    category_kind: call([client], out.known(out.u32), (_, { bot: { category } = {} }) => {
      if (category === undefined) return undefined;
      const kind = /^\d+$/.test(category) ? Number(category) : BOT_CATEGORIES.indexOf(category);
      return kind in BOT_CATEGORIES ? kind : undefined;
    }),
    verified: call([client], out.known(out.bool), (_, { bot }) => bot?.verified),
  };
}

/** Hostcalls about proxies. Without any data all are absent; with data, facts that are not in it are false. */
function proxyFacts(): Record<string, Hostcall> {
  const calls = Object.entries(PROXY_FACTS).map(([name, fact]) =>
    [
      name,
      call([client], out.known(out.bool), (_, { proxy }) => proxy && (proxy[fact] ?? false)),
    ] as const
  );
  return {
    ...Object.fromEntries(calls),
    vpn_service_name: call(
      [client],
      out.known(out.text),
      (_, { proxy }) => proxy?.vpnServiceName,
    ),
  };
}

function visits({ service, requests: { current } }: Sandbox): { service: number; pop: number } {
  const { visits } = service.factsOf(current.exchange);
  const times = visits?.service ?? 1 + hopsOf(current.exchange.head.headers);
  return { service: times, pop: visits?.pop ?? times };
}

/** Returns the time that a guest would wait, in milliseconds. The record of JavaScript's SDK has only its lower half. */
function patience(memory: Memory, mask: number, ptr: number): number {
  if (mask & ~TIMEOUT) refuse("invalid", `Cannot use options 0x${mask.toString(16)}`);
  if (!(mask & TIMEOUT)) return Infinity;
  const low = memory.u32(ptr);
  if (ptr + 8 > memory.size) return low;
  return memory.u32(ptr + 4) === 0 ? Number(memory.u64(ptr)) : low;
}
