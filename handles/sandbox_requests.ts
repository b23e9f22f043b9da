import { refuse } from "../service/errors.ts";
import type { RequestMetrics } from "../service/http/request_metrics.ts";
import type { Service } from "../service/service.ts";
import { Body } from "./body.ts";
import type { DownstreamRequest } from "./downstream_request.ts";
import { GuestRequest } from "./message.ts";
import { RequestPromise } from "./request_promise.ts";
import { RequestQuota } from "./request_quota.ts";
import { overTime, Stop } from "./stop.ts";
import type { HandleTable } from "./table.ts";

/** Callbacks of {@linkcode SandboxRequests} to the run that passes requests to the sandbox. */
export interface RequestSource {
  /** Whether the guest is started ahead of requests, and waits for its first one in the call that asks for it. */
  readonly ahead: boolean;
  /** Called when the guest offers to take a further request. */
  listening(promise: RequestPromise): void;
  /** Called when the offer is settled. */
  left(promise: RequestPromise): void;
}

/** Handles of a downstream request and its body. */
interface DownstreamHandles {
  readonly request: number;
  readonly body: number;
}

/**
 * Downstream requests of one sandbox, of which the guest answers one at a time. The next one becomes current when the
 * guest waits for it, by a {@linkcode RequestPromise}.
 */
export class SandboxRequests {
  /** Metrics of the current request. */
  metrics: RequestMetrics;
  readonly #service: Service;
  readonly #handles: HandleTable;
  readonly #source: RequestSource;
  readonly #stop: (reason: Stop) => void;
  #current: DownstreamRequest;
  // Made when the guest first needs them.
  #quota: RequestQuota | undefined;
  #downstream: DownstreamHandles | undefined;
  /** Earlier requests whose delegated response is still awaited. */
  #delegated: DownstreamRequest[] | undefined;
  #promise: RequestPromise | undefined;
  #count: number;

  /**
   * @param first Request that the guest is started for, which is queued until now. For a guest that is started ahead it
   *   stands for the request that will come.
   * @param stop Ends the guest if its current request is over.
   */
  constructor(
    service: Service,
    handles: HandleTable,
    source: RequestSource,
    first: DownstreamRequest,
    stop: (reason: Stop) => void,
  ) {
    this.#service = service;
    this.#handles = handles;
    this.#source = source;
    this.#stop = stop;
    this.#current = first;
    this.#count = source.ahead ? 0 : 1;
    this.metrics = first.metrics;
    first.start();
  }

  /** Request that the guest answers now. */
  get current(): DownstreamRequest {
    return this.#current;
  }

  /** Whether the guest was started ahead of requests, and has had none yet. */
  get ahead(): boolean {
    return this.#count === 0;
  }

  /** Use of limits for the current request. */
  get quota(): RequestQuota {
    return this.#quota ??= new RequestQuota(this.#service, this.#current);
  }

  /** Handles of the current request and its body: the same two numbers at every call. */
  get downstream(): DownstreamHandles {
    return this.#downstream ??= this.#openDownstream();
  }

  #openDownstream(): DownstreamHandles {
    const request = new GuestRequest(this.#current);
    return {
      request: this.#handles.insert(request),
      body: this.#handles.insert(Body.of(this.#current.body)),
    };
  }

  /**
   * Offers to take a further request once the current one is answered. Refused while an earlier offer is open.
   *
   * @param timeout Milliseconds after which the offer ends. It ends at once when the sandbox has had as many requests as
   *   the limit allows.
   */
  listen(timeout: number): RequestPromise {
    if (this.#promise) refuse("limit-exceeded", "Cannot ask for two requests at a time");
    const promise = this.#promise = new RequestPromise(() => this.#current.responded);
    const { stallClock, limits } = this.#service;
    const cancel = stallClock.after(timeout, () => promise.end());
    promise.whenReady().then(() => {
      cancel();
      this.#source.left(promise);
    });
    if (this.#count < limits.sandbox_requests) this.#source.listening(promise);
    else promise.end();
    return promise;
  }

  /** Waits for the first request of a guest that was started ahead. The guest is stopped if none will come. */
  async first(): Promise<void> {
    let request;
    while (!request) {
      const promise = this.#promise = new RequestPromise(() => true);
      promise.whenReady().then(() => this.#source.left(promise));
      this.#source.listening(promise);
      await promise.whenReady();
      this.#promise = undefined;
      if (promise.ended) return this.#stop(new Stop("The instance is not needed any more"));
      request = promise.take();
    }
    request.takeId(this.#current.id); // the guest knows it from its environment
    this.#accept(request);
  }

  /** Withdraws an offer. A request that has come for it goes to another sandbox. */
  unlisten(promise: RequestPromise): void {
    promise.drop();
    if (this.#promise === promise) this.#promise = undefined;
  }

  /** Waits for the request of an offer and makes it the current one; undefined if none has come. */
  async next(promise: RequestPromise): Promise<DownstreamHandles | undefined> {
    this.#finishCurrent();
    await promise.whenReady();
    this.#promise = undefined;
    const request = promise.take();
    if (!request) return undefined;
    this.#accept(request);
    return this.downstream;
  }

  /** Makes a further request the current one. */
  #accept(request: DownstreamRequest): void {
    this.#count++;
    request.start();
    this.#current = request;
    this.metrics = request.metrics;
    this.#downstream = this.#quota = undefined;
    request.onGone((reason) => this.abandon(request, new Stop(reason.message)));
    request.limitWallTime(() => this.abandon(request, overTime(this.#service.limits)));
  }

  /** Ends the guest if it still works on a request that is over. */
  abandon(request: DownstreamRequest, reason: Stop): void {
    if (this.#current === request) this.#stop(reason);
  }

  #finishCurrent(): void {
    if (this.#current.state !== "responded") return; // it was finished when the guest asked for the next
    this.#current.finish();
    if (this.#current.answering) (this.#delegated ??= []).push(this.#current);
  }

  /** Ends the guest's work on all requests: withdraws an offer and finishes the current request. */
  finish(): void {
    this.#promise?.drop();
    this.#finishCurrent();
  }

  /** Resolves when all delegated responses are done; undefined if there are none. */
  get answering(): Promise<unknown> | undefined {
    return this.#delegated && Promise.all(this.#delegated.map(({ answering }) => answering));
  }

  /** Cuts all delegated responses. */
  cutAnswers(why: string): void {
    for (const request of [this.#current, ...this.#delegated ?? []]) request.cutAnswer(why);
  }
}
