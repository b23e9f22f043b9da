/**
 * `fastly_http_downstream`: what the host knows about a client's request.
 *
 * @module
 */
import { refuse } from "../service/errors.ts";
import { call, type Hostcall, type Namespace, namespace } from "./_define.ts";
import { client, factsOf, originalNames, prefixed } from "./_downstream.ts";
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

const PROXY_FACTS = [
  "anonymous",
  "anonymous_vpn",
  "hosting_provider",
  "proxy_over_vpn",
  "public_proxy",
  "relay_proxy",
  "residential_proxy",
  "smart_dns_proxy",
  "tor_exit_node",
  "vpn_datacenter",
];

export const httpDownstream: Namespace = namespace("fastly_http_downstream", {
  ...prefixed("downstream_", factsOf),
  downstream_original_header_names: call(
    [client],
    out.values,
    (_, exchange) => originalNames(exchange),
  ),
  /** How many fields there were, repeats counted. */
  downstream_original_header_count: call([client], out.u32, (_, { head }) => head.headers.size),
  fastly_key_is_valid: call([client], out.bool, () => false),

  ...prefixed("downstream_bot_", botFacts()),
  ...prefixed("downstream_resvpnproxy_", proxyFacts()),
});

/** Local stand-ins: the request's own `x-fastly-bot-*` fields. */
function botFacts(): Record<string, Hostcall> {
  return {
    analyzed: call([client], out.bool, (_, { head }) => bot(head, "analyzed") === "true"),
    detected: call([client], out.bool, (_, { head }) => bot(head, "detected") === "true"),
    name: call([client], out.byteString, (_, { head }) => bot(head, "name") ?? noBot()),
    category: call([client], out.byteString, (_, { head }) => bot(head, "category") ?? noBot()),
    category_kind: call([client], out.u32, (_, { head }) => {
      const category = bot(head, "category") ?? noBot();
      const kind = /^\d+$/.test(category) ? Number(category) : BOT_CATEGORIES.indexOf(category);
      return kind in BOT_CATEGORIES ? kind : noBot();
    }),
    verified: call(
      [client],
      out.bool,
      (_, { head }) => (bot(head, "verified") ?? noBot()) === "true",
    ),
  };
}

function bot(
  { headers }: { headers: { get(name: string): string | undefined } },
  fact: string,
): string | undefined {
  return headers.get(`x-fastly-bot-${fact}`);
}

function noBot(): never {
  refuse("absent", "Cannot tell about bots: the request has no such x-fastly-bot field");
}

function proxyFacts(): Record<string, Hostcall> {
  const calls = PROXY_FACTS.map((fact) =>
    [`is_${fact}`, call([client], out.bool, () => noProxyData())] as const
  );
  return {
    ...Object.fromEntries(calls),
    vpn_service_name: call([client], out.text, () => noProxyData()),
  };
}

function noProxyData(): never {
  refuse("absent", "Cannot tell about VPNs and proxies: the host has no such data");
}
