import type { Duplex } from "node:stream";
import type { Payload } from "./bytes.ts";
import type { ClientFacts } from "../client/client_facts.ts";
import type { HeaderList } from "./headers.ts";
import type { RequestMetrics } from "./request_metrics.ts";

export type { ClientFacts };

/** HTTP versions, by their numbers in the ABI. */
export const HttpVersion = {
  http09: 0,
  http10: 1,
  http11: 2,
  h2: 3,
  h3: 4,
} as const;
/** One of the numbers of {@linkcode HttpVersion}. */
export type HttpVersion = typeof HttpVersion[keyof typeof HttpVersion];

/** Head of a request, with its fields as they were on the wire. */
export interface RequestHead {
  /** Method, in the client's case. */
  readonly method: string;
  /** Absolute URL: scheme, authority of the Host field, then path and query as received. */
  readonly url: string;
  /** Version that the client used. */
  readonly version: HttpVersion;
  /** All fields, those of the connection and of framing included. */
  readonly headers: HeaderList;
}

/** Head of a response. */
export interface ResponseHead {
  /** Status: 102 to 199 for `inform`, 101 for `takeOver`, 200 to 999 for `respond`. */
  readonly status: number;
  /** All fields, those of framing included, which fit the body (`framing.ts`). */
  readonly headers: HeaderList;
}

/**
 * A request and the means to respond to it: the interface between the engine and a server (`server/`, a `Request`
 * handler, a test). The engine calls `respond` once (twice if it throws), after any number of calls of `inform`.
 */
export interface Exchange {
  /** Head of the request; it does not change. */
  readonly head: RequestHead;
  /** Content of the request; whole and empty if there is none. */
  readonly body: Payload;
  /** Facts of the client as the server knows them; the service's `clientFacts` may override them. */
  readonly client: ClientFacts;
  /** Metrics of the request, which the engine updates. */
  readonly metrics: RequestMetrics;
  /** Sends an informational (1xx) response, if the protocol has them. */
  inform(head: ResponseHead): void;
  /**
   * Sends the response. If the body fails, the response is cut short. If this call throws, nothing was sent: it is called
   * once more, with a 500.
   */
  respond(head: ResponseHead, body: Payload): void;
  /** Cuts short a response whose client does not read it, and cancels its body. Does nothing once all of it was sent. */
  cut?(reason: Error): void;
  /** Calls back if the client disconnects before all of its response was sent. */
  onGone(callback: (reason: Error) => void): void;
  /**
   * Responds with status 101 and hands over the client's connection (RFC 9110, section 7.8). Defined only for a request
   * with an Upgrade field over a server with connections.
   *
   * @returns The connection, with the bytes that followed the request; undefined if the client has disconnected.
   */
  takeOver?(head: ResponseHead): Duplex | undefined;
}
