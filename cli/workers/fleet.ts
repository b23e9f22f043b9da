import { CommandError, UsageError } from "../errors.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { Channel } from "./channel.ts";
import type { ToSupervisor } from "./protocol.ts";
import type { Death, WorkerProcess } from "./worker_process.ts";

/** Pause before a place is filled again, in milliseconds. It doubles with each worker that dies early. */
export interface Pause {
  readonly first: number;
  readonly max: number;
  /** Time in milliseconds after which a worker that dies is replaced without a pause. */
  readonly steady: number;
}

/** Pause unless {@linkcode FleetOptions.pause} has another. */
const PAUSE: Pause = { first: 100, max: 5_000, steady: 1_000 };
/** Number of consecutive workers that may end before they serve: at the start, and while others serve. */
const MAX_FAILURES = { starting: 5, serving: 10 };
/** Minimum time between two log entries with the same reason, in milliseconds. */
const TOLD_MILLIS = 60_000;

/** Settings of a {@linkcode Fleet}. */
interface FleetOptions {
  readonly workers: number;
  /** By default 100 to 5,000 ms, for those that die within 1,000 ms. */
  readonly pause?: Pause | undefined;
  readonly terminal: Terminal;
  /** Starts the process for a place. */
  readonly start: (id: number) => WorkerProcess;
  /** Returns the handlers of a worker's requests. */
  readonly handlers: (worker: WorkerProcess) => Pick<
    { [name in keyof ToSupervisor]: (value: Parameters<ToSupervisor[name]>[0]) => unknown },
    Exclude<keyof ToSupervisor, "ready" | "failed">
  >;
  /** Called when a worker serves. */
  readonly ready: (worker: WorkerProcess, at: Parameters<ToSupervisor["ready"]>[0]) => void;
  /** Called when a worker that served has ended. */
  readonly gone: (worker: WorkerProcess) => void;
}

/** Processes of a supervisor's workers, one for each place. The place of one that dies is filled again. */
export class Fleet {
  /** Resolves when every place has been filled for the first time; rejects if the workers cannot start. */
  readonly complete: Promise<void>;
  /** Rejects when too many workers in a row have ended before they served; all others are ended then. */
  readonly broken: Promise<never>;
  /** Number of deaths of workers. */
  deaths = 0;
  readonly #options: FleetOptions;
  readonly #pause: Pause;
  readonly #live = new Set<WorkerProcess>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #completed = Promise.withResolvers<void>();
  readonly #breaking = Promise.withResolvers<never>();
  /** Reasons of workers that could not start. */
  readonly #reasons = new Map<WorkerProcess, Error>();
  readonly #told = new Map<string, number>();
  readonly #filled = new Set<number>();
  #failedStarts = 0;
  #shortLives = 0;
  #stopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#pause = options.pause ?? PAUSE;
    this.complete = this.#completed.promise;
    this.broken = this.#breaking.promise;
    this.complete.catch(() => {});
    this.broken.catch(() => {});
    for (let id = 1; id <= options.workers; id++) this.#start(id);
  }

  /** Whether all workers are asked to end, or have been killed. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Workers that serve. */
  get ready(): WorkerProcess[] {
    return [...this.#live].filter(({ readySince }) => readySince !== undefined);
  }

  /** Channels of all workers, including those that are starting. */
  get channels(): Channel[] {
    return Array.from(this.#live, ({ channel }) => channel);
  }

  /**
   * Asks all workers to end.
   *
   * @param millis Time after which those that still run are killed, in milliseconds.
   * @returns Resolves when all have ended.
   */
  async stop(millis: number): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const live = [...this.#live];
    for (const worker of live) {
      if (worker.readySince === undefined) worker.kill();
      else worker.stop();
    }
    const timer = setTimeout(() => this.kill(), millis);
    await Promise.all(live.map(({ ended }) => ended));
    clearTimeout(timer);
  }

  /** Kills all workers. */
  kill(): void {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const worker of this.#live) worker.kill();
  }

  #start(id: number): void {
    const { start, handlers } = this.#options;
    const worker = start(id);
    this.#live.add(worker);
    worker.channel.serve({
      ...handlers(worker),
      ready: (at: Parameters<ToSupervisor["ready"]>[0]) => this.#serves(worker, at),
      failed: ({ message, usage }: Parameters<ToSupervisor["failed"]>[0]) => {
        this.#reasons.set(worker, usage ? new UsageError(message) : new CommandError(message));
      },
    });
    worker.ended.then((death) => this.#bury(worker, death));
  }

  #serves(worker: WorkerProcess, at: Parameters<ToSupervisor["ready"]>[0]): void {
    worker.readySince = performance.now();
    this.#failedStarts = 0;
    this.#filled.add(worker.id);
    this.#options.ready(worker, at);
    if (this.#filled.size === this.#options.workers) this.#completed.resolve();
  }

  #bury(worker: WorkerProcess, death: Death): void {
    this.#live.delete(worker);
    const { readySince, id } = worker;
    if (readySince !== undefined) this.#options.gone(worker);
    if (this.#stopping) return;
    this.deaths++;
    const reason = this.#reasons.get(worker);
    this.#reasons.delete(worker);
    const served = readySince !== undefined;
    const steady = served && performance.now() - readySince >= this.#pause.steady;
    if (!served) this.#failedStarts++;
    // A signal from outside may come at any time: it says nothing about the worker.
    if (steady) this.#shortLives = 0;
    else if (served && death.signal !== "SIGKILL") this.#shortLives++;
    if (reason && !this.#filled.size) return this.#fail(reason);
    const told = reason ? `: ${reason.message}` : death.story;
    if (this.#isBroken()) return this.#fail(this.#loop(`Worker ${id}${told}`));
    const failures = this.#failedStarts + this.#shortLives;
    const { first, max } = this.#pause;
    const pause = failures ? Math.min(first * 2 ** (failures - 1), max) : 0;
    this.#tell(id, told, pause);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#start(id);
    }, pause);
    this.#timers.add(timer);
  }

  #isBroken(): boolean {
    if (this.#shortLives >= MAX_FAILURES.serving) return true;
    return this.#failedStarts >= MAX_FAILURES.starting && !this.ready.length;
  }

  #loop(last: string): CommandError {
    const [count, when] = this.#shortLives >= MAX_FAILURES.serving
      ? [this.#shortLives, `within ${this.#pause.steady / 1000} s of serving`]
      : [this.#failedStarts, "before they served"];
    return new CommandError(
      `Cannot keep workers running: ${count} in a row have ended ${when}, the last so: ${last} ` +
        "(--workers 1 runs the program in this process)",
    );
  }

  #fail(error: Error): void {
    this.kill();
    this.#completed.reject(error);
    this.#breaking.reject(error);
  }

  #tell(id: number, told: string, pause: number): void {
    const now = performance.now();
    const key = told.replace(/\d+/g, "");
    const repeated = pause >= this.#pause.max &&
      now - (this.#told.get(key) ?? -Infinity) < TOLD_MILLIS;
    if (repeated) return;
    this.#told.set(key, now);
    const when = pause ? `in ${pause} ms` : "now";
    this.#options.terminal.note("error", `Worker ${id}${told}. Another takes its place ${when}`);
  }
}
