import { describeLimit } from "../service/limits.ts";
import type { Service } from "../service/service.ts";
import type { Interruption, Runner, RunWatch } from "../service/util/run_watch.ts";
import type { Memory } from "./memory.ts";
import type { SandboxRequests } from "./sandbox_requests.ts";
import { LimitReached, SignalReceived, type Stop } from "./stop.ts";

const READY = Promise.resolve();

/** Callbacks of an {@linkcode Execution} to the run that it belongs to. */
export interface ExecutionHost {
  /** Measures and stops the guest while it runs. */
  readonly watch: RunWatch;
  /** Called when the guest is suspended, so that another may start. */
  waiting(): void;
}

/**
 * Execution of a guest: whether it runs or waits, its processor time, and the reason for which it has to end. A guest runs
 * in stretches, from {@linkcode Execution.enter} or the end of a wait to {@linkcode Execution.leave}.
 */
export class Execution implements Runner {
  readonly #service: Service;
  readonly #memory: Memory;
  readonly #requests: SandboxRequests;
  readonly #host: ExecutionHost;
  #stopped: Error | undefined;
  #rejectWait: ((reason: Error) => void) | undefined;
  #running = false;
  #lacksMemory = false;
  #stretches = 0;
  /** Processor time of past stretches, in milliseconds. */
  #activeMs = 0;

  /** @param requests Requests, of which the current one is charged with the guest's time and memory. */
  constructor(service: Service, memory: Memory, requests: SandboxRequests, host: ExecutionHost) {
    this.#service = service;
    this.#memory = memory;
    this.#requests = requests;
    this.#host = host;
  }

  /** Processor time of the guest, in milliseconds; never less than at an earlier call. */
  get activeMs(): number {
    return this.#activeMs + (this.#running ? this.#host.watch.spent : 0);
  }

  /** Number of stretches that have begun. */
  get stretches(): number {
    return this.#stretches;
  }

  /** Whether the memory limit has refused growth in this run. */
  get lacksMemory(): boolean {
    return this.#lacksMemory;
  }

  /** Reason for which the guest has to end: its exit, or a stop by the host. */
  get stopped(): Error | undefined {
    return this.#stopped;
  }

  /** Begins a stretch. To be called right before the guest runs. */
  enter(): void {
    this.#running = true;
    this.#stretches++;
    const left = this.#service.limits.cpu_time - this.#requests.metrics.activeMillis;
    this.#host.watch.enter(this, this.#stopped ? 0 : left);
  }

  /** Ends the stretch, if one is under way, when the guest waits or has ended. */
  leave(): void {
    if (!this.#running) return;
    this.#running = false;
    const { watch } = this.#host;
    const { metrics } = this.#requests;
    const { spent, elapsed } = watch;
    this.#activeMs += spent;
    metrics.activeMillis += spent;
    metrics.peakMemory = Math.max(metrics.peakMemory, this.#memory.size);
    this.#service.stallClock.holdUp(elapsed);
    if (watch.takeRefusal()) this.#noteRefusal();
    const interruption = watch.leave(this);
    if (interruption !== undefined) this.stop(this.#reasonOf(interruption));
  }

  /** Records that the memory limit has refused growth. The guest may go on. */
  #noteRefusal(): void {
    this.#lacksMemory = true;
    this.#requests.quota.meet("memory", "The guest's memory could not grow");
  }

  #reasonOf(interruption: Interruption): Stop {
    if (interruption !== "time") return new SignalReceived(interruption);
    const limit = describeLimit("cpu_time", this.#service.limits);
    const stretch = this.#running ? this.#host.watch.spent : 0;
    const ran = Math.round(this.#requests.metrics.activeMillis + stretch);
    return new LimitReached("cpu_time", `${limit} is used up (it ran for ${ran} ms)`);
  }

  /** @throws {Error} If the guest has to end or its time is up. Each hostcall checks this, since a guest may catch errors. */
  checkStopped(): void {
    const { watch } = this.#host;
    if (!this.#stopped && !watch.mayGoOn()) this.stop(this.#reasonOf(watch.interruption));
    if (this.#stopped) throw this.#stopped;
  }

  /**
   * Waits for work while the guest is suspended. The result must reach the guest through {@linkcode Execution.resumeOn}.
   *
   * @returns A promise that settles as `work` does, or rejects as soon as the guest is stopped.
   */
  suspend<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#rejectWait = reject;
    const settle = (goOn: () => void) => {
      if (this.#stopped) return;
      this.#rejectWait = undefined;
      goOn();
    };
    work.then((value) => settle(() => resolve(value)), (error) => settle(() => reject(error)));
    this.leave();
    if (this.#requests.metrics.activeMillis >= this.#service.limits.cpu_time) {
      this.stop(this.#reasonOf("time"));
    }
    this.#host.waiting();
    return promise;
  }

  /**
   * Returns `status` unchanged, and begins a stretch in the microtask just before the guest's own continuation, so that
   * time is counted from the moment at which the guest runs again (bench/resume_order.ts shows the order).
   */
  resumeOn(status: number | Promise<number>): number | Promise<number> {
    if (status instanceof Promise) status.then(this.#resume, this.#resume);
    else READY.then(this.#resume);
    return status;
  }

  readonly #resume = (): void => {
    if (!this.#running) this.enter();
  };

  /**
   * Stops the guest: at once if it waits, at its next hostcall, loop or call if it runs. Only the first reason counts.
   */
  stop(reason: Error): void {
    if (this.#stopped) return;
    this.#stopped = reason;
    this.#rejectWait?.(reason);
    if (this.#running) this.#host.watch.condemn(this);
  }
}
