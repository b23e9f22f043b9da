import type { Socket } from "node:net";
import type { BackendOptions } from "./definition.ts";
import type { Clock } from "../util/clock.ts";
import type { Connector } from "./connector.ts";
import { type ConnectionOwner, Http1Connection } from "./http1_connection.ts";

/** Longest time for which an idle connection is kept, in milliseconds; a backend's Keep-Alive field may shorten it. */
const MAX_IDLE_MS = 55_000;

/** Time in which a backend that has answered must take some of the rest of a request, in milliseconds. */
const MAX_BEHIND_MS = 60_000;

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

/** Request that waits for a connection. */
interface Waiter {
  /** Whether the connection must be one that no other request has used. */
  readonly needsNew: boolean;
  /** Called with the connection, or with the error of one that cannot be opened. */
  use(connection: Http1Connection | undefined, error?: unknown): void;
}

/** HTTP/1 connections to one backend, which are kept for the next request. */
export class Http1Pool implements ConnectionOwner {
  readonly rules: PoolRules;
  readonly #connector: Connector;
  readonly #clock: Clock;
  readonly #mayUpgrade: boolean;
  readonly #all = new Set<Http1Connection>();
  /** Connections that no request uses, the latest used last. */
  readonly #idle: Http1Connection[] = [];
  /** Requests that wait for a connection, the first one first. */
  readonly #waiting = new Set<Waiter>();
  #closed = false;
  /** Time of the latest check of those connections whose request is still being sent. */
  #checkedAt = 0;

  /** @param mayUpgrade Whether its connections may be handed on for another protocol. */
  constructor(connector: Connector, options: BackendOptions, clock: Clock, mayUpgrade = false) {
    this.#clock = clock;
    this.#connector = connector;
    this.#mayUpgrade = mayUpgrade;
    this.rules = poolRules(options);
  }

  /** Whether a connection is kept after its next request. */
  get keeps(): boolean {
    return this.rules.uses > 1 && !this.#closed;
  }

  /**
   * Returns a connection for a request: one that is idle, or a new one. Undefined if as many as may be are in use.
   *
   * @throws {SendError} If the backend's options are not valid.
   */
  take(): Http1Connection | undefined {
    const idle = this.#takeIdle();
    if (idle) return idle;
    this.#checkProgress();
    return this.#all.size < this.rules.connections ? this.#open(this.#connector) : undefined;
  }

  /**
   * Waits for a connection.
   *
   * @returns Function that ends the wait.
   */
  wait(waiter: Waiter): () => void {
    this.#waiting.add(waiter);
    return () => this.#waiting.delete(waiter);
  }

  /** Adds an open connection for the next request. */
  offer(socket: Socket): void {
    if (this.#closed) return void socket.destroy();
    const connection = this.#open(socket);
    connection.staleAt = connection.since + this.rules.idle;
    this.#keep(connection);
  }

  onFree(connection: Http1Connection, idleSeconds: number | undefined): void {
    const { uses, lifetime, idle } = this.rules;
    const now = this.#clock.elapsed();
    const kept = idleSeconds === undefined ? idle : Math.min(idle, idleSeconds * 1000 - 1000);
    connection.staleAt = Math.min(now + kept, connection.since + lifetime);
    const lasts = !this.#closed && connection.uses < uses && connection.staleAt > now;
    if (!lasts) return connection.close();
    const [next] = this.#waiting;
    if (next?.needsNew) return connection.close();
    if (!next) return this.#keep(connection);
    this.#waiting.delete(next);
    next.use(connection);
  }

  onClosed(connection: Http1Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#all.size >= this.rules.connections) return;
    const [next] = this.#waiting;
    if (!next) return;
    this.#waiting.delete(next);
    try {
      next.use(this.#open(this.#connector));
    } catch (error) {
      next.use(undefined, error);
    }
  }

  closeIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /**
   * Closes idle connections, and those in use as soon as they become idle. Later requests get connections that are not
   * kept.
   */
  close(): void {
    this.#closed = true;
    this.closeIdle();
  }

  /** Closes connections that a backend holds by taking no more of a request that it has answered. */
  #checkProgress(): void {
    const now = this.#clock.elapsed();
    if (now - this.#checkedAt < MAX_BEHIND_MS) return;
    this.#checkedAt = now;
    for (const connection of this.#all) connection.checkProgress();
  }

  #keep(connection: Http1Connection): void {
    connection.socket.unref(); // an idle connection does not keep the process alive
    this.#idle.push(connection);
  }

  #open(source: Connector | Socket): Http1Connection {
    const { name } = this.#connector;
    const now = this.#clock.elapsed();
    const connection = new Http1Connection(name, source, this, now, this.#mayUpgrade);
    this.#all.add(connection);
    return connection;
  }

  /** Returns the connection that was used last, after closing those that the backend may be about to close. */
  #takeIdle(): Http1Connection | undefined {
    if (!this.#idle.length) return undefined;
    const now = this.#clock.elapsed();
    if (this.#idle.some(({ staleAt }) => now >= staleAt)) this.#closeStale(now);
    for (let connection; (connection = this.#idle.pop());) {
      if (!connection.idle) continue;
      connection.socket.ref();
      return connection;
    }
    return undefined;
  }

  #closeStale(now: number): void {
    for (const connection of this.#idle.splice(0)) {
      if (now >= connection.staleAt) connection.destroy();
      else this.#idle.push(connection);
    }
  }
}
