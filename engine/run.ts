import { Memory } from "../handles/memory.ts";
import type { DownstreamRequest } from "../handles/downstream_request.ts";
import type { RequestPromise } from "../handles/request_promise.ts";
import { Sandbox, type SandboxHost } from "../handles/sandbox.ts";
import { LimitReached, overTime, SignalReceived, Stop } from "../handles/stop.ts";
import type { InstanceContext } from "../handles/sandbox.ts";
import type { LoadedProgram } from "./load.ts";
import { describeLimit, type LimitName } from "../service/limits.ts";
import type { LogLevel } from "../service/log.ts";
import { describe, MAX_WAIT, type Service } from "../service/service.ts";
import { describeThrown } from "../wasm/exceptions.ts";
import { Deadline } from "../service/util/deadlines.ts";
import type { RunWatch } from "../service/util/run_watch.ts";
import type { CompiledModule } from "../wasm/program.ts";
import type { Job } from "../wasm/run_queue.ts";
import type { InstanceSlot } from "../wasm/instance_slot.ts";
import { withFrames } from "../wasm/trap.ts";

/** Microtasks that a guest may wait before the next guest starts. */
const MOMENT = 16;
const WAITED = `which has waited ${MAX_WAIT / 1000} s for an instance`;

/**
 * Run of the program: first a request in the queue, then a sandbox, which may take more requests. It ends when the guest
 * has ended and all its requests are closed.
 */
export class Run implements Job<InstanceContext>, SandboxHost {
  /** Resolves when the run has ended, with the fault of its guest, if any. */
  readonly ended: Promise<Fault | undefined>;
  readonly watch: RunWatch;
  older: Job<InstanceContext> | undefined;
  newer: Job<InstanceContext> | undefined;
  readonly #request: DownstreamRequest;
  readonly #service: Service;
  readonly #loaded: LoadedProgram;
  readonly #mayExit: boolean;
  readonly #end: (fault?: Fault) => void;
  #yieldTurn: (() => void) | undefined;
  #sandbox: Sandbox | undefined;
  /** Limit on the time in the queue; undefined if it was never in it. */
  #waiting: Deadline | undefined;
  /** The guest's offer to take another request, while it stands. */
  #offer: RequestPromise | undefined;

  /**
   * @param request The request to start a guest for.
   * @param mayExit Whether an exit status other than 0 is a result, and no fault to log.
   */
  constructor(
    request: DownstreamRequest,
    service: Service,
    loaded: LoadedProgram,
    mayExit = false,
  ) {
    const { promise, resolve } = Promise.withResolvers<Fault | undefined>();
    this.ended = promise;
    this.#end = resolve;
    this.#request = request;
    this.#service = service;
    this.#loaded = loaded;
    this.watch = loaded.watchdog;
    this.#mayExit = mayExit;
    request.onGone(({ message }) => this.#abandon(new Stop(message)));
    if (this.#waits && loaded.queue.full) this.#turnAway("queue", "as so many wait already");
    if (!this.#waits) return;
    request.limitWallTime(() => this.#expire());
    this.#queue();
  }

  /** Gives the request up, for which the guest is at work or is to be started. */
  #abandon(reason: Stop): void {
    if (this.#sandbox) this.#sandbox.requests.abandon(this.#request, reason);
    else this.stop(reason);
  }

  #expire(): void {
    const expire = () => this.#abandon(overTime(this.#service.limits));
    this.#service.attempt("end a late request", expire, this.#request.id);
  }

  #queue(): void {
    this.#loaded.queue.submit(this);
    if (!this.#waits) return;
    this.#waiting ??= new Deadline(() => this.#expireWaiting());
    this.#service.waiting.add(this.#waiting);
  }

  #expireWaiting(): void {
    const turnAway = () => this.#turnAway("instances", WAITED);
    this.#service.attempt("end a late request", turnAway, this.#request.id);
  }

  /** Notes that it does not wait for an instance any more. */
  #endWaiting(): void {
    if (this.#waiting) this.#service.waiting.delete(this.#waiting);
  }

  get #waits(): boolean {
    return this.#request.state === "queued";
  }

  async run(slot: InstanceSlot<InstanceContext>, yieldTurn: () => void): Promise<boolean> {
    this.#yieldTurn = yieldTurn;
    let thrown: Error | undefined;
    try {
      const sandbox = this.#enter(slot);
      await slot.run(() => sandbox.execution.enter());
    } catch (error) {
      thrown = error instanceof Error
        ? error
        : new Error(describeThrown(error, slot.exports, slot.program.rewritten?.tags));
    }
    this.#finish(this.#faultOf(thrown, slot));
    const reason = this.#sandbox?.execution.stopped ?? thrown;
    // The state of an instance whose guest has trapped, or was stopped, is unknown.
    return reason === undefined || (reason === thrown && isExit(reason));
  }

  #enter({ context, memory }: InstanceSlot<InstanceContext>): Sandbox {
    this.#endWaiting();
    context.memory ??= new Memory(memory);
    context.runsOnce = this.#mayExit;
    return this.#sandbox = context.sandbox = new Sandbox(
      this.#service,
      context.memory,
      this.#request,
      this,
    );
  }

  /** Logs and returns the fault with which the guest ended; undefined after a return or an exit with 0. */
  #faultOf(
    thrown: Error | undefined,
    { program }: InstanceSlot<InstanceContext>,
  ): Fault | undefined {
    try {
      const sandbox = this.#sandbox;
      if (!sandbox) throw thrown;
      sandbox.execution.leave();
      const reason = sandbox.execution.stopped ?? thrown;
      if (!reason) return undefined;
      if (!(reason instanceof Stop)) this.#service.counters.traps++;
      const fault = faultOf(sandbox, reason, thrown, program.locate);
      if (fault && !(this.#mayExit && fault.exited)) reportFault(fault, sandbox);
      return fault;
    } catch (fault) {
      return this.#hostFault(fault);
    }
  }

  #hostFault(error: unknown): Fault {
    const message = "The host has failed";
    const { id } = this.#request;
    this.#service.report("error", `A run failed inside the host: ${describe(error)}`, id);
    return { status: 500, message, level: "error", exitCode: ABORTED };
  }

  /** Frees what the guest held, and ends the run whatever fails in that. */
  #finish(fault: Fault | undefined): void {
    try {
      this.#sandbox?.end(fault);
    } catch (error) {
      this.#hostFault(error);
    }
    const last = this.#sandbox?.requests.current ?? this.#request;
    if (last.state !== "closed" && !last.answering) last.abort();
    const answering = this.#sandbox?.requests.answering;
    if (answering && !this.#mayExit) answering.then(() => this.#end(fault));
    else this.#end(fault);
  }

  fail(error: unknown): void {
    const cause = error instanceof Error ? error : describeThrown(error, {});
    const message = `Cannot instantiate the program: ${describe(cause)}`;
    this.#service.report("error", message, this.#request.id);
    this.#request.fail(500, `Cannot instantiate the program: ${cause}`);
    this.#giveUp(500, message);
  }

  /** Ends the guest, or takes the request out of the queue. */
  stop(reason: Stop): void {
    if (this.#sandbox) return this.#sandbox.execution.stop(reason);
    if (!this.#waits) return;
    this.#loaded.queue.withdraw(this);
    if (!(reason instanceof LimitReached)) {
      this.#request.refuse(503, reason.message);
      return this.#giveUp(503, reason.message);
    }
    const { status, message, limit } = reason;
    const what = "A request got no instance all the time";
    this.#service.meetLimit(this.#request.exchange, limit, what, this.#request.id);
    this.#request.fail(status, message);
    this.#giveUp(status, message);
  }

  /** Ends the guest, and cuts the responses that backends give in its place. */
  close(reason: Stop): void {
    this.stop(reason);
    this.#sandbox?.requests.cutAnswers(reason.message);
  }

  async waiting(): Promise<void> {
    // A short wait is cheaper than the next guest, which would run in another instance, whose memory is cold.
    const { execution } = this.#sandbox!;
    const { stretches } = execution;
    if (this.#offer) this.#takeQueued(this.#offer);
    for (let i = 0; i < MOMENT; i++) {
      await undefined;
      if (execution.stretches !== stretches) return;
    }
    this.#yieldTurn?.();
  }

  listening(promise: RequestPromise): void {
    const { listening, service, retired } = this.#loaded;
    if (this.#service === service && !this.#mayExit && !retired) {
      listening.add(promise);
      this.#offer = promise;
    } else promise.end(); // with options of its own, or run once: no request of others comes to it
  }

  left(promise: RequestPromise): void {
    this.#loaded.listening.delete(promise);
    this.#offer = undefined;
  }

  /** Has the guest take the request that has waited longest for an instance. */
  #takeQueued(offer: RequestPromise): void {
    const oldest = this.#loaded.queue.oldest;
    if (oldest instanceof Run && oldest.#service === this.#service && !oldest.#mayExit) {
      oldest.#handTo(offer);
    }
  }

  /** Leaves the queue for a sandbox that runs, and comes back if its guest ends without having asked for the request. */
  #handTo(offer: RequestPromise): void {
    const request = this.#request;
    const giveBack = () => {
      if (this.#waits) this.#queue();
    };
    if (!offer.offer(request, giveBack)) return;
    this.#loaded.queue.withdraw(this);
    this.#endWaiting();
    request.closed.then(() => this.#end());
  }

  /** Refuses a request for which there is no room. */
  #turnAway(limit: LimitName, why: string): void {
    this.#loaded.queue.withdraw(this);
    const what = `Cannot start a guest for a request, ${why}`;
    this.#service.meetLimit(this.#request.exchange, limit, what, this.#request.id);
    const message = "Every instance is in use: try again later";
    this.#request.refuse(503, message);
    this.#giveUp(503, message);
  }

  /** Ends a run without a guest, whose request has its response. */
  #giveUp(status: number, message: string): void {
    this.#endWaiting();
    this.#request.finish();
    this.#end({ status, message, level: "error", exitCode: ABORTED });
  }
}

/** Reason why a guest did not return or exit with 0. */
interface Fault {
  /** Status of the response, if the client has had none. */
  readonly status: number;
  readonly message: string;
  readonly level: LogLevel;
  /** The guest's exit status; 134 for a trap, as shells report an aborted process. */
  readonly exitCode: number;
  /** Whether the guest chose to end. */
  readonly exited?: boolean;
  /** The limit that it was stopped for. */
  readonly limit?: LimitName;
}

const ABORTED = 134;

function isExit(reason: Error): boolean {
  return reason instanceof Stop && reason.code !== undefined;
}

/**
 * @param sandbox In which it has ended.
 * @param reason Why the run has had to end, or what the guest has thrown.
 * @param thrown What it has thrown in either case, if anything.
 */
function faultOf(
  { service, execution: { lacksMemory } }: Sandbox,
  reason: Error,
  thrown: Error | undefined,
  locate: CompiledModule["locate"],
): Fault | undefined {
  const message = (text: string) => withFrames(text, thrown, locate);
  if (!(reason instanceof Stop)) {
    const before = lacksMemory
      ? ` after its memory could not grow: the limit is ${describeLimit("memory", service.limits)}`
      : "";
    const text = `The guest trapped: ${reason.message}${before}`;
    return { status: 500, message: message(text), level: "error", exitCode: ABORTED };
  }
  if (reason instanceof LimitReached) {
    const { status, limit } = reason;
    return { status, message: message(reason.message), level: "warning", exitCode: ABORTED, limit };
  }
  if (reason instanceof SignalReceived) {
    return { status: 503, message: reason.message, level: "info", exitCode: 128 + reason.signal };
  }
  const { code } = reason;
  if (code === 0) return undefined;
  return code === undefined
    ? { status: 503, message: reason.message, level: "info", exitCode: ABORTED }
    : { status: 500, message: reason.message, level: "error", exitCode: code, exited: true };
}

/** Logs a fault; of a limit also how far the guest had come. */
function reportFault({ level, message, limit }: Fault, sandbox: Sandbox): void {
  const { service, requests: { current, quota }, execution: { activeMs } } = sandbox;
  if (limit === undefined) return service.report(level, message, current.id);
  const progress = `it had run for ${activeMs.toFixed(0)} ms, sent ` +
    `${quota.backendRequests} requests to backends, and ` +
    (current.responded ? "begun its response" : "not begun its response");
  const what = `The guest was stopped: ${progress}`;
  const frames = message.replace(/^.*/, "");
  service.meetLimit(current.exchange, limit, what, current.id, frames);
}
