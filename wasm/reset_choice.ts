import type { CompiledModule, ResetMethod } from "./program.ts";

/**
 * First requests in a trial that are not measured, since V8 has not optimised the module yet: their maximum number, and the
 * time in milliseconds after which all are measured.
 */
export const UNMEASURED = 2000;
export const UNMEASURED_MILLIS = 2000;
/** Number of requests that are measured after them. */
export const MEASURED = 256;
/** Rank of the sample that counts, from the fastest. A low rank is used because other load only ever adds time. */
const RANK = MEASURED / 8;
/**
 * Largest part of a request's time that copying may take where a snapshot is tried: marking takes three tenths at most
 * (bench/computing.ts), of which a tenth has to be left.
 */
const MAX_COPYING = 0.2;
/** Largest cost of a snapshot, relative to dirty pages, at which it is chosen. Copying also evicts processor caches. */
const MAX_SNAPSHOT_COST = 0.9;

/** First requests that tell whether a program seems to compute for long. */
export const EARLY = 16;
/** Largest part of a request's time that copying may take where a snapshot is chosen without a trial of dirty pages. */
const NEGLIGIBLE = 0.05;

/** Cost of a request with one reset method: the {@linkcode RANK}th fastest of the measured ones. */
export class Cost {
  readonly #samples: number[] = [];
  #seen = 0;
  #spent = 0;

  /**
   * Takes the time of one request and the reset after it, in milliseconds.
   *
   * @returns The cost, once enough requests are measured.
   */
  add(time: number): number | undefined {
    if (++this.#seen <= UNMEASURED && (this.#spent += time) < UNMEASURED_MILLIS) return undefined;
    if (this.#samples.push(time) < MEASURED) return undefined;
    return this.#samples.sort((one, other) => one - other)[RANK];
  }
}

/** Tells whether a snapshot can be cheaper than dirty pages, which needs copying to take less time than marking does. */
export function mayBeCheaper(withDirtyPages: number, copying: number): boolean {
  return copying < withDirtyPages * MAX_COPYING;
}

/** Service's side of a {@linkcode ResetChoice}. */
export interface ResetTrial {
  /** Measures how long copying the whole memory of an idle instance takes. */
  copying(): number;
  /** Compiles the program for snapshots. */
  compileForSnapshots(): Promise<CompiledModule>;
  /**
   * Replaces all instances.
   *
   * @param program The program compiled for snapshots; if absent, the one for dirty pages.
   * @throws {Error} If none can be made; the present ones stay then.
   */
  use(program?: CompiledModule): void;
  /** Called once, with the decision and the costs that were measured. */
  chosen(method: ResetMethod, withDirtyPages: number, withSnapshot?: number): void;
}

/** States of a {@linkcode ResetChoice}. */
type State = "measuring-dirty-pages" | "compiling" | "measuring-snapshot" | "decided";

/**
 * Chooses how a program's instances are reset, by the cost of its first requests. The cheaper method depends on the size
 * of the program's memory and on how often it writes (bench/reset.ts measures both methods for a guest):
 *
 * | state                   | event                                        | next                               |
 * | ----------------------- | -------------------------------------------- | ---------------------------------- |
 * | `measuring-dirty-pages` | 16 requests, of which each takes 20 times as | `compiling`: the program seems to  |
 * |                         | long as copying                              | compute                            |
 * |                         | 2,256 requests; copying all takes too long   | `decided`: dirty pages             |
 * |                         | 2,256 requests; a snapshot may be cheaper    | `compiling`                        |
 * |                         | 2,256 requests after those with a snapshot   | `decided`: the cheaper method      |
 * | `compiling`             | compiled; requests are not counted meanwhile | `measuring-snapshot`               |
 * |                         | no instance can be made                      | `decided`: dirty pages             |
 * | `measuring-snapshot`    | 2,256 requests after those with dirty pages  | `decided`: the cheaper method      |
 * |                         | 2,256 requests that take 20 times as long as | `decided`: a snapshot              |
 * |                         | copying: the program computes                |                                    |
 * |                         | 2,256 others: it only seemed to, as V8 had   | `measuring-dirty-pages`            |
 * |                         | not optimised it yet                         |                                    |
 *
 * A snapshot is the cheaper method if it costs under 90 % of dirty pages. Of 2,256 requests 256 are measured; where they
 * take long, these follow after two seconds. Times are in milliseconds.
 */
export class ResetChoice {
  readonly #trial: ResetTrial;
  #state: State = "measuring-dirty-pages";
  #cost = new Cost();
  #withDirtyPages: number | undefined;
  #withSnapshot: number | undefined;
  /** Program compiled for snapshots. */
  #program: CompiledModule | undefined;
  #seen = 0;
  /** Minimum time of the first {@linkcode EARLY} requests. */
  #min = Infinity;

  constructor(trial: ResetTrial) {
    this.#trial = trial;
  }

  /** Takes the time of one request and the reset after it, in milliseconds. */
  readonly add = (time: number): void => {
    if (this.#state === "compiling" || this.#state === "decided") return;
    if (this.#seen < EARLY && this.#seemsToCompute(time)) return this.#compile();
    const cost = this.#cost.add(time);
    if (cost === undefined) return;
    this.#cost = new Cost();
    if (this.#state === "measuring-snapshot") this.#endSnapshot(cost);
    else this.#endDirtyPages(cost);
  };

  /** Takes the time of one of the first requests; returns whether all of them have taken long. */
  #seemsToCompute(time: number): boolean {
    this.#min = Math.min(this.#min, time);
    return ++this.#seen === EARLY && this.#trial.copying() < this.#min * NEGLIGIBLE;
  }

  #compile(): void {
    this.#state = "compiling";
    this.#trial.compileForSnapshots().then((program) => {
      this.#trial.use(program);
      this.#program = program;
      this.#cost = new Cost();
      this.#state = "measuring-snapshot";
    }).catch(() => this.#decide("dirty-pages"));
  }

  #endSnapshot(cost: number): void {
    this.#withSnapshot = cost;
    if (this.#withDirtyPages !== undefined) this.#compare();
    else if (this.#trial.copying() < cost * NEGLIGIBLE || !this.#use()) this.#decide("snapshot");
    else this.#state = "measuring-dirty-pages";
  }

  #endDirtyPages(cost: number): void {
    this.#withDirtyPages = cost;
    if (this.#withSnapshot !== undefined) this.#compare();
    else if (mayBeCheaper(cost, this.#trial.copying())) this.#compile();
    else this.#decide("dirty-pages");
  }

  #compare(): void {
    const best = this.#withSnapshot! < this.#withDirtyPages! * MAX_SNAPSHOT_COST
      ? "snapshot"
      : "dirty-pages";
    const present = this.#state === "measuring-snapshot" ? "snapshot" : "dirty-pages";
    const changed = best !== present && this.#use(best === "snapshot" ? this.#program : undefined);
    this.#decide(changed ? best : present);
  }

  /** Makes instances of a program, by default for dirty pages. Returns whether that succeeded; if not, the present ones stay. */
  #use(program?: CompiledModule): boolean {
    try {
      this.#trial.use(program);
      return true;
    } catch {
      return false;
    }
  }

  #decide(method: ResetMethod): void {
    this.#state = "decided";
    this.#program = undefined;
    this.#trial.chosen(method, this.#withDirtyPages ?? this.#min, this.#withSnapshot);
  }
}
