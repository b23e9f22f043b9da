import type { Socket } from "node:net";
import type { ClientFacts } from "../service/exchange.ts";

/** A request that is being answered on a connection. */
export interface Running {
  /** Its response has gone out whole, or, with a reason, never will. */
  closed(reason?: Error): void;
  /** The connection closes after its response. */
  lastOfConnection(): void;
}

/** What is known of one connection, and what runs on it. */
export interface Connection {
  readonly client: ClientFacts;
  readonly running: Set<Running>;
  /** Whether only plain requests have come, of which node knows nothing. */
  plain: boolean;
  /** Whether nothing at all has come. */
  silent: boolean;
  /** The last round in which a plain request began or ran. */
  round: number;
}

/** How often to look for connections that have been idle for too long, at the least. */
const MOST_ROUND = 5_000;

/** How long clients of plain connections have, in milliseconds: node sees to the others. */
export interface Patience {
  /** Until a first request. */
  readonly first: number;
  /** Between requests. */
  readonly idle: number;
  /** Ends a connection on which no request came. */
  giveUp(socket: Socket): void;
}

/** The open connections of a listener. */
export class Connections {
  /** Counts the looks for idle connections. */
  round = 0;
  readonly #open = new Map<Socket, Connection>();
  readonly #patience: Patience;
  readonly #roundMillis: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(patience: Patience) {
    this.#patience = patience;
    this.#roundMillis = Math.min(MOST_ROUND, patience.first / 2);
  }

  get count(): number {
    return this.#open.size;
  }

  of(socket: Socket): Connection | undefined {
    return this.#open.get(socket);
  }

  add(socket: Socket): Connection {
    const connection = {
      client: factsOf(socket),
      running: new Set<Running>(),
      plain: true,
      silent: true,
      round: this.round,
    };
    this.#open.set(socket, connection);
    this.#timer ??= setInterval(this.#closeIdle, this.#roundMillis);
    socket.on("close", () => {
      this.#open.delete(socket);
      if (!this.#open.size) this.#rest();
      if (!connection.running.size) return;
      const gone = new Error("The client has left before its response was complete");
      for (const exchange of [...connection.running]) exchange.closed(gone);
    });
    return connection;
  }

  readonly #closeIdle = (): void => {
    this.round++;
    const { first, idle, giveUp } = this.#patience;
    for (const [socket, connection] of this.#open) {
      if (!connection.plain) continue;
      if (connection.running.size) connection.round = this.round;
      const passed = (this.round - connection.round - 1) * this.#roundMillis;
      if (connection.silent && passed >= first) giveUp(socket);
      else if (passed >= idle) socket.destroy();
    }
  };

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
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
