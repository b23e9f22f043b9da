import type { Socket } from "node:net";
import type { ClientFacts } from "../service/http/exchange.ts";

/** The addresses of a socket's ends, read when it opens: a closed one no longer knows them. */
export function factsOf(socket: Socket): ClientFacts {
  return {
    address: withoutMapping(socket.remoteAddress),
    port: socket.remotePort ?? 0,
    serverAddress: withoutMapping(socket.localAddress),
    serverPort: socket.localPort ?? 0,
  };
}

/** An IPv4 client of a dual-stack socket has an IPv4 address. */
function withoutMapping(address: string | undefined): string {
  if (!address) return "0.0.0.0";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** A host as it stands in a URL. */
export function hostInUrl(hostname: string): string {
  if (hostname === "") return "localhost";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
