import type { Connector } from "./connector.ts";
import { SendError } from "../errors.ts";
import { type Http2Session, openHttp2 } from "./http2_session.ts";
import type { PoolRules } from "./http1_pool.ts";
import { roomTime, type Timeouts } from "./network_request.ts";

/** Request that takes a connection. */
export interface SessionTaker {
  /** Tells that the request was given up; set while it waits for a connection that is being opened. */
  leave?: (() => void) | undefined;
}

/** Connection that is being opened. */
interface Opening {
  readonly session: Promise<Http2Session>;
  readonly abort: AbortController;
  /** Number of requests that wait for it. */
  waiting: number;
}

/** HTTP/2 connections to one backend. */
export class Http2Pool {
  readonly #connector: Connector;
  readonly #rules: PoolRules;
  readonly #timeouts: Timeouts;
  readonly #fallback: boolean;
  readonly #sessions = new Set<Http2Session>();
  readonly #waiting = new Set<() => void>();
  /** The connection that is being opened for all requests that need one. */
  #opening: Opening | undefined;
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
  async take(taker: SessionTaker): Promise<Http2Session> {
    const until = this.#timeouts.stallClock.now + roomTime(this.#timeouts);
    let lost = 0;
    for (;;) {
      this.#closeWorn();
      for (const session of this.#sessions) {
        if (!session.free) continue;
        session.reserve();
        return session;
      }
      if (this.#opening || this.#sessions.size + this.#beingOpened < this.#rules.connections) {
        const session = await this.#join(taker);
        // A backend may close a new connection before a request is sent on it, which is a failure only the second time.
        if (!session.open && ++lost > 1) throw session.reason(this.#connector.name);
      } else await this.#room(until);
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

  /** Waits for a connection that is being opened; it is given up when all who wait for it have left. */
  async #join(taker: SessionTaker): Promise<Http2Session> {
    // Requests that arrive meanwhile share it, unless it may carry only one.
    const opening = this.#rules.uses === 1 ? this.#open() : this.#opening ??= this.#open();
    opening.waiting++;
    taker.leave = () => {
      taker.leave = undefined;
      if (--opening.waiting > 0) return;
      if (this.#opening === opening) this.#opening = undefined;
      opening.abort.abort();
    };
    try {
      return await opening.session;
    } finally {
      taker.leave = undefined;
    }
  }

  #open(): Opening {
    this.#beingOpened++;
    const abort = new AbortController();
    const connecting = openHttp2(
      this.#connector,
      this.#rules,
      this.#timeouts,
      this.#fallback,
      abort.signal,
    );
    const session = connecting.then((session) => {
      session.onChange = () => this.#changed(session);
      this.#sessions.add(session);
      return session;
    }).finally(() => {
      this.#beingOpened--;
      if (this.#opening === opening) this.#opening = undefined;
      for (const wake of this.#waiting) wake();
    });
    const opening: Opening = { session, abort, waiting: 0 };
    return opening;
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
