import { Acl, rangeOf } from "./acl.ts";
import { addressOf, octetsOf } from "./address.ts";
import type { Payload } from "./bytes.ts";
import type { ClientFacts, Exchange, RequestHead, ResponseHead } from "./exchange.ts";
import type { HeaderList } from "./headers.ts";
import type { Usage } from "./usage.ts";

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

/** What {@linkcode isProxyRange} takes, for messages. */
export const PROXY_RANGE = "an address, a range as 10.0.0.0/8, loopback or private";

/** Whether the text says which proxies to trust. */
export function isProxyRange(text: string): boolean {
  return NAMED.has(text) || rangeOf(text) !== undefined;
}

/** The proxies whose word on their clients counts. */
export class TrustedProxies {
  readonly #ranges: Acl;

  /**
   * @param ranges Each is {@linkcode PROXY_RANGE}.
   * @throws {TypeError} If one is none.
   */
  constructor(ranges: readonly string[]) {
    const wrong = ranges.find((text) => !isProxyRange(text));
    if (wrong !== undefined) {
      throw new TypeError(`Cannot trust the proxy "${wrong}": it is not ${PROXY_RANGE}`);
    }
    const prefixes = ranges.flatMap((text) => NAMED.get(text) ?? [text]);
    this.#ranges = new Acl(prefixes.map((prefix) => ({ prefix, action: "ALLOW" })));
  }

  /**
   * The exchange as it was at the first proxy of ours: the client is the last of `x-forwarded-for` that is not a
   * trusted proxy, or the first of all if every one is; the scheme is that of `x-forwarded-proto`. Fields of other
   * peers mean nothing, nor does a list with something in it that is no address.
   */
  see(exchange: Exchange): Exchange {
    const { head, client } = exchange;
    if (!this.#trusts(octetsOf(client.address))) return exchange;
    const hops = listOf(head.headers, "x-forwarded-for");
    const at = this.#clientAmong(hops);
    const hop = at === undefined ? undefined : hopOf(hops[at]!);
    const scheme = schemeOf(listOf(head.headers, "x-forwarded-proto"), hops.length, at);
    if (!hop && !scheme) return exchange;
    return new ForwardedExchange(
      exchange,
      scheme ? { ...head, url: head.url.replace(/^https?:/i, scheme) } : head,
      hop ? behind(client, hop) : client,
    );
  }

  #trusts(octets: Uint8Array | undefined): boolean {
    return octets !== undefined && this.#ranges.lookup(octets) !== undefined;
  }

  /** Where the client is in the list; undefined if it cannot be told. */
  #clientAmong(hops: readonly string[]): number | undefined {
    for (let at = hops.length - 1; at >= 0; at--) {
      const hop = hopOf(hops[at]!);
      if (!hop) return undefined;
      if (at === 0 || !this.#trusts(hop.octets)) return at;
    }
  }
}

/** Facts of a client whose connection is with the proxy: its TLS and fingerprints are not seen here. */
function behind(proxy: ClientFacts, { octets, port }: Hop): ClientFacts {
  return {
    address: addressOf(octets),
    port,
    serverAddress: proxy.serverAddress,
    get serverPort() {
      return proxy.serverPort;
    },
  };
}

/** An exchange with another head and client. */
class ForwardedExchange implements Exchange {
  readonly head: RequestHead;
  readonly client: ClientFacts;
  readonly body: Payload;
  readonly usage: Usage;
  readonly takeOver?: NonNullable<Exchange["takeOver"]>;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, head: RequestHead, client: ClientFacts) {
    this.head = head;
    this.client = client;
    this.body = exchange.body;
    this.usage = exchange.usage;
    this.#exchange = exchange;
    if (exchange.takeOver) this.takeOver = (head) => exchange.takeOver!(head);
  }

  inform(head: ResponseHead): void {
    this.#exchange.inform(head);
  }

  respond(head: ResponseHead, body: Payload): void {
    this.#exchange.respond(head, body);
  }

  onGone(callback: (reason: Error) => void): void {
    this.#exchange.onGone(callback);
  }
}

/** The items of a list that may be in several fields. */
function listOf(headers: HeaderList, name: string): string[] {
  return headers.getAll(name).join(",").split(",").map((item) => item.trim()).filter(Boolean);
}

interface Hop {
  readonly octets: Uint8Array;
  /** 0 if it was not told. */
  readonly port: number;
}

const WITH_PORT = /^(?:\[([^[\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/;

/** An address, with or without a port, IPv6 with or without brackets. */
function hopOf(text: string): Hop | undefined {
  const [, ipv6, ipv4, port = "0"] = WITH_PORT.exec(text) ?? [];
  const octets = octetsOf(ipv6 ?? ipv4 ?? text);
  return octets && { octets, port: Number(port) };
}

/** What the hop says that saw the client, if each has said it; else what the nearest says. */
function schemeOf(
  protocols: readonly string[],
  hops: number,
  at: number | undefined,
): string | undefined {
  const said = at !== undefined && protocols.length === hops ? protocols[at] : protocols.at(-1);
  return said && SCHEMES.get(said.toLowerCase());
}
