import { addressOf, octetsOf } from "../util/address.ts";
import { PrefixMap, rangeOf } from "../util/prefix_map.ts";
import type { ClientFacts, Exchange } from "../http/exchange.ts";
import type { HeaderList } from "../http/headers.ts";
import { WrappedExchange } from "../http/wrapped_exchange.ts";

/** Named ranges. */
const NAMED: ReadonlyMap<string, readonly string[]> = new Map([
  ["loopback", ["127.0.0.0/8", "::1/128"]],
  ["private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]],
]);
/** Schemes by their names in `x-forwarded-proto`; Traefik sends those of WebSockets. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ["http", "http:"],
  ["https", "https:"],
  ["ws", "http:"],
  ["wss", "https:"],
]);

/** Maximum number of peers whose trust is cached. */
const MAX_PEERS = 1000;

/** Description of the texts that {@linkcode isProxyRange} accepts, for messages. */
export const PROXY_RANGE = "an address, a range as 10.0.0.0/8, loopback or private";

/** Whether a text is a valid value of `trustProxy`. */
export function isProxyRange(text: string): boolean {
  return NAMED.has(text) || rangeOf(text) !== undefined;
}

/** Trusted proxies, whose `x-forwarded-for` and `x-forwarded-proto` fields are used. */
export class TrustedProxies {
  readonly #ranges = new PrefixMap<true>();
  readonly #peers = new Map<string, boolean>();

  /**
   * @param ranges Each is {@linkcode PROXY_RANGE}.
   * @throws {TypeError} If one is not valid.
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
   * Returns the exchange with the client and the scheme that the first trusted proxy saw. The client is the last address
   * of `x-forwarded-for` that is not a trusted proxy, or the first one if all are; the scheme is that of
   * `x-forwarded-proto`. Without either field `forwarded` says both (RFC 7239). Fields of untrusted peers are ignored,
   * as are lists with a text that is not an address.
   */
  see(exchange: Exchange): Exchange {
    const { head, client } = exchange;
    if (!this.trusts(client.address)) return exchange;
    const { hops, protocols } = forwardedBy(head.headers);
    const hop = this.#clientAmong(hops);
    const scheme = schemeOf(protocols, hops.length, hop?.at);
    if (!hop && !scheme) return exchange;
    return new WrappedExchange(exchange, {
      head: scheme ? { ...head, url: head.url.replace(/^https?:/i, scheme) } : head,
      client: hop ? behind(client, hop) : client,
    });
  }

  /** Whether a peer is trusted; cached, since proxies are few and parsing their addresses is the main cost. */
  trusts(address: string): boolean {
    const known = this.#peers.get(address);
    if (known !== undefined) return known;
    const octets = octetsOf(address);
    const trusted = octets !== undefined && this.#hasInRange(octets);
    if (this.#peers.size >= MAX_PEERS) this.#peers.clear();
    this.#peers.set(address, trusted);
    return trusted;
  }

  #hasInRange(octets: Uint8Array): boolean {
    return this.#ranges.lookup(octets) === true;
  }

  /** Finds the client in the list; undefined if an item before it is not an address. */
  #clientAmong(hops: readonly string[]): Hop | undefined {
    for (let at = hops.length - 1; at >= 0; at--) {
      const [, ipv6, ipv4, port = "0"] = WITH_PORT.exec(hops[at]!) ?? [];
      const octets = octetsOf(ipv6 ?? ipv4 ?? hops[at]!);
      if (!octets) return undefined;
      if (at === 0 || !this.#hasInRange(octets)) return { at, octets, port: Number(port) };
    }
  }
}

/** Fields that proxies have added to a request, the nearest last. */
interface Forwarded {
  readonly hops: readonly string[];
  readonly protocols: readonly string[];
}

/** `Forwarded` counts only where no other field says anything: a proxy that writes those lets a client's one pass. */
function forwardedBy(headers: HeaderList): Forwarded {
  const hops = listOf(headers, "x-forwarded-for");
  const protocols = listOf(headers, "x-forwarded-proto");
  if (hops.length || protocols.length || !headers.has("forwarded")) return { hops, protocols };
  const elements = elementsOf(headers.getAll("forwarded").join(","));
  return {
    hops: elements.map((element) => element.get("for") ?? ""),
    protocols: elements.map((element) => element.get("proto") ?? ""),
  };
}

/** Maximum number of commas in the quoted strings of an element. */
const MAX_COMMAS = 16;

/**
 * Parses the elements of `Forwarded` (RFC 7239, section 4), from the last to the first: the nearest proxy has added the
 * last, and a client may have left a quoted string open ahead of it. Of text that is no element nothing ahead is known.
 */
function elementsOf(text: string): ReadonlyMap<string, string>[] {
  const elements: ReadonlyMap<string, string>[] = [];
  for (let end = text.length; end >= 0;) {
    let start = end;
    let element: ReadonlyMap<string, string> | undefined;
    for (let commas = 0; !element && start >= 0 && commas <= MAX_COMMAS; commas++) {
      start = start === 0 ? -1 : text.lastIndexOf(",", start - 1);
      element = parametersOf(text.slice(start + 1, end));
    }
    if (!element) {
      elements.push(new Map());
      break;
    }
    if (element.size) elements.push(element);
    end = start;
  }
  return elements.reverse();
}

/** Parameter of an element with the semicolon behind it; either may be missing. It takes linear time. */
const PARAMETER = /(?:([^\s"=,;]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?[ \t]*(?:;[ \t]*|$)/sy;

/** Returns the parameters of an element by their names in lower case; undefined for text that is none. */
function parametersOf(text: string): ReadonlyMap<string, string> | undefined {
  const element = text.trim();
  const parameters = new Map<string, string>();
  for (PARAMETER.lastIndex = 0; PARAMETER.lastIndex < element.length;) {
    const found = PARAMETER.exec(element);
    if (!found) return undefined;
    const [, name, quoted, plain] = found;
    if (name === undefined) continue;
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/gs, "$1") ?? plain!);
  }
  return parameters;
}

/** Returns the facts of a client behind the proxy, whose TLS and fingerprints are not known here. */
function behind({ serverAddress, serverPort }: ClientFacts, { octets, port }: Hop): ClientFacts {
  return { address: addressOf(octets), port, serverAddress, serverPort };
}

/** Returns the items of a list field, which may be repeated (RFC 9110, section 5.6.1). */
function listOf(headers: HeaderList, name: string): string[] {
  return headers.getAll(name).join(",").split(",").map((item) => item.trim()).filter(Boolean);
}

/** Item of `x-forwarded-for`. */
interface Hop {
  /** Index in the list. */
  readonly at: number;
  readonly octets: Uint8Array;
  /** 0 if the item has none. */
  readonly port: number;
}

/** Address with an optional port, IPv6 in brackets. */
const WITH_PORT = /^(?:\[([^[\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/;

/** Returns the scheme at the client's hop if each hop has added one, otherwise the last one. */
function schemeOf(
  protocols: readonly string[],
  hops: number,
  at: number | undefined,
): string | undefined {
  const name = at !== undefined && protocols.length === hops ? protocols[at] : protocols.at(-1);
  return name && SCHEMES.get(name.toLowerCase());
}
