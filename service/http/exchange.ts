import type { Duplex } from "node:stream";
import type { Payload } from "./bytes.ts";
import type { ClientFacts } from "../client/client_facts.ts";
import type { HeaderList } from "./headers.ts";
import type { RequestMetrics } from "./request_metrics.ts";

export type { ClientFacts };

/** The HTTP versions that the ABI names, by their numbers there. */
export const HttpVersion = {
  http09: 0,
  http10: 1,
  http11: 2,
  h2: 3,
  h3: 4,
} as const;
/** One of the numbers of {@linkcode HttpVersion}. */
export type HttpVersion = typeof HttpVersion[keyof typeof HttpVersion];

/** A request's head as the wire had it. */
export interface RequestHead {
  /** The method token, in the client's case. */
  readonly method: string;
  /** Absolute: scheme, authority of the Host field, then path and query as received. */
  readonly url: string;
  /** What the client spoke. */
  readonly version: HttpVersion;
  /** Every field, those of the connection and of framing included. */
  readonly headers: HeaderList;
}

/** A response's head. */
export interface ResponseHead {
  /** 102 to 199 for `inform`, 101 for `takeOver`, 200 to 999 for `respond`. */
  readonly status: number;
  /** Every field, those of framing included: they fit the body. */
  readonly headers: HeaderList;
}

/**
 * One request and the way to answer it: what the fronts (a `Request` handler, a socket, a test) have in common.
 * `respond` is called once, unless it throws; before it, `inform` any number of times.
 */
export interface Exchange {
  /** What the client asks; it does not change. */
  readonly head: RequestHead;
  /** The request's content; whole and empty when there is none. */
  readonly body: Payload;
  /** What the front itself knows, before the service's `clientFacts` have their say. */
  readonly client: ClientFacts;
  /** What the answer takes. */
  readonly metrics: RequestMetrics;
  /** Sends an informational (1xx) head ahead of the response, where the front can. */
  inform(head: ResponseHead): void;
  /**
   * Sends the response. A source that fails cuts the client's message short. One that throws has sent nothing: it is
   * called once more, with a 500.
   */
  respond(head: ResponseHead, body: Payload): void;
  /**
   * Ends a response whose client takes nothing of it: the client's message is cut short, and what is left of it is given
   * up. Does nothing when it has gone out whole.
   */
  cut?(reason: Error): void;
  /** Calls back if the client leaves before its response has gone out whole. */
  onGone(callback: (reason: Error) => void): void;
  /**
   * Responds with a head of status 101, and gives up the client's connection with what has come on it since. Only there
   * for a request that asks to change protocols, over a front with sockets. Undefined if the client has left.
   */
  takeOver?(head: ResponseHead): Duplex | undefined;
}
