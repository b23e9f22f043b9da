import type { Connector } from "./connector.ts";
import { SendError } from "../errors.ts";
import { type Http2Session, openHttp2 } from "./http2_session.ts";
import type { PoolRules } from "./http1_pool.ts";
import { roomTime, type Timeouts } from "./network_request.ts";

/** The connections in HTTP/2 to one backend. */
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

  /** @param fallback Whether the backend may choose HTTP/1.1: `take` rejects with a `NotHttp2` then. */
  constructor(connector: Connector, rules: PoolRules, timeouts: Timeouts, fallback: boolean) {
    this.#connector = connector;
    this.#rules = rules;
    this.#timeouts = timeouts;
    this.#fallback = fallback;
  }

  /** A connection with a place for one request, which the caller has to `release`. */
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
        // Those who come meanwhile share it, unless it is for one only.
        const session =
          await (this.#rules.uses === 1 ? this.#open() : this.#opening ??= this.#open());
        // A backend may end a new connection before anything is sent on it: once is no fault.
        if (!session.open && ++lost > 1) throw session.reason(this.#connector.name);
      } else if (this.#opening) await this.#opening;
      else await this.#room(until);
    }
  }

  /** Closes what is idle, so that the next request gets a new connection. */
  closeIdle(): void {
    for (const session of this.#sessions) if (session.idle) this.#drop(session);
  }

  /** Closes what is idle, and the rest when it becomes idle, what is opened from now on too. */
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

  /** Resolves when there may be a place; rejects when that takes too long. */
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
