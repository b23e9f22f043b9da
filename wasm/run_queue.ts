import { type Linked, LinkedList } from "../service/util/linked_list.ts";
import { afterTurn } from "../service/util/clock.ts";
import type { StallClock } from "../service/util/stall_clock.ts";
import type { Pool } from "./pool.ts";
import type { InstanceSlot } from "./instance_slot.ts";

/** Run of the program for one sandbox, as the queue sees it. */
export interface Job<S> extends Linked<Job<S>> {
  /**
   * Runs the guest to its end.
   *
   * @param yieldTurn To be called when the guest first waits, so that the next job may start.
   * @returns Whether the run ended by itself; only then can its slot be reused.
   */
  run(slot: InstanceSlot<S>, yieldTurn: () => void): Promise<boolean>;
  /** Called in place of {@linkcode Job.run} if no slot could be made. */
  fail(error: unknown): void;
}

/**
 * Queue of runs. It starts one guest at a time, the next when the last has ended or first waits, and a slot is free.
 * Otherwise requests that arrive together would each start in a slot of their own, whose memory is not in the
 * processor's caches.
 */
export class RunQueue<S> {
  /** Called with the milliseconds of each run whose guest never waited, including the reset after it. */
  observe: ((millis: number) => void) | undefined;
  /** Called with the error of a reset that failed; its slot has been dropped. */
  fault: ((error: unknown) => void) | undefined;
  readonly #pool: Pool<S>;
  readonly #max: number;
  readonly #stallClock: StallClock;
  readonly #jobs = new LinkedList<Job<S>>();
  #starting = false;

  /** @param max Most jobs that may wait for a slot, not counting jobs for which one is free. */
  constructor(pool: Pool<S>, max: number, stallClock: StallClock) {
    this.#pool = pool;
    this.#max = max;
    this.#stallClock = stallClock;
  }

  /** Whether the queue takes no further job. */
  get full(): boolean {
    return this.#jobs.length >= this.#max + this.#pool.free;
  }

  /** Number of jobs that have not started. */
  get length(): number {
    return this.#jobs.length;
  }

  /** Job that has waited longest; undefined if none waits. */
  get oldest(): Job<S> | undefined {
    return this.#jobs.oldest;
  }

  submit(job: Job<S>): void {
    this.#jobs.add(job);
    this.#next();
  }

  /** Removes a job that has not started. Returns whether it was in the queue. */
  withdraw(job: Job<S>): boolean {
    return this.#jobs.remove(job);
  }

  #next(): void {
    if (this.#starting) return;
    const job = this.#jobs.oldest;
    if (!job) return;
    const { heldUp } = this.#stallClock;
    let slot;
    try {
      slot = this.#pool.take();
    } catch (error) {
      this.#jobs.remove(job);
      this.#starting = true;
      job.fail(error);
      afterTurn(this.#goOn); // start functions of guests may have held the event loop up
      return;
    }
    if (!slot) return; // the next slot that is given back calls this again
    this.#jobs.remove(job);
    this.#start(job, slot, heldUp);
  }

  readonly #goOn = (): void => {
    this.#starting = false;
    this.#next();
  };

  /** @param heldUp Stall clock before the slot was made, whose start function may have run for long. */
  #start(job: Job<S>, slot: InstanceSlot<S>, heldUp: number): void {
    this.#starting = true;
    const began = this.observe && performance.now();
    let yielded = false;
    const yieldTurn = () => {
      if (yielded) return;
      yielded = true;
      if (this.#stallClock.heldUp === heldUp) queueMicrotask(this.#goOn);
      else afterTurn(this.#goOn);
    };
    const giveBack = (whole: boolean) => {
      try {
        this.#pool.giveBack(slot, whole);
      } catch (error) {
        this.fault?.(error);
      }
      if (yielded) return this.#next();
      if (began !== undefined && whole) this.observe?.(performance.now() - began);
      yieldTurn();
    };
    job.run(slot, yieldTurn).then(giveBack, () => giveBack(false));
  }
}
