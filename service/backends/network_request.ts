import type { BackendOptions } from "./definition.ts";
import type { BackendRequest, BackendResponse, RequestInFlight } from "./transport.ts";
import { isWhole } from "../http/bytes.ts";
import { SendError, type SendFailure } from "../errors.ts";
import { headError } from "../http/head_limits.ts";
import type { ResponseBody } from "./response_body.ts";
import type { StallClock } from "../util/stall_clock.ts";

/** How long the phases of a request may take, in milliseconds, and what counts them. */
export type Timeouts = NonNullable<BackendOptions["timeouts"]> & {
  readonly stallClock: StallClock;
};

/** What may be sent again when the first connection was dead. */
const IDEMPOTENT: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"],
);

/** Whether the request may be sent a second time when nobody knows whether it has arrived. */
export function isRepeatable({ method, body }: BackendRequest): boolean {
  return IDEMPOTENT.has(method) && isWhole(body);
}

/** How long a request waits for a connection to be free, in milliseconds. */
export function roomTime({ connect }: Pick<Timeouts, "connect">): number {
  return connect ?? 1000;
}

/** A request on its way to a backend, whichever version of HTTP carries it: its outcome, its end, its time limits. */
export abstract class NetworkRequest implements RequestInFlight {
  readonly response: Promise<BackendResponse>;
  protected readonly request: BackendRequest;
  /** The backend's scheme, host and port, for messages. */
  protected readonly name: string;
  protected body: ResponseBody | undefined;
  readonly #outcome = Promise.withResolvers<BackendResponse>();
  readonly #stallClock: StallClock;
  readonly #timers = new Set<() => void>();
  #over = false;

  constructor(request: BackendRequest, name: string, { firstByte, stallClock }: Timeouts) {
    this.request = request;
    this.name = name;
    this.#stallClock = stallClock;
    this.response = this.#outcome.promise;
    this.response.catch(() => {}); // who cancels need not look at the outcome
    if (firstByte === undefined) return;
    this.failAfter(firstByte, "http_response_timeout", `no response head within ${firstByte} ms`);
  }

  cancel(): void {
    this.fail("connection_terminated", "the request was cancelled");
  }

  /** Whether it was given up: what the wire reports from then on is only the echo of that. */
  protected get over(): boolean {
    return this.#over;
  }

  /** Lets go of the wire. */
  protected abstract drop(error: SendError): void;

  protected resolve(response: BackendResponse): void {
    const error = headError(response.headers, this.request.limits, this.name);
    if (error) return this.abandon(error);
    this.stopTimers();
    this.#outcome.resolve(response);
  }

  protected fail(failure: SendFailure, state: string, cause?: unknown): void {
    const message = `Cannot get a response from ${this.name}: ${state}`;
    this.abandon(new SendError(failure, message, { cause }));
  }

  /** Gives up. A response that was there already fails its reader. */
  protected abandon(error: SendError): void {
    if (this.#over) return;
    this.#over = true;
    this.stopTimers();
    this.#outcome.reject(error);
    this.body?.fail(error);
    this.drop(error);
  }

  /** Fails when the time has passed; answers what prevents it. */
  protected failAfter(ms: number, failure: SendFailure, state: string): () => void {
    const cancel = this.#stallClock.after(ms, () => this.fail(failure, state));
    this.#timers.add(cancel);
    return cancel;
  }

  protected stopTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}
