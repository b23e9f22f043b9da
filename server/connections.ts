import { setImmediate } from "node:timers";
import type { Connection } from "./connection.ts";

/** How often to look for connections that have waited for too long, at the least, in milliseconds. */
const MAX_ROUND = 5000;
/** Milliseconds for which idle connections stay open when the server stops: a request may be on its way on them. */
const GRACE_MILLIS = 250;

/** How long connections may wait, in milliseconds. */
export interface Patience {
  /** For a request's head, from its first byte or from the opening of the connection. */
  readonly head: number;
  /** For another request. */
  readonly idle: number;
  /** For a client that takes nothing of what is written to it, or sends nothing of the content that is waited for. */
  readonly stall: number;
}

/** The open connections of a listener, and the clock that closes those that wait for too long. */
export class Connections {
  /** Counts the looks at all connections. */
  round = 0;
  readonly #open = new Set<Connection>();
  readonly #patience: Patience;
  readonly #roundMillis: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #retired = false;
  #waiting: (() => void)[] = [];

  constructor(patience: Patience) {
    this.#patience = patience;
    this.#roundMillis = Math.min(MAX_ROUND, patience.head / 2, patience.stall / 2);
  }

  get count(): number {
    return this.#open.size;
  }

  add(connection: Connection): void {
    this.#open.add(connection);
    if (this.#retired) connection.retire();
    this.#timer ??= setInterval(this.#look, this.#roundMillis);
  }

  delete(connection: Connection): void {
    this.#open.delete(connection);
    if (this.#open.size) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const done of this.#waiting.splice(0)) done();
  }

  /** Closes each connection when it has answered what is on its way on it. */
  async retire(): Promise<void> {
    this.#retired = true;
    for (const connection of this.#open) connection.retire();
    if (this.#open.size) await new Promise((resolve) => setTimeout(resolve, GRACE_MILLIS));
    await new Promise((resolve) => setImmediate(resolve)); // what has come meanwhile is read first
    for (const connection of this.#open) connection.closeIdle();
  }

  /** Resolves when all connections have closed. */
  none(): Promise<void> {
    if (!this.#open.size) return Promise.resolve();
    return new Promise((done) => this.#waiting.push(done));
  }

  /** Ends them all, and tells so at once: the process may not live to see them closed. */
  cut(): void {
    const reason = new Error("The connection was cut: the server stops");
    for (const connection of this.#open) connection.cut(reason);
  }

  readonly #look = (): void => {
    this.round++;
    const { head, idle, stall } = this.#patience;
    for (const connection of this.#open) {
      connection.look(stall / this.#roundMillis);
      const { awaits, since } = connection;
      if (!awaits) continue;
      const passed = (this.round - since - 1) * this.#roundMillis;
      if (awaits === "head" && passed >= head) connection.expire();
      else if (awaits === "next" && passed >= idle) connection.closeIdle();
    }
  };
}
