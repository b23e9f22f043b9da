import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import type { Socket } from "node:net";
import type { BackendOptions } from "./definition.ts";
import type { Clock } from "../util/clock.ts";
import { type Connector, tcpKeepAlive } from "./connector.ts";
import type { HeaderList } from "../http/headers.ts";

/** Longest time for which an idle connection is kept, in milliseconds; a backend's Keep-Alive field may shorten it. */
const MAX_IDLE_MS = 55_000;

/** Limits on the connections to one backend; `Infinity` is no limit. */
export interface PoolRules {
  /** Connections open at the same time. */
  readonly connections: number;
  /** Requests on one connection. */
  readonly uses: number;
  /** Age of a connection that gets another request, in milliseconds. */
  readonly lifetime: number;
  /** Time that an idle connection is kept, in milliseconds. */
  readonly idle: number;
}

/** Returns the limits in a backend's options. */
function poolRules({ pool, keepAlive }: BackendOptions): PoolRules {
  const { maxConnections, maxUse, maxLifetime } = pool || {};
  return {
    connections: maxConnections || Infinity,
    uses: pool === false ? 1 : maxUse || Infinity,
    lifetime: maxLifetime || Infinity,
    idle: Math.min(keepAlive ?? MAX_IDLE_MS, MAX_IDLE_MS),
  };
}

/** Record of a connection; times are of {@linkcode Clock.elapsed}. */
interface Use {
  readonly since: number;
  count: number;
  /** Time from which on the backend may close it while it is idle. */
  staleAt: number;
}

/** HTTP/1 connections to one backend, which are kept for the next request. */
export class Http1Pool {
  readonly rules: PoolRules;
  readonly #connector: Connector;
  readonly #options: BackendOptions;
  readonly #clock: Clock;
  readonly #uses = new WeakMap<Socket, Use>();
  /** Connections that are open and have carried no request. */
  readonly #ready: Socket[] = [];
  readonly #stands = new WeakSet<Socket>();
  #agent: Agent | undefined;
  #closed = false;

  constructor(connector: Connector, options: BackendOptions, clock: Clock) {
    this.#clock = clock;
    this.#connector = connector;
    this.#options = options;
    this.rules = poolRules(options);
  }

  /** Returns the agent for `node:http`, after closing connections that must not be used again. */
  agent(): Agent {
    const agent = this.#agent ??= this.#makeAgent();
    this.#closeStale(agent);
    return agent;
  }

  /** Adds an open connection for the next request. */
  offer(socket: Socket): void {
    if (this.#closed) return void socket.destroy();
    this.#stands.add(socket);
    this.#ready.push(socket);
  }

  /** Whether the connection was open before its first request. */
  stands(socket: Socket): boolean {
    return this.#stands.has(socket);
  }

  /** Notes a response with these fields; returns whether its connection may be used again. */
  note(socket: Socket, headers: HeaderList): boolean {
    const { uses, lifetime, idle } = this.rules;
    const now = this.#clock.elapsed();
    const use = this.#useOf(socket, now);
    use.count++;
    use.staleAt = Math.min(now + idleTime(headers, idle), use.since + lifetime);
    return !this.#closed && use.count < uses && use.staleAt > now;
  }

  closeIdle(): void {
    for (const sockets of Object.values(this.#agent?.freeSockets ?? {})) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  /** Closes idle connections, and those in use as soon as they become idle. Later requests get connections that are not kept. */
  close(): void {
    this.#closed = true;
    if (this.#agent) this.#agent.maxFreeSockets = 0;
    this.closeIdle();
    for (const socket of this.#ready.splice(0)) socket.destroy();
    this.#agent = undefined;
  }

  #makeAgent(): Agent {
    const { connections, uses } = this.rules;
    // Idle connections are closed by `#closeStale`: the agent's own `timeout` sets a timer for each request.
    const options = { keepAlive: uses > 1 && !this.#closed, maxSockets: connections };
    const agent = this.#connector.secure ? new SecureAgent(options) : new Agent(options);
    // Connections are opened here, since `node:https` may read the system's certificates, which needs permissions.
    Object.assign(agent, { createConnection: () => this.#connect() });
    const { tcpKeepAlive: settings } = this.#options;
    if (settings) keepAliveAs(agent, tcpKeepAlive(settings));
    return agent;
  }

  #connect(): Socket {
    const socket = this.#ready.shift() ?? this.#connector.open();
    this.#useOf(socket, this.#clock.elapsed());
    return socket;
  }

  #useOf(socket: Socket, now: number): Use {
    const known = this.#uses.get(socket);
    if (known) return known;
    const use = { since: now, count: 0, staleAt: Infinity };
    this.#uses.set(socket, use);
    return use;
  }

  /** Closes idle connections that the backend may be about to close, so that no request is sent on them. */
  #closeStale(agent: Agent): void {
    const now = this.#clock.elapsed();
    for (const sockets of Object.values(agent.freeSockets)) {
      for (const socket of [...sockets ?? []]) {
        if (now >= (this.#uses.get(socket)?.staleAt ?? Infinity)) socket.destroy();
      }
    }
  }
}

/** Makes an agent use these settings for idle connections, in place of a TCP keep-alive of its own. */
function keepAliveAs(
  agent: Agent,
  { keepAlive, keepAliveInitialDelay }: ReturnType<typeof tcpKeepAlive>,
): void {
  const keep = agent.keepSocketAlive.bind(agent);
  agent.keepSocketAlive = (socket: Socket) => {
    const kept = keep(socket);
    socket.setKeepAlive(keepAlive, keepAliveInitialDelay);
    return kept;
  };
}

/** Returns the time for which the connection of a response with these fields is kept while idle, in milliseconds. */
function idleTime(headers: HeaderList, max: number): number {
  const seconds = /\btimeout=(\d+)/i.exec(headers.get("keep-alive") ?? "")?.[1];
  return seconds ? Math.min(max, Number(seconds) * 1000 - 1000) : max;
}
