import type { Socket } from "node:net";
import type { ClientFacts } from "../service/http/exchange.ts";

/** Returns the addresses and ports of both ends of a socket. Called when it opens: a closed socket has none. */
export function factsOf(socket: Socket): ClientFacts {
  return {
    address: withoutMapping(socket.remoteAddress),
    port: socket.remotePort ?? 0,
    serverAddress: withoutMapping(socket.localAddress),
    serverPort: socket.localPort ?? 0,
  };
}

/** Returns the IPv4 address of an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2). */
function withoutMapping(address: string | undefined): string {
  if (!address) return "0.0.0.0";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** Returns a host in the notation of URLs: IPv6 addresses in brackets (RFC 3986, section 3.2.2). */
export function hostInUrl(hostname: string): string {
  if (hostname === "") return "localhost";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
