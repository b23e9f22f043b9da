import type { BackendOptions } from "./definition.ts";
import type { BackendRequest, RequestInFlight, Transport } from "./transport.ts";
import { isWhole } from "../http/bytes.ts";
import { connectorOf } from "./connector.ts";
import type { SendError } from "../errors.ts";
import { sendUpgrade } from "./upgrade.ts";
import { type Http1Origin, Http1Request } from "./http1_request.ts";
import { Http2Pool, type SessionTaker } from "./http2_pool.ts";
import { Http2Request } from "./http2_request.ts";
import { type Http2Session, NotHttp2 } from "./http2_session.ts";
import { Http1Pool } from "./http1_pool.ts";
import { onceLoaded } from "./late_transport.ts";
import { StallClock } from "../util/stall_clock.ts";
import { toSendError } from "./send_errors.ts";
import { NetworkRequest, type Timeouts } from "./network_request.ts";

/** Longest timer of the platform, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Makes a transport over HTTP/1.1 or HTTP/2, whose connections are kept for the next request. Options that are not valid
 * fail each send, not this call.
 */
export function httpTransport(
  options: BackendOptions,
  stallClock: StallClock = new StallClock(),
): Transport {
  const { clock } = stallClock;
  const connector = connectorOf(options);
  const pool = new Http1Pool(connector, options, clock);
  const origin: Http1Origin = { connector, timeouts: timeoutsOf(options, stallClock), pool };
  const http1: Required<Transport> = {
    send: (request) => new Http1Request(request, origin),
    upgrade: (request) =>
      sendUpgrade(request, {
        ...origin,
        pool: new Http1Pool(connector, { ...options, pool: false }, clock, true),
      }),
    close: () => pool.close(),
  };
  const fallback = !options.grpc;
  if (fallback && !connector.secure) return http1;
  if (fallback && options.http2 === false) return onceLoaded(http1);
  const sessions = new Http2Pool(connector, pool.rules, origin.timeouts, fallback);
  const either = new NegotiatedOrigin(origin, sessions);
  return onceLoaded({
    ...http1,
    send: (request) => either.send(request),
    close() {
      pool.close();
      sessions.close();
    },
  });
}

/** Returns the time limits that are set, capped at the longest timer of the platform. */
function timeoutsOf({ timeouts = {} }: BackendOptions, stallClock: StallClock): Timeouts {
  const limits = Object.entries(timeouts).filter(([, ms]) => ms);
  const bounded = Object.fromEntries(limits.map(([name, ms]) => [name, Math.min(ms, MAX_TIMER)]));
  return { ...bounded, stallClock };
}

/** Origin that may support HTTP/2, with the version that it selected last. */
class NegotiatedOrigin {
  readonly http1: Http1Origin;
  readonly #sessions: Http2Pool;
  #speaksHttp1 = false;

  constructor(http1: Http1Origin, sessions: Http2Pool) {
    this.http1 = http1;
    this.#sessions = sessions;
  }

  send(request: BackendRequest): RequestInFlight {
    return this.#speaksHttp1
      ? new Http1Request(request, this.http1)
      : new NegotiatedRequest(request, this);
  }

  /** Reserves an HTTP/2 connection for one request; undefined if the backend chooses HTTP/1.1. */
  async session(taker: SessionTaker): Promise<Http2Session | undefined> {
    try {
      return await this.#sessions.take(taker);
    } catch (error) {
      if (!(error instanceof NotHttp2)) throw error;
      const socket = error.takeSocket(); // several requests may have waited for it
      if (socket) this.http1.pool.offer(socket);
      this.#speaksHttp1 = true;
      return undefined;
    }
  }

  /** Closes idle connections, since one of the same age was found closed. */
  closeIdle(): void {
    this.#sessions.closeIdle();
  }
}

/** A request that is sent once the version of HTTP is negotiated. */
class NegotiatedRequest extends NetworkRequest {
  readonly #origin: NegotiatedOrigin;
  readonly #taker: SessionTaker = {};
  #inFlight: RequestInFlight | undefined;

  constructor(request: BackendRequest, origin: NegotiatedOrigin) {
    super(request, origin.http1.connector.name, origin.http1.timeouts);
    this.#origin = origin;
    this.#start(true).catch((error) => this.abandon(toSendError(error, this.name)));
  }

  async #start(mayRetry: boolean): Promise<void> {
    const { connector, timeouts, pool } = this.#origin.http1;
    const session = await this.#origin.session(this.#taker);
    if (this.over) return session?.release();
    const { firstByte: _, ...others } = timeouts; // this request has its timer already
    const inFlight = this.#inFlight = session
      ? new Http2Request(this.request, connector.name, session, others)
      : new Http1Request(this.request, { connector, timeouts: others, pool });
    try {
      this.resolve(await inFlight.response);
    } catch (error) {
      if (!mayRetry || !(inFlight instanceof Http2Request) || !inFlight.unseen) throw error;
      this.#origin.closeIdle();
      await this.#start(false);
    }
  }

  protected override drop(error: SendError): void {
    const { body } = this.request;
    this.#taker.leave?.();
    if (this.#inFlight) this.#inFlight.cancel();
    else if (!isWhole(body)) body.cancel(error);
  }
}
