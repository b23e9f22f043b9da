import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import type { NetConnectOpts, Socket } from "node:net";
import type { HeaderList } from "./headers.ts";

/** How long a connection is good for the next request, in milliseconds; a backend's `Keep-Alive` may shorten it. */
const MOST_IDLE_MS = 55_000;
// The agent's own `timeout` for idle connections would cost a sixth of the throughput: see `#closeStale`.
const KEEP_ALIVE = { keepAlive: true };

type Connect = (tcp: NetConnectOpts) => Socket;

/** The connections to one backend, kept for the next request. */
export class HttpPool {
  readonly #secure: (() => Connect) | undefined;
  /** When the backend may close a connection if it is idle, on the clock of `performance.now`. */
  readonly #staleAt = new WeakMap<Socket, number>();
  #agent: Agent | undefined;

  /** @param secure Makes what opens connections over TLS; it may throw, and is asked again then. */
  constructor(secure?: () => Connect) {
    this.#secure = secure;
  }

  /** What `node:http` takes connections from, rid of those that should not be used again. */
  agent(): Agent {
    const agent = this.#agent ??= this.#secure
      ? new TlsAgent(this.#secure())
      : new Agent(KEEP_ALIVE);
    this.#closeStale(agent);
    return agent;
  }

  /** Notes that the connection was in use, and how long it may be idle by the response's fields. */
  note(socket: Socket, headers: HeaderList): void {
    this.#staleAt.set(socket, performance.now() + idleTime(headers));
  }

  closeIdle(): void {
    for (const sockets of Object.values(this.#agent?.freeSockets ?? {})) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  /** Closes what is idle, and what is in use as soon as it becomes idle. The pool can be used again. */
  close(): void {
    if (this.#agent) this.#agent.maxFreeSockets = 0;
    this.closeIdle();
    this.#agent = undefined;
  }

  /** Closes connections that the backend may be about to close, so that no request meets that end. */
  #closeStale(agent: Agent): void {
    const now = performance.now();
    for (const sockets of Object.values(agent.freeSockets)) {
      for (const socket of sockets ?? []) { // the one used longest ago first
        if (now < (this.#staleAt.get(socket) ?? Infinity)) break;
        socket.destroy();
      }
    }
  }
}

/** Opens connections itself: `node:https` may read the certificates of the system, which needs permissions. */
class TlsAgent extends SecureAgent {
  readonly #connect: Connect;

  constructor(connect: Connect) {
    super(KEEP_ALIVE);
    this.#connect = connect;
  }

  override createConnection(tcp: NetConnectOpts): Socket {
    return this.#connect(tcp);
  }
}

/** How long the connection of a response with these fields is good for when idle, in milliseconds. */
function idleTime(headers: HeaderList): number {
  const seconds = /\btimeout=(\d+)/i.exec(headers.get("keep-alive") ?? "")?.[1];
  return seconds ? Math.min(MOST_IDLE_MS, Number(seconds) * 1000 - 1000) : MOST_IDLE_MS;
}
