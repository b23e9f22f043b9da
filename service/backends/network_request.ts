import type { BackendOptions } from "./definition.ts";
import type { BackendRequest, BackendResponse, RequestInFlight } from "./transport.ts";
import { isWhole } from "../http/bytes.ts";
import { SendError, type SendFailure } from "../errors.ts";
import { headError } from "../http/head_limits.ts";
import type { StallClock } from "../util/stall_clock.ts";

/** Time limits of a request, in milliseconds, with their clock. */
export type Timeouts = NonNullable<BackendOptions["timeouts"]> & {
  readonly stallClock: StallClock;
};

/** Methods whose requests may be sent again (RFC 9110, section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"],
);

/** Whether a request may be sent again although the first one may have arrived. */
export function isRepeatable({ method, body }: BackendRequest): boolean {
  return IDEMPOTENT.has(method) && isWhole(body);
}

/** Returns the time for which a request waits for a free connection, in milliseconds. */
export function roomTime({ connect }: Pick<Timeouts, "connect">): number {
  return connect ?? 1000;
}

/** Content of a response that is arriving. */
interface ArrivingBody {
  readonly complete: boolean;
  fail(error: SendError): void;
}

/** Request in flight over any version of HTTP: its result and its time limits. */
export abstract class NetworkRequest implements RequestInFlight {
  readonly response: Promise<BackendResponse>;
  protected readonly request: BackendRequest;
  /** The backend's scheme, host and port, for messages. */
  protected readonly name: string;
  /** Content of the response that arrives after its head. */
  protected body: ArrivingBody | undefined;
  readonly #outcome = Promise.withResolvers<BackendResponse>();
  readonly #stallClock: StallClock;
  readonly #timers = new Set<() => void>();
  #over = false;

  constructor(request: BackendRequest, name: string, { firstByte, stallClock }: Timeouts) {
    this.request = request;
    this.name = name;
    this.#stallClock = stallClock;
    this.response = this.#outcome.promise;
    this.response.catch(() => {}); // a caller that cancels need not await it
    if (firstByte === undefined) return;
    this.failAfter(firstByte, "http_response_timeout", `no response head within ${firstByte} ms`);
  }

  cancel(): void {
    this.fail("connection_terminated", "the request was cancelled");
  }

  /** Whether it has failed or was cancelled: later events of the connection follow from that. */
  protected get over(): boolean {
    return this.#over;
  }

  /** Closes the connection or the stream. */
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

  /** Ends it with an error, which also fails a response's body that is being read. */
  protected abandon(error: SendError): void {
    if (this.#over) return;
    this.#over = true;
    this.stopTimers();
    this.#outcome.reject(error);
    this.body?.fail(error);
    this.drop(error);
  }

  /** Fails the request after `ms` milliseconds; returns a function that cancels the timer. */
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
