import { parkOf } from "../service/park.ts";
import { afterTurn } from "../service/util/clock.ts";
import type { LoadedProgram } from "./load.ts";
import type { Ahead, Run } from "./run.ts";

/** Longest time that an instance waits for its first request, in milliseconds. Another takes its place then. */
export const MAX_PARKED_MILLIS = 600_000;

/**
 * Keeps instances of a program that have been started ahead of requests: each waits inside the call that asks for its
 * request, and serves one run. They are started one at a time, while no request waits for an instance.
 */
export class Parking {
  readonly #loaded: LoadedProgram;
  readonly #count: number;
  readonly #start: (ahead: Ahead) => Run;
  /** Functions that end the instances that wait. */
  readonly #parked = new Set<() => void>();
  #starting = false;
  #scheduled = false;
  #over = false;

  /** @param start Starts a guest without a request. */
  constructor(loaded: LoadedProgram, start: (ahead: Ahead) => Run) {
    this.#loaded = loaded;
    this.#count = parkOf(loaded.service.options);
    this.#start = start;
    if (this.#count && loaded.parks !== true) this.#giveUp(loaded.parks);
  }

  /** Number of instances that wait. */
  get size(): number {
    return this.#parked.size;
  }

  /** Starts an instance after the responses of this turn have been written, if one is missing. */
  fillLater(): void {
    if (this.#scheduled || !this.#lacks) return;
    this.#scheduled = true;
    afterTurn(() =>
      afterTurn(() => {
        this.#scheduled = false;
        this.#fill();
      })
    );
  }

  get #lacks(): boolean {
    return !this.#over && !this.#starting && this.#parked.size < this.#count;
  }

  #fill(): void {
    const { queue, pool, service } = this.#loaded;
    if (!this.#lacks || queue.length || !pool.free) return; // the end of the next run calls again
    this.#starting = true;
    let end: (() => void) | undefined;
    let cancel: (() => void) | undefined;
    let asked = false;
    const run = this.#start({
      waits: (ending) => {
        asked = true;
        this.#starting = false;
        this.#parked.add(end = ending);
        cancel ??= service.clock.after(MAX_PARKED_MILLIS, () => end?.(), { background: true });
        this.fillLater();
      },
      left: () => {
        if (end) this.#parked.delete(end);
        cancel?.();
        cancel = undefined;
        this.fillLater();
      },
    });
    run.ended.then((fault) => {
      if (!asked) this.#giveUp(fault?.message ?? "it ended before it asked for its request");
    });
  }

  #giveUp(why: string): void {
    if (this.#over) return;
    this.#over = true;
    const [line] = why.split("\n");
    this.#loaded.service.report(
      "warning",
      `No instances are started ahead of requests (park), because ${line}`,
    );
  }

  /** Ends the instances that wait, and starts no more. */
  end(): void {
    this.#over = true;
    for (const end of this.#parked) end();
  }
}
