import type { CompiledModule, ResetMethod } from "./program.ts";

/** Number of first requests in a trial that are not measured, since V8 has not optimised the module yet. */
export const UNMEASURED = 2000;
/** Number of requests that are measured after them. */
export const MEASURED = 256;
/** Rank of the sample that counts, from the fastest. A low rank is used because other load only ever adds time. */
const RANK = MEASURED / 8;
/** Largest part of a request's time that marking dirty pages is assumed to take. */
const MAX_MARKING = 0.5;
/** Largest cost of a snapshot, relative to dirty pages, at which it is chosen. Copying also evicts processor caches. */
const MAX_SNAPSHOT_COST = 0.9;

/** First requests that tell whether a program computes for long. */
export const EARLY = 16;
/** Largest part of a request's time that copying may take where a snapshot is chosen without a trial. */
const NEGLIGIBLE = 0.05;

/** Cost of a request with one reset method: the {@linkcode RANK}th fastest of the measured ones. */
export class Cost {
  readonly #samples: number[] = [];
  #seen = 0;

  /**
   * Takes the time of one request and the reset after it.
   *
   * @returns The cost, once enough requests are measured.
   */
  add(time: number): number | undefined {
    if (++this.#seen <= UNMEASURED) return undefined;
    if (this.#samples.push(time) < MEASURED) return undefined;
    return this.#samples.sort((one, other) => one - other)[RANK];
  }
}

/** Tells whether a snapshot can be cheaper than dirty pages, which needs copying to take less time than marking can. */
export function mayBeCheaper(withDirtyPages: number, copying: number): boolean {
  return copying < withDirtyPages * MAX_MARKING;
}

/** Whether copying hardly counts beside what each request computes: marking costs computing programs more than that. */
function isNegligible(minTime: number, copying: number): boolean {
  return copying < minTime * NEGLIGIBLE;
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

/** States of a {@linkcode ResetChoice}, in their order; each may go on to the next or to `decided`. */
type State = "measuring-dirty-pages" | "compiling" | "measuring-snapshot" | "decided";

/**
 * Chooses how a program's instances are reset, by the cost of its first requests. The cheaper method depends on the size
 * of the program's memory and on how often it writes (bench/reset.ts measures both methods for a guest):
 *
 * | state                   | event                                        | next                               |
 * | ----------------------- | -------------------------------------------- | ---------------------------------- |
 * | `measuring-dirty-pages` | 16 requests, of which each takes 20 times as | `compiling`, then `decided`: a     |
 * |                         | long as copying: the program computes        | snapshot                           |
 * |                         | 2,256 requests; copying all takes too long   | `decided`: dirty pages             |
 * |                         | 2,256 requests; a snapshot may be cheaper    | `compiling`                        |
 * | `compiling`             | compiled; requests are not counted meanwhile | `measuring-snapshot`               |
 * |                         | no instance can be made                      | `decided`: dirty pages             |
 * | `measuring-snapshot`    | 2,256 requests                               | `decided`: a snapshot if it costs  |
 * |                         |                                              | under 90 % of dirty pages          |
 *
 * Times may be in any unit, as they are only compared.
 */
export class ResetChoice {
  readonly #trial: ResetTrial;
  #state: State = "measuring-dirty-pages";
  #cost = new Cost();
  #withDirtyPages = 0;
  #seen = 0;
  /** Minimum time of the first {@linkcode EARLY} requests. */
  #min = Infinity;

  constructor(trial: ResetTrial) {
    this.#trial = trial;
  }

  /** Takes the time of one request and the reset after it. */
  readonly add = (time: number): void => {
    if (this.#state === "compiling" || this.#state === "decided") return;
    if (this.#seen < EARLY && this.#computes(time)) return this.#compile(true);
    const cost = this.#cost.add(time);
    if (cost === undefined) return;
    if (this.#state === "measuring-snapshot") return this.#compare(cost);
    this.#withDirtyPages = cost;
    if (mayBeCheaper(cost, this.#trial.copying())) this.#compile();
    else this.#decide("dirty-pages");
  };

  /** Takes the time of one of the first requests; returns whether all of them have computed for long. */
  #computes(time: number): boolean {
    this.#min = Math.min(this.#min, time);
    return ++this.#seen === EARLY && isNegligible(this.#min, this.#trial.copying());
  }

  /** @param last Whether the snapshot is chosen without a trial. */
  #compile(last = false): void {
    this.#state = "compiling";
    if (last) this.#withDirtyPages = this.#min;
    this.#trial.compileForSnapshots().then((program) => {
      this.#trial.use(program);
      if (last) return this.#decide("snapshot");
      this.#cost = new Cost();
      this.#state = "measuring-snapshot";
    }).catch(() => this.#decide("dirty-pages"));
  }

  #compare(withSnapshot: number): void {
    const cheaper = withSnapshot < this.#withDirtyPages * MAX_SNAPSHOT_COST;
    this.#decide(cheaper || !this.#goBack() ? "snapshot" : "dirty-pages", withSnapshot);
  }

  /** Makes instances for dirty pages again. Returns whether that succeeded; if not, those for snapshots stay. */
  #goBack(): boolean {
    try {
      this.#trial.use();
      return true;
    } catch {
      return false;
    }
  }

  #decide(method: ResetMethod, withSnapshot?: number): void {
    this.#state = "decided";
    this.#trial.chosen(method, this.#withDirtyPages, withSnapshot);
  }
}
