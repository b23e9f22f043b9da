import { Memory } from "./handles/memory.ts";
import type { RequestPromise } from "./handles/request_promise.ts";
import { type Host, Sandbox } from "./handles/sandbox.ts";
import { Stop } from "./handles/stop.ts";
import type { Loaded, Seat } from "./load.ts";
import type { Exchange } from "./service/exchange.ts";
import type { LogLevel } from "./service/log.ts";
import { reply } from "./service/reply.ts";
import { describe, type Service } from "./service/service.ts";
import type { Job } from "./wasm/run_queue.ts";
import type { Slot } from "./wasm/slot.ts";
import { describeTrap } from "./wasm/trap.ts";

/** How long a request waits for an instance, in milliseconds. */
const MOST_WAIT = 10_000;

/** A run of the program: first a request in the queue, then a sandbox, which may take more requests. */
export class Run implements Job<Seat>, Host {
  /** Resolves when the guest does no more for the request that it was started for. */
  readonly answered: Promise<void>;
  /** Resolves when the guest has ended, and whoever answers in its place, with what was wrong with it. */
  readonly ended: Promise<Fault | undefined>;
  readonly #exchange: Exchange;
  readonly #service: Service;
  readonly #loaded: Loaded;
  readonly #mayExit: boolean;
  readonly #answer: () => void;
  readonly #end: (fault?: Fault) => void;
  #yieldTurn: (() => void) | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
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
    exchange.onGone((reason) =>
      this.#sandbox ? this.#sandbox.abandon(exchange, reason) : this.stop(new Stop(reason.message))
    );
    if (!this.#refused) loaded.queue.submit(this);
    if (this.#sandbox || this.#refused) return;
    this.#patience = setTimeout(() => {
      service.tally.hit("instances");
      this.stop(new Stop("Every instance is in use: try again later"));
    }, MOST_WAIT);
  }

  async run(slot: Slot<Seat>, yieldTurn: () => void): Promise<boolean> {
    clearTimeout(this.#patience);
    this.#yieldTurn = yieldTurn;
    const { seat } = slot;
    seat.memory ??= new Memory(slot.memory);
    const sandbox = new Sandbox(this.#service, seat.memory, this.#exchange, this);
    this.#sandbox = seat.sandbox = sandbox;
    sandbox.current.done.then(this.#answer);
    let fault: Fault | undefined;
    try {
      await slot.run();
    } catch (error) {
      if (!(error instanceof Stop)) this.#service.tally.traps++;
      fault = faultOf(error, this.#loaded.locate);
    }
    if (fault && !(this.#mayExit && fault.exited)) {
      this.#service.report(fault.level, fault.message, sandbox.current.id);
    }
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
    this.#loaded.queue.withdraw(this);
    this.#refuse(503, reason.message);
  }

  /** Ends the guest, and whoever answers in its place. */
  close(reason: Stop): void {
    this.stop(reason);
    this.#sandbox?.cutAnswers(reason.message);
  }

  waiting(): void {
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

  #refuse(status: number, message: string): void {
    if (this.#refused) return;
    this.#refused = true;
    clearTimeout(this.#patience);
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
}

const ABORTED = 134;

function faultOf(error: unknown, locate: Loaded["locate"]): Fault | undefined {
  if (!(error instanceof Stop)) {
    const message = `The guest trapped: ${describeTrap(error, locate)}`;
    return { status: 500, message, level: "error", exitCode: ABORTED };
  }
  const { code, message } = error;
  if (code === 0) return undefined;
  return code === undefined
    ? { status: 503, message, level: "info", exitCode: ABORTED }
    : { status: 500, message, level: "error", exitCode: code, exited: true };
}
