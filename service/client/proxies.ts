import { addressOf, octetsOf } from "../util/address.ts";
import { PrefixMap, rangeOf } from "../util/prefix_map.ts";
import type { Payload } from "../http/bytes.ts";
import type { ClientFacts, Exchange, RequestHead, ResponseHead } from "../http/exchange.ts";
import type { HeaderList } from "../http/headers.ts";
import type { RequestMetrics } from "../http/request_metrics.ts";

/** Ranges that have a name. */
const NAMED: ReadonlyMap<string, readonly string[]> = new Map([
  ["loopback", ["127.0.0.0/8", "::1/128"]],
  ["private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]],
]);
/** What proxies call the schemes; those of WebSockets are Traefik's. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ["http", "http:"],
  ["https", "https:"],
  ["ws", "http:"],
  ["wss", "https:"],
]);

/** Peers that are remembered. */
const MAX_PEERS = 1000;

/** What {@linkcode isProxyRange} takes, for messages. */
export const PROXY_RANGE = "an address, a range as 10.0.0.0/8, loopback or private";

/** Whether the text says which proxies to trust. */
export function isProxyRange(text: string): boolean {
  return NAMED.has(text) || rangeOf(text) !== undefined;
}

/** The proxies whose word on their clients counts. */
export class TrustedProxies {
  readonly #ranges = new PrefixMap<true>();
  readonly #peers = new Map<string, boolean>();

  /**
   * @param ranges Each is {@linkcode PROXY_RANGE}.
   * @throws {TypeError} If one is none.
   */
  constructor(ranges: readonly string[]) {
    const wrong = ranges.find((text) => !isProxyRange(text));
    if (wrong !== undefined) {
      throw new TypeError(`Cannot trust the proxy "${wrong}": it is not ${PROXY_RANGE}`);
    }
    for (const text of ranges.flatMap((text) => NAMED.get(text) ?? [text])) {
      this.#ranges.set(rangeOf(text)!, true);
    }
  }

  /**
   * The exchange as it was at the first proxy of ours: the client is the last of `x-forwarded-for` that is not a
   * trusted proxy, or the first of all if every one is; the scheme is that of `x-forwarded-proto`. Fields of other
   * peers mean nothing, nor does a list with something in it that is no address.
   */
  see(exchange: Exchange): Exchange {
    const { head, client } = exchange;
    if (!this.#trustsPeer(client.address)) return exchange;
    const hops = listOf(head.headers, "x-forwarded-for");
    const hop = this.#clientAmong(hops);
    const scheme = schemeOf(listOf(head.headers, "x-forwarded-proto"), hops.length, hop?.at);
    if (!hop && !scheme) return exchange;
    return new ForwardedExchange(
      exchange,
      scheme ? { ...head, url: head.url.replace(/^https?:/i, scheme) } : head,
      hop ? behind(client, hop) : client,
    );
  }

  /** Proxies are few: taking their addresses apart for each request would cost more than the rest. */
  #trustsPeer(address: string): boolean {
    const known = this.#peers.get(address);
    if (known !== undefined) return known;
    const octets = octetsOf(address);
    const trusted = octets !== undefined && this.#trusts(octets);
    if (this.#peers.size >= MAX_PEERS) this.#peers.clear();
    this.#peers.set(address, trusted);
    return trusted;
  }

  #trusts(octets: Uint8Array): boolean {
    return this.#ranges.lookup(octets) === true;
  }

  /** The client in the list; undefined if it cannot be told. */
  #clientAmong(hops: readonly string[]): Hop | undefined {
    for (let at = hops.length - 1; at >= 0; at--) {
      const [, ipv6, ipv4, port = "0"] = WITH_PORT.exec(hops[at]!) ?? [];
      const octets = octetsOf(ipv6 ?? ipv4 ?? hops[at]!);
      if (!octets) return undefined;
      if (at === 0 || !this.#trusts(octets)) return { at, octets, port: Number(port) };
    }
  }
}

/** Facts of a client whose connection is with the proxy: its TLS and fingerprints are not seen here. */
function behind({ serverAddress, serverPort }: ClientFacts, { octets, port }: Hop): ClientFacts {
  return { address: addressOf(octets), port, serverAddress, serverPort };
}

/** An exchange with another head and client. */
class ForwardedExchange implements Exchange {
  readonly head: RequestHead;
  readonly client: ClientFacts;
  readonly body: Payload;
  readonly metrics: RequestMetrics;
  readonly takeOver?: NonNullable<Exchange["takeOver"]>;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, head: RequestHead, client: ClientFacts) {
    this.head = head;
    this.client = client;
    this.body = exchange.body;
    this.metrics = exchange.metrics;
    this.#exchange = exchange;
    if (exchange.takeOver) this.takeOver = (head) => exchange.takeOver!(head);
  }

  inform(head: ResponseHead): void {
    this.#exchange.inform(head);
  }

  respond(head: ResponseHead, body: Payload): void {
    this.#exchange.respond(head, body);
  }

  cut(reason: Error): void {
    this.#exchange.cut?.(reason);
  }

  onGone(callback: (reason: Error) => void): void {
    this.#exchange.onGone(callback);
  }
}

/** The items of a list that may be in several fields. */
function listOf(headers: HeaderList, name: string): string[] {
  return headers.getAll(name).join(",").split(",").map((item) => item.trim()).filter(Boolean);
}

/** A client in a list, with or without its port, IPv6 with or without brackets. */
interface Hop {
  /** Where it is in the list. */
  readonly at: number;
  readonly octets: Uint8Array;
  /** 0 if it was not told. */
  readonly port: number;
}

const WITH_PORT = /^(?:\[([^[\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/;

/** What the hop says that saw the client, if each has said it; else what the nearest says. */
function schemeOf(
  protocols: readonly string[],
  hops: number,
  at: number | undefined,
): string | undefined {
  const said = at !== undefined && protocols.length === hops ? protocols[at] : protocols.at(-1);
  return said && SCHEMES.get(said.toLowerCase());
}
