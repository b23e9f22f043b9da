import type { Connector } from "./connector.ts";
import { SendError } from "../errors.ts";
import { type Http2Session, openHttp2 } from "./http2_session.ts";
import type { PoolRules } from "./http1_pool.ts";
import { roomTime, type Timeouts } from "./network_request.ts";

/** HTTP/2 connections to one backend. */
export class Http2Pool {
  readonly #connector: Connector;
  readonly #rules: PoolRules;
  readonly #timeouts: Timeouts;
  readonly #fallback: boolean;
  readonly #sessions = new Set<Http2Session>();
  readonly #waiting = new Set<() => void>();
  #opening: Promise<Http2Session> | undefined;
  #beingOpened = 0;
  #closed = false;

  /** @param fallback Whether the backend may choose HTTP/1.1; then `take` rejects with a `NotHttp2`. */
  constructor(connector: Connector, rules: PoolRules, timeouts: Timeouts, fallback: boolean) {
    this.#connector = connector;
    this.#rules = rules;
    this.#timeouts = timeouts;
    this.#fallback = fallback;
  }

  /** Returns a connection on which one request is reserved; the caller must `release` it. */
  async take(): Promise<Http2Session> {
    const until = this.#timeouts.stallClock.now + roomTime(this.#timeouts);
    let lost = 0;
    for (;;) {
      this.#closeWorn();
      for (const session of this.#sessions) {
        if (!session.free) continue;
        session.reserve();
        return session;
      }
      if (this.#sessions.size + this.#beingOpened < this.#rules.connections) {
        // Requests that arrive meanwhile share it, unless it may carry only one.
        const session =
          await (this.#rules.uses === 1 ? this.#open() : this.#opening ??= this.#open());
        // A backend may close a new connection before a request is sent on it, which is a failure only the second time.
        if (!session.open && ++lost > 1) throw session.reason(this.#connector.name);
      } else if (this.#opening) await this.#opening;
      else await this.#room(until);
    }
  }

  /** Closes idle connections, so that the next request gets a new one. */
  closeIdle(): void {
    for (const session of this.#sessions) if (session.idle) this.#drop(session);
  }

  /** Closes idle connections, and all others when they become idle. */
  close(): void {
    this.#closed = true;
    this.closeIdle();
  }

  async #open(): Promise<Http2Session> {
    this.#beingOpened++;
    try {
      const session = await openHttp2(
        this.#connector,
        this.#rules,
        this.#timeouts,
        this.#fallback,
      );
      session.onChange = () => this.#changed(session);
      this.#sessions.add(session);
      return session;
    } finally {
      this.#beingOpened--;
      this.#opening = undefined;
    }
  }

  #changed(session: Http2Session): void {
    if (session.idle && this.#closed) this.#drop(session);
    else if (session.idle && !session.open) this.#sessions.delete(session);
    for (const wake of this.#waiting) wake();
  }

  #closeWorn(): void {
    for (const session of this.#sessions) {
      if (session.idle && !session.lasts) this.#drop(session);
    }
  }

  #drop(session: Http2Session): void {
    this.#sessions.delete(session);
    session.close();
  }

  /** Resolves when a connection may have room for a request; rejects at the time `until`. */
  async #room(until: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const expire = () =>
      reject(
        new SendError(
          "connection_limit_reached",
          `Cannot get a response from ${this.#connector.name}: each of its ${this.#rules.connections} ` +
            `connections was in use for ${roomTime(this.#timeouts)} ms`,
        ),
      );
    const { stallClock } = this.#timeouts;
    const cancel = stallClock.after(Math.max(0, until - stallClock.now), expire);
    this.#waiting.add(resolve);
    try {
      await promise;
    } finally {
      cancel();
      this.#waiting.delete(resolve);
    }
  }
}
