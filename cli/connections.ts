import type { Socket } from "node:net";
import type { ClientFacts } from "../service/exchange.ts";
import type { WireExchange } from "./wire_exchange.ts";

/** What is known of one connection, and what runs on it. */
export interface Connection {
  readonly client: ClientFacts;
  readonly running: Set<WireExchange>;
}

/** The open connections of a listener. */
export class Connections {
  readonly #open = new Map<Socket, Connection>();

  get count(): number {
    return this.#open.size;
  }

  of(socket: Socket): Connection | undefined {
    return this.#open.get(socket);
  }

  add(socket: Socket): void {
    const connection = { client: factsOf(socket), running: new Set<WireExchange>() };
    this.#open.set(socket, connection);
    socket.on("close", () => {
      this.#open.delete(socket);
      if (!connection.running.size) return;
      const gone = new Error("The client has left before its response was complete");
      for (const exchange of [...connection.running]) exchange.closed(gone);
    });
  }

  /** Cuts the connections that no request runs on; the others close after their response. */
  retire(): void {
    for (const [socket, { running }] of this.#open) {
      if (!running.size) socket.destroy();
      for (const exchange of running) exchange.lastOfConnection();
    }
  }

  /** Ends them all, and tells so at once: the process may not live to see them closed. */
  cut(): void {
    const reason = new Error("The connection was cut: the server stops");
    for (const [socket, { running }] of this.#open) {
      socket.destroy();
      for (const exchange of [...running]) exchange.closed(reason);
    }
  }
}

/** Read when the connection opens: a closed socket no longer knows its addresses. */
function factsOf(socket: Socket): ClientFacts {
  return {
    address: plain(socket.remoteAddress),
    port: socket.remotePort ?? 0,
    serverAddress: plain(socket.localAddress),
    serverPort: socket.localPort ?? 0,
  };
}

/** An IPv4 client of a dual-stack socket has an IPv4 address. */
function plain(address: string | undefined): string {
  if (!address) return "0.0.0.0";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
