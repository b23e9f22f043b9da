import { discard, EMPTY, isWhole, type Payload } from "../service/http/bytes.ts";
import { describe, HostError, messageOf, refuse, SendError } from "../service/errors.ts";
import { briefText, tellsDetails } from "../service/http/error_text.ts";
import type { Exchange } from "../service/http/exchange.ts";
import { frameInformational, frameResponse } from "../service/http/framing.ts";
import { reply } from "../service/http/reply.ts";
import { type BodyWatcher, sourceOf, WatchedBody } from "../service/http/watched_body.ts";
import { describeLimit } from "../service/limits.ts";
import type { Service } from "../service/service.ts";
import type { RequestMetrics } from "../service/http/request_metrics.ts";
import { Deadline } from "../service/util/deadlines.ts";
import {
  DelegatedResponse,
  type DownstreamResponse,
  failure,
  statusOf,
  textOf,
} from "./delegated_response.ts";
import { RetainedBody } from "./retained_body.ts";
import { Lifecycle, type RequestState } from "./lifecycle.ts";
import type { GuestResponse } from "./message.ts";
import type { PendingRequest } from "./pending_request.ts";

const EARLY_HINTS = 103;
const HANDLES_STAY =
  "The guest sent a response with status 103: its handles stay valid here, while " +
  "Fastly's network consumes them";

/**
 * Client's request inside the host: its exchange and its state. Exceptions of the exchange are logged here, and do not
 * keep the request from its end.
 */
export class DownstreamRequest {
  readonly exchange: Exchange;
  #id: string;
  /** Metrics of the request. */
  readonly metrics: RequestMetrics;
  readonly #service: Service;
  readonly #life = new Lifecycle();
  readonly #content: RetainedBody | undefined;
  #delegated: DelegatedResponse | undefined;
  /** Body of the response while it is being sent. */
  #handed: WatchedBody | undefined;
  /** Limit `wall_time`, once it has begun. */
  #wallTime: Deadline | undefined;
  /** Limit `stall_time`, once only the client and the sender of the body work on the request. */
  #stalled: Deadline | undefined;
  /** Whether the guest has sent a 103. */
  #hinted = false;

  constructor(service: Service, exchange: Exchange) {
    this.exchange = exchange;
    this.metrics = exchange.metrics;
    this.#id = this.metrics.requestId = service.nextId();
    this.#service = service;
    const { body } = exchange;
    if (isWhole(body)) return;
    this.#content = new RetainedBody(
      body,
      (step) => this.#attempt("cancel a request's body", step),
      () => this.#moved(),
    );
  }

  /** 32 hexadecimal digits. */
  get id(): string {
    return this.#id;
  }

  /** Takes over the id of a guest that was started ahead of the request. */
  takeId(id: string): void {
    this.#id = this.metrics.requestId = id;
  }

  get state(): RequestState {
    return this.#life.state;
  }

  get responded(): boolean {
    return this.#life.responded;
  }

  /** Resolves when the request is closed. */
  get closed(): Promise<void> {
    return this.#life.closed;
  }

  /** Content of the request. Closing it does not cancel it, since the request may still be handed off. */
  get body(): Payload {
    return this.#content ?? this.exchange.body;
  }

  /** Calls back if the client leaves before its response is complete. */
  onGone(callback: (reason: Error) => void): void {
    const gone = (reason: Error) =>
      this.#attempt("end a request whose client has left", () => callback(reason));
    this.#attempt("watch a client", () => this.exchange.onGone(gone));
  }

  /**
   * Starts the limit `wall_time`, at the first call.
   *
   * @param expire Called when the time is over; it replaces the callback of an earlier call.
   */
  limitWallTime(expire: () => void): void {
    if (this.#wallTime) this.#wallTime.expire = expire;
    else this.#service.wallTime.add(this.#wallTime = new Deadline(expire));
  }

  /** Ends the limit that {@linkcode DownstreamRequest.limitWallTime} has started. */
  endWallTime(): void {
    if (this.#wallTime) this.#service.wallTime.delete(this.#wallTime);
  }

  /** Enters the state `running`: a guest begins to work on the request. */
  start(): void {
    this.#life.enter("running");
  }

  /**
   * Sends the guest's response. Refused if there has been a response.
   *
   * @param body Takes the content out of the guest's body, which is not done if the response is refused.
   */
  respond(response: GuestResponse, body: () => Payload): void {
    this.#checkUnanswered();
    const payload = body();
    this.#life.enter("responded");
    this.#send(response, payload);
  }

  /**
   * Delegates the response to a pending request to a backend.
   *
   * @param failureStatus Status for the client if that request fails; by default 502, or 504 after a timeout.
   */
  respondWith(pending: PendingRequest, failureStatus?: number): void {
    this.answerLater(async (delegated) => {
      delegated.onCut = () => pending.drop();
      try {
        const { response, body } = await pending.reply();
        return { response, body: body.payload() };
      } catch (error) {
        if (!delegated.wanted) return undefined;
        const failed = this.#failureOf(error, failureStatus);
        pending.applyEdits("error", failed.response.headers);
        return failed;
      }
    });
  }

  /**
   * Delegates the response, which is then independent of the guest. Refused if there has been a response.
   *
   * @param answer Gives the response; undefined if it has taken the client's connection over.
   * @param failureStatus Status for the client if `answer` rejects with a `SendError`; by default 502, or 504 after a
   *   timeout.
   */
  answerLater(
    answer: (delegated: DelegatedResponse) => Promise<DownstreamResponse | undefined>,
    failureStatus?: number,
  ): void {
    this.#checkUnanswered();
    this.#life.enter("responded");
    const delegated = this.#delegated = new DelegatedResponse();
    const failed = (error: unknown) =>
      delegated.wanted ? this.#failureOf(error, failureStatus) : undefined;
    answer(delegated).catch(failed).then((given) => {
      if (delegated.wanted) this.#settle(delegated, given);
      else if (given) discard(given.body);
    });
    this.onGone(({ message }) => this.cutAnswer(message));
  }

  #settle(delegated: DelegatedResponse, given: DownstreamResponse | undefined): void {
    delegated.wanted = false;
    this.#delegated = undefined;
    if (given) this.#attempt("respond to a client", () => this.#send(given.response, given.body));
    else this.#endStalled(); // the connection carries another protocol now
    delegated.settle();
  }

  /** Resolves when the delegated response is done; undefined if there is none. */
  get answering(): Promise<void> | undefined {
    return this.#delegated?.done;
  }

  /**
   * Cuts the delegated response, if there is one that has not begun. The client gets a response with the reason.
   *
   * @param status Status of that response; 503 by default.
   */
  cutAnswer(why: string, status = 503): void {
    const delegated = this.#delegated;
    if (!delegated) return;
    delegated.wanted = false;
    this.#attempt("give a backend's response up", () => delegated.onCut?.());
    this.#settle(delegated, { response: failure(status), body: textOf(why) });
  }

  /** Takes the content of the request for a handoff. The guest cannot read it any more. */
  takeBody(): Payload {
    return this.#content?.detach() ?? this.exchange.body;
  }

  /** Sends a copy of the head as an informational response, ahead of the final one. */
  inform({ status, headers }: GuestResponse): void {
    if (this.responded) refuse("failed", "Cannot send an early hint after the response");
    if (status === EARLY_HINTS && !this.#hinted) {
      this.#hinted = true;
      this.#service.report("debug", HANDLES_STAY, this.id);
    }
    const head = { status, headers: frameInformational(headers) };
    this.#attempt("send an early hint", () => this.exchange.inform(head));
  }

  /** Responds in place of a guest, unless there has been a response. The text must be fit for any client. */
  refuse(status: number, message: string): void {
    if (this.responded) return;
    this.#life.enter("responded");
    this.#give(() => reply(this.exchange, status, message));
    this.#content?.release();
  }

  /**
   * Responds as {@linkcode DownstreamRequest.refuse} does, with a text for developers. The option `errors` says who
   * gets it.
   */
  fail(status: number, message: string): void {
    if (!this.responded) this.refuse(status, this.#textOf(status, message));
  }

  /** Ends the guest's work on a request that has had its response. A delegated response may still be awaited. */
  finish(): void {
    this.#life.enter("finished");
    this.endWallTime();
    if (this.#delegated || this.#handed) this.#watch();
    if (this.#delegated) this.#delegated.done.then(() => this.#close());
    else this.#close();
  }

  /** Ends the request from any state, after a fault of the host. */
  abort(): void {
    this.fail(500, "The host has failed");
    if (this.state === "responded") this.finish();
  }

  #close(): void {
    this.#life.enter("closed");
  }

  /** Starts the limit `stall_time` for the response. */
  #watch(): void {
    const { stalled } = this.#service;
    const cut = () => this.#attempt("cut a response", () => this.#cutStalled());
    this.#stalled ??= new Deadline(cut);
    stalled.add(this.#stalled);
    stalled.renew(this.#stalled);
  }

  #endStalled(): void {
    if (this.#stalled) this.#service.stalled.delete(this.#stalled);
  }

  get #watcher(): BodyWatcher {
    const moved = () => this.#moved();
    return { reading: moved, given: moved, ended: () => this.#ended() };
  }

  /** Restarts `stall_time` after bytes of the request or response have moved. */
  #moved(): void {
    if (this.#stalled) this.#service.stalled.renew(this.#stalled);
  }

  /** Called when the response's body has been read to its end or cancelled. */
  #ended(): void {
    this.#handed = undefined;
    if (!this.#delegated) this.#endStalled();
  }

  /** Cuts a response of which no byte has moved for `stall_time`, or whose service is closing. */
  #cutStalled(): void {
    const service = this.#service;
    const reason = service.closing ? "The service is closing" : this.#meetStallTime();
    if (this.#delegated) return this.cutAnswer(reason, service.closing ? 503 : 504);
    const error = new HostError("http-incomplete", `Cannot send the rest of a response: ${reason}`);
    // A reader that waits learns it from the body; a client that takes nothing, from its connection alone.
    if (this.#handed?.cut(error)) return;
    this.exchange.cut?.(error);
  }

  #meetStallTime(): string {
    const { exchange, id } = this;
    const what = this.#delegated
      ? "A backend has not begun a response, and its guest has ended"
      : "A response was cut, as neither its client nor its sender has moved a byte";
    this.#service.meetLimit(exchange, "stall_time", what, id);
    return `${describeLimit("stall_time", this.#service.limits)} is over`;
  }

  #checkUnanswered(): void {
    if (this.responded) refuse("failed", "Cannot respond to the client twice");
  }

  #send({ status, headers, framing, keepAlive }: GuestResponse, content: Payload): void {
    const toHead = this.exchange.head.method === "HEAD";
    const framed = frameResponse(headers, status, toHead, content, framing);
    if (!keepAlive) framed.headers.set("connection", "close");
    const head = { status, headers: framed.headers };
    const source = sourceOf(framed.body);
    const handed = source && new WatchedBody(source, this.#watcher);
    this.#handed = handed;
    if (this.state === "finished") {
      if (handed) this.#watch();
      else this.#endStalled();
    }
    const body = handed ?? framed.body;
    this.#give(() => this.exchange.respond(head, body), body);
    this.#content?.release();
  }

  /** Passes a response to the exchange. If that fails, a 500 is sent instead. */
  #give(respond: () => unknown, body: Payload = EMPTY): void {
    try {
      const given = respond();
      if (given instanceof Promise) this.#giveLater(given, body);
    } catch (error) {
      this.#failToGive(error, body);
    }
  }

  #giveLater(given: Promise<unknown>, body: Payload): void {
    given.catch((error) => this.#failToGive(error, body));
  }

  #failToGive(error: unknown, body: Payload): void {
    this.#service.report("error", `Cannot respond to a client: ${describe(error)}`, this.id);
    if (!isWhole(body)) this.#attempt("cancel a response's body", () => body.cancel(error));
    const why = messageOf(error);
    const text = this.#textOf(500, `The host cannot send the response: ${why}`);
    withoutFaults(() => reply(this.exchange, 500, text));
  }

  /** Returns the text of a failure for the client, which depends on the option `errors`. */
  #textOf(status: number, message: string): string {
    if (tellsDetails(this.#service.options, this.exchange.client)) return message;
    return briefText(status, this.id);
  }

  /** Logs the failure of a delegated response, and returns a response in its place. */
  #failureOf(error: unknown, failureStatus?: number): DownstreamResponse {
    const status = error instanceof SendError && failureStatus || statusOf(error);
    const isRefusal = error instanceof HostError;
    const reason = isRefusal ? error.message : `the host has failed: ${describe(error)}`;
    const level = isRefusal ? "warning" : "error";
    if (!(error instanceof SendError && error.told)) {
      this.#service.report(level, `Cannot respond with a backend's response: ${reason}`, this.id);
    }
    const message = isRefusal ? error.message : "Cannot answer: the host has failed";
    return { response: failure(status), body: textOf(this.#textOf(status, message)) };
  }

  #attempt(action: string, step: () => unknown): void {
    this.#service.attempt(action, step, this.id);
  }
}

/** Calls a function and ignores its failure, which follows another that is in the log. */
function withoutFaults(step: () => unknown): void {
  try {
    const result = step();
    if (result instanceof Promise) result.catch(() => {});
  } catch {
    // The first fault is in the log.
  }
}
