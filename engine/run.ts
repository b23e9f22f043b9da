import { describe } from "../service/errors.ts";
import { Memory } from "../handles/memory.ts";
import type { DownstreamRequest } from "../handles/downstream_request.ts";
import type { RequestPromise } from "../handles/request_promise.ts";
import { Sandbox, type SandboxHost } from "../handles/sandbox.ts";
import { LimitReached, overTime, SignalReceived, Stop } from "../handles/stop.ts";
import type { InstanceContext } from "../handles/sandbox.ts";
import type { LoadedProgram } from "./load.ts";
import { describeLimit, type LimitName } from "../service/limits.ts";
import type { LogLevel } from "../service/log.ts";
import { MAX_WAIT, type Service } from "../service/service.ts";
import { describeThrown } from "../wasm/exceptions.ts";
import { Deadline } from "../service/util/deadlines.ts";
import type { RunWatch } from "../service/util/run_watch.ts";
import type { CompiledModule } from "../wasm/program.ts";
import type { Job } from "../wasm/run_queue.ts";
import type { InstanceSlot } from "../wasm/instance_slot.ts";
import { withFrames } from "../wasm/trap.ts";

/** Number of microtasks that a guest may wait before the next guest starts. */
const MOMENT = 16;
/** Callbacks of a run that starts its guest ahead of requests. */
export interface Ahead {
  /** Called when the guest waits for its first request. Calling `end` ends it, unless it has one. */
  waits(end: () => void): void;
  /** Called when it has its first request, or will get none. */
  left(): void;
}

/** Purpose of a run. */
interface Purpose {
  /** Whether an exit status other than 0 is a result, and no fault to log. */
  readonly mayExit?: boolean;
  /** Set if the guest is started ahead of requests. */
  readonly ahead?: Ahead;
}

const WAITED = `which has waited ${MAX_WAIT / 1000} s for an instance`;

/**
 * Run of the program. It begins as a request in the queue and becomes a sandbox, which may take further requests. It ends
 * when the guest has ended and all its requests are closed.
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
  readonly #ahead: Ahead | undefined;
  readonly #end: (fault?: Fault) => void;
  #yieldTurn: (() => void) | undefined;
  #sandbox: Sandbox | undefined;
  /** Limit on the time in the queue; undefined if it was never in it. */
  #waiting: Deadline | undefined;
  /** Offer of the guest to take a further request, while it is open. */
  #offer: RequestPromise | undefined;

  /**
   * @param request The request to start a guest for, or one in place of it.
   */
  constructor(
    request: DownstreamRequest,
    service: Service,
    loaded: LoadedProgram,
    { mayExit = false, ahead }: Purpose = {},
  ) {
    const { promise, resolve } = Promise.withResolvers<Fault | undefined>();
    this.ended = promise;
    this.#end = resolve;
    this.#request = request;
    this.#service = service;
    this.#loaded = loaded;
    this.watch = loaded.watchdog;
    this.#mayExit = mayExit;
    this.#ahead = ahead;
    request.onGone(({ message }) => this.#abandon(new Stop(message)));
    if (this.#waits && loaded.queue.full) this.#turnAway("queue", "as so many wait already");
    if (!this.#waits) return;
    request.limitWallTime(() => this.#expire());
    this.#queue();
  }

  /** Gives up the request that the run was made for. */
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

  get ahead(): boolean {
    return this.#ahead !== undefined;
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
    // After a trap or a stop the state of the instance is unknown.
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

  /** Logs and returns the fault that ended the guest; undefined after a return or an exit with 0. */
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
      if (fault && !this.#isExpected(fault, sandbox)) reportFault(fault, sandbox);
      return fault;
    } catch (fault) {
      return this.#hostFault(fault);
    }
  }

  /** Whether a fault is not to be logged: the exit of a tool, or the end of a guest that had no request yet. */
  #isExpected({ exited, level }: Fault, { requests }: Sandbox): boolean {
    return this.#mayExit && exited || requests.ahead && level === "info";
  }

  #hostFault(error: unknown): Fault {
    const message = "The host has failed";
    const { id } = this.#request;
    this.#service.report("error", `A run failed inside the host: ${describe(error)}`, id);
    return { status: 500, message, level: "error", exitCode: ABORTED };
  }

  /** Frees the resources of the guest and ends the run, even if freeing fails. */
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

  /** Ends the guest, or removes the request from the queue and refuses it. */
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

  /** Ends the guest, and cuts delegated responses. */
  close(reason: Stop): void {
    this.stop(reason);
    this.#sandbox?.requests.cutAnswers(reason.message);
  }

  async waiting(): Promise<void> {
    // A short wait costs less than starting the next guest in another instance, whose memory is not in the caches.
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
      if (this.#sandbox?.requests.ahead) this.#waitAhead(promise);
    } else promise.end(); // a guest with options of its own, or run once, gets no other request
  }

  /** Begins the wait for a first request, for which no limit of a request runs. */
  #waitAhead(promise: RequestPromise): void {
    this.#request.endWallTime();
    this.#ahead?.waits(() => promise.end());
  }

  left(promise: RequestPromise): void {
    this.#loaded.listening.delete(promise);
    this.#offer = undefined;
    if (this.#sandbox?.requests.ahead) this.#ahead?.left();
  }

  /** Gives the guest the request that has waited longest for an instance. */
  #takeQueued(offer: RequestPromise): void {
    const oldest = this.#loaded.queue.oldest;
    if (oldest instanceof Run && oldest.#service === this.#service && !oldest.#mayExit) {
      oldest.#handTo(offer);
    }
  }

  /** Moves the request from the queue to a running sandbox. It returns to the queue if that guest ends without taking it. */
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

  /** Refuses the request with a 503, for lack of an instance or of room in the queue. */
  #turnAway(limit: LimitName, why: string): void {
    this.#loaded.queue.withdraw(this);
    const what = `Cannot start a guest for a request, ${why}`;
    this.#service.meetLimit(this.#request.exchange, limit, what, this.#request.id);
    const message = "Every instance is in use: try again later";
    this.#request.refuse(503, message);
    this.#giveUp(503, message);
  }

  /** Ends a run that has started no guest, and whose request has its response. */
  #giveUp(status: number, message: string): void {
    this.#endWaiting();
    this.#request.finish();
    this.#end({ status, message, level: "error", exitCode: ABORTED });
  }
}

/** Fault that ended a guest, other than a return or an exit with 0. */
interface Fault {
  /** Status of the response to a client that has had none. */
  readonly status: number;
  readonly message: string;
  readonly level: LogLevel;
  /** The guest's exit status; 134 for a trap, as shells report an aborted process. */
  readonly exitCode: number;
  /** Whether the guest has exited by itself. */
  readonly exited?: boolean;
  /** Limit that the guest was stopped for. */
  readonly limit?: LimitName;
}

const ABORTED = 134;

function isExit(reason: Error): boolean {
  return reason instanceof Stop && reason.code !== undefined;
}

/**
 * Describes the fault of a guest; undefined after an exit with 0.
 *
 * @param sandbox Sandbox of the guest.
 * @param reason Reason why the run was ended, or the error that the guest has thrown.
 * @param thrown Error that came out of the guest, for its frames.
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

/** Logs a fault. For a limit the log has the guest's progress as well. */
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
