import { setImmediate } from "node:timers";
import type { ByteStream } from "./byte_stream.ts";

/** Longest time between two checks of all connections, in milliseconds. */
const MAX_ROUND = 5000;
/** Milliseconds that idle connections stay open when the server stops: a request may already have been sent on them. */
const GRACE_MILLIS = 250;

/** Time limits of connections, in milliseconds. */
interface ConnectionTimeouts {
  /** Until the head of a request has arrived, from its first byte or the opening of the connection. */
  readonly head: number;
  /** Until another request begins. */
  readonly idle: number;
  /** While the client reads none of the bytes written to it, or sends none of the content that a read waits for. */
  readonly stall: number;
}

/** A connection, whatever its version of HTTP. */
export interface OpenConnection {
  readonly stream: ByteStream;
  /** Number of the check at which its current wait began. */
  readonly since: number;
  /** State of waiting: for a head (the first one, or one that has begun), for another request, or for neither. */
  readonly awaits: "head" | "next" | undefined;
  /** Closes it once its requests are answered. */
  retire(): void;
  /** Closes it if it is idle: no request is being answered or has begun to arrive. */
  closeIdle(): void;
  /** Closes it, as its client has sent no whole head in time. */
  expire(): void;
  /** Ends requests whose client has moved no bytes for more than `max` checks. */
  checkProgress(max: number): void;
  /** Closes it and aborts its requests. */
  cut(reason: Error): void;
}

/** Open connections of a server, and the clock that closes those that exceed a time limit. */
export class Connections {
  /** Number of checks of all connections. */
  round = 0;
  readonly #open = new Map<ByteStream, OpenConnection>();
  readonly #timeouts: ConnectionTimeouts;
  readonly #roundMillis: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #retired = false;
  #waiting: (() => void)[] = [];

  constructor(timeouts: ConnectionTimeouts) {
    this.#timeouts = timeouts;
    this.#roundMillis = Math.min(MAX_ROUND, timeouts.head / 2, timeouts.stall / 2);
  }

  get count(): number {
    return this.#open.size;
  }

  add(connection: OpenConnection): void {
    this.#open.set(connection.stream, connection);
    if (this.#retired) connection.retire();
    this.#timer ??= setInterval(this.#check, this.#roundMillis);
  }

  /** Forgets the connection over a stream, which has closed. */
  delete(stream: ByteStream): void {
    this.#open.delete(stream);
    if (this.#open.size) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const done of this.#waiting.splice(0)) done();
  }

  /** Closes each connection once its requests are answered, also those that have already been sent. */
  async retire(): Promise<void> {
    this.#retired = true;
    for (const connection of this.#open.values()) connection.retire();
    while (this.#open.size) {
      // Those that become idle meanwhile, by the end of a response that has promised to keep them, get as long.
      const idle = Array.from(this.#open.values()).filter(({ awaits }) => awaits);
      await new Promise((resolve) => setTimeout(resolve, GRACE_MILLIS));
      await new Promise((resolve) => setImmediate(resolve)); // bytes that arrived meanwhile are read first
      for (const connection of idle) connection.closeIdle();
    }
  }

  /** Resolves when all connections have closed. */
  none(): Promise<void> {
    if (!this.#open.size) return Promise.resolve();
    return new Promise((done) => this.#waiting.push(done));
  }

  /** Closes all connections and ends their requests at once, without waiting for `close`: the process may end before. */
  cut(): void {
    const reason = new Error("The connection was cut: the server stops");
    for (const connection of this.#open.values()) connection.cut(reason);
  }

  readonly #check = (): void => {
    this.round++;
    const { head, idle, stall } = this.#timeouts;
    for (const connection of this.#open.values()) {
      connection.checkProgress(stall / this.#roundMillis);
      const { awaits, since } = connection;
      if (!awaits) continue;
      const passed = (this.round - since - 1) * this.#roundMillis;
      if (awaits === "head" && passed >= head) connection.expire();
      else if (awaits === "next" && passed >= idle) connection.closeIdle();
    }
  };
}
