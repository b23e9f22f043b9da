import { Memory } from "./handles/memory.ts";
import type { RequestPromise } from "./handles/request_promise.ts";
import { type Host, Sandbox } from "./handles/sandbox.ts";
import { LimitReached, overTime, SignalReceived, Stop } from "./handles/stop.ts";
import type { Loaded, Seat } from "./load.ts";
import type { Exchange } from "./service/exchange.ts";
import type { LimitName } from "./service/limits.ts";
import type { LogLevel } from "./service/log.ts";
import { reply } from "./service/reply.ts";
import { describe, MOST_WAIT, type Service } from "./service/service.ts";
import type { Program } from "./wasm/program.ts";
import type { Job } from "./wasm/run_queue.ts";
import type { Slot } from "./wasm/slot.ts";
import { withFrames } from "./wasm/trap.ts";

/** Microtasks in which a guest that waits may still get what it waits for before it loses its turn. */
const MOMENT = 16;
const WAITED = `which has waited ${MOST_WAIT / 1000} s for an instance`;

/** A run of the program: first a request in the queue, then a sandbox, which may take more requests. */
export class Run implements Job<Seat>, Host {
  /** Resolves when the guest does no more for the request that it was started for. */
  readonly answered: Promise<void>;
  /** Resolves when the guest has ended, and whoever answers in its place, with what was wrong with it. */
  readonly ended: Promise<Fault | undefined>;
  older: Job<Seat> | undefined;
  newer: Job<Seat> | undefined;
  readonly #exchange: Exchange;
  readonly #service: Service;
  readonly #loaded: Loaded;
  readonly #mayExit: boolean;
  readonly #answer: () => void;
  readonly #end: (fault?: Fault) => void;
  #yieldTurn: (() => void) | undefined;
  #sandbox: Sandbox | undefined;
  #refused = false;

  /** @param mayExit Whether the guest's exit status is an answer and nothing wrong. */
  constructor(exchange: Exchange, service: Service, loaded: Loaded, mayExit = false) {
    const ended = Promise.withResolvers<Fault | undefined>();
    const answered = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.#end = ended.resolve;
    this.answered = answered.promise;
    this.#answer = answered.resolve;
    this.#exchange = exchange;
    this.#service = service;
    this.#loaded = loaded;
    this.#mayExit = mayExit;
    const stop = (reason: Stop) =>
      this.#sandbox ? this.#sandbox.abandon(exchange, reason) : this.stop(reason);
    exchange.onGone((reason) => stop(new Stop(reason.message)));
    if (!this.#refused && loaded.queue.full) this.#turnAway("queue", "as so many wait already");
    if (this.#refused) return;
    service.wallTime.add(exchange, () => stop(overTime(service.limits)));
    loaded.queue.submit(this);
    if (this.#sandbox || this.#refused) return;
    service.waiting.add(exchange, () => this.#turnAway("instances", WAITED));
  }

  async run(slot: Slot<Seat>, yieldTurn: () => void): Promise<boolean> {
    this.#service.waiting.delete(this.#exchange);
    this.#yieldTurn = yieldTurn;
    const { seat } = slot;
    seat.memory ??= new Memory(slot.memory);
    const sandbox = new Sandbox(this.#service, seat.memory, this.#exchange, this);
    this.#sandbox = seat.sandbox = sandbox;
    sandbox.current.onDone(this.#answer);
    let fault: Fault | undefined;
    try {
      await slot.run(() => sandbox.enter());
      sandbox.leave();
    } catch (error) {
      sandbox.leave();
      const reason = sandbox.stopped ?? error;
      if (!(reason instanceof Stop)) this.#service.tally.traps++;
      fault = faultOf(reason, error, slot.program.locate);
    }
    if (fault && !(this.#mayExit && fault.exited)) tell(fault, sandbox);
    sandbox.end(fault);
    const { answering } = sandbox;
    if (answering && !this.#mayExit) answering.then(() => this.#end(fault));
    else this.#end(fault);
    return !sandbox.stopped && (!fault || fault.exited === true);
  }

  fail(error: unknown): void {
    this.#service.report("error", `Cannot instantiate the program: ${describe(error)}`);
    this.#refuse(500, `Cannot instantiate the program: ${error}`);
  }

  /** Ends the guest, or takes the request out of the queue. */
  stop(reason: Stop): void {
    if (this.#sandbox) return this.#sandbox.stop(reason);
    if (this.#refused) return;
    this.#loaded.queue.withdraw(this);
    if (!(reason instanceof LimitReached)) return this.#refuse(503, reason.message);
    const { status, message, limit } = reason;
    this.#service.meetLimit(this.#exchange, limit, "A request got no instance all the time");
    this.#refuse(status, message);
  }

  /** Ends the guest, and whoever answers in its place. */
  close(reason: Stop): void {
    this.stop(reason);
    this.#sandbox?.cutAnswers(reason.message);
  }

  async waiting(): Promise<void> {
    // What is there in a moment is worth it: the next guest would run in another instance's memory, which is cold.
    const sandbox = this.#sandbox!;
    const { stretches } = sandbox;
    for (let i = 0; i < MOMENT; i++) {
      await undefined;
      if (sandbox.stretches !== stretches) return;
    }
    this.#yieldTurn?.();
  }

  listening(promise: RequestPromise): void {
    const { listening, service, retired } = this.#loaded;
    if (this.#service === service && !this.#mayExit && !retired) listening.add(promise);
    else promise.end(); // with options of its own, or run once: no request of others comes to it
  }

  left(promise: RequestPromise): void {
    this.#loaded.listening.delete(promise);
  }

  /** Refuses a request for which there is no room. */
  #turnAway(limit: LimitName, why: string): void {
    this.#loaded.queue.withdraw(this);
    this.#service.meetLimit(this.#exchange, limit, `Cannot start a guest for a request, ${why}`);
    this.#refuse(503, "Every instance is in use: try again later");
  }

  #refuse(status: number, message: string): void {
    if (this.#refused) return;
    this.#refused = true;
    this.#service.waiting.delete(this.#exchange);
    reply(this.#exchange, status, message);
    this.#answer();
    this.#end({ status, message, level: "error", exitCode: ABORTED });
  }
}

/** Why a guest did not return, or exit with 0. */
export interface Fault {
  /** What its client gets if it has had no response. */
  readonly status: number;
  readonly message: string;
  readonly level: LogLevel;
  /** The guest's exit status; 134 for a trap, as a shell tells of an aborted process. */
  readonly exitCode: number;
  /** Whether the guest chose to end. */
  readonly exited?: boolean;
  /** The limit that it was stopped for. */
  readonly limit?: LimitName;
}

const ABORTED = 134;

/**
 * @param reason Why the host has stopped the guest, or what the guest has thrown.
 * @param thrown What it has thrown in either case.
 */
function faultOf(
  reason: unknown,
  thrown: unknown,
  locate: Program["locate"],
): Fault | undefined {
  const message = (text: string) => withFrames(text, thrown, locate);
  if (!(reason instanceof Stop)) {
    const text = `The guest trapped: ${reason instanceof Error ? reason.message : reason}`;
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

/** Logs what was wrong; of a limit also how far the guest had come. */
function tell({ level, message, limit }: Fault, sandbox: Sandbox): void {
  const { current, service, activeMs, allowance } = sandbox;
  if (limit === undefined) return service.report(level, message, current.id);
  const progress = `it had run for ${activeMs.toFixed(0)} ms, sent ` +
    `${allowance.backendRequests} requests to backends, and ` +
    (current.responded ? "begun its response" : "not begun its response");
  const what = `The guest was stopped: ${progress}`;
  const frames = message.replace(/^.*/, "");
  service.meetLimit(current.exchange, limit, what, current.id, frames);
}
