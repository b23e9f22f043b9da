import type { Pool } from "./pool.ts";
import type { Slot } from "./slot.ts";

/** A run of the program for one sandbox. */
export interface Job<S> {
  /**
   * Runs the guest to its end. `yieldTurn` says that it waits for something: the next may start.
   *
   * @returns Whether it ended by itself: only then can its slot serve again.
   */
  run(slot: Slot<S>, yieldTurn: () => void): Promise<boolean>;
  /** No slot could be made. */
  fail(error: unknown): void;
}

/**
 * Starts one guest at a time: the next when the last has ended or first waits, and a slot is there. All that arrives
 * together would otherwise start before anything has ended, each in a slot of its own and in cold memory.
 */
export class RunQueue<S> {
  readonly #pool: Pool<S>;
  readonly #jobs = new Set<Job<S>>();
  #starting = false;

  constructor(pool: Pool<S>) {
    this.#pool = pool;
  }

  /** How many jobs have not started. */
  get length(): number {
    return this.#jobs.size;
  }

  submit(job: Job<S>): void {
    this.#jobs.add(job);
    this.#next();
  }

  /** Takes back a job that has not started; says whether it was still waiting. */
  withdraw(job: Job<S>): boolean {
    return this.#jobs.delete(job);
  }

  #next(): void {
    if (this.#starting) return;
    const [job] = this.#jobs;
    if (!job) return;
    let slot;
    try {
      slot = this.#pool.take();
    } catch (error) {
      this.#jobs.delete(job);
      job.fail(error);
      return queueMicrotask(() => this.#next());
    }
    if (!slot) return; // whoever gives a slot back calls again
    this.#jobs.delete(job);
    this.#start(job, slot);
  }

  #start(job: Job<S>, slot: Slot<S>): void {
    this.#starting = true;
    let yielded = false;
    const yieldTurn = () => {
      if (yielded) return;
      yielded = true;
      queueMicrotask(() => {
        this.#starting = false;
        this.#next();
      });
    };
    const giveBack = (whole: boolean) => {
      this.#pool.giveBack(slot, whole);
      if (yielded) this.#next();
      else yieldTurn();
    };
    job.run(slot, yieldTurn).then(giveBack, () => giveBack(false));
  }
}
