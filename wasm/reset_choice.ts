import type { CompiledModule, ResetMethod } from "./program.ts";

/** First requests of a trial, which are not measured: V8 has not optimised the module yet. */
export const UNMEASURED = 2000;
/** Requests of a trial that are measured after them. */
export const MEASURED = 256;
/** Rank of the sample that counts, from the fastest: other load on the machine only ever adds time. */
const RANK = MEASURED / 8;
/** Assumed largest part of a request's time that marking dirty pages takes. */
const MAX_MARKING = 0.5;
/** Largest cost of a snapshot, relative to dirty pages, at which it is chosen: it also evicts the processor's caches. */
const MAX_SNAPSHOT_COST = 0.9;

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

/** Whether a snapshot can be cheaper than dirty pages: whether its copying takes less time than marking can. */
export function mayBeCheaper(withDirtyPages: number, copying: number): boolean {
  return copying < withDirtyPages * MAX_MARKING;
}

/** What a {@linkcode ResetChoice} needs of the service to try both methods. */
export interface ResetTrial {
  /** Measures the copying of an idle instance's whole memory. */
  copying(): number;
  /** Compiles the program for snapshots. */
  compileForSnapshots(): Promise<CompiledModule>;
  /**
   * Replaces all instances.
   *
   * @param program The program compiled for snapshots; if absent, the one for dirty pages.
   * @throws {Error} If none can be made; those that there are stay.
   */
  use(program?: CompiledModule): void;
  /** Takes the decision, which is made once, and the costs that were measured. */
  chosen(method: ResetMethod, withDirtyPages: number, withSnapshot?: number): void;
}

/** States of a {@linkcode ResetChoice}, in their order; each may go on to the next or to `decided`. */
type State = "measuring-dirty-pages" | "compiling" | "measuring-snapshot" | "decided";

/**
 * Chooses how a program's instances are reset, by the cost of its own first requests. Which method is cheaper depends on
 * how much memory a program has and how often it writes (bench/reset.ts measures both for a guest), so it is measured:
 *
 * | state                   | event                                        | next                               |
 * | ----------------------- | -------------------------------------------- | ---------------------------------- |
 * | `measuring-dirty-pages` | 2,256 requests; copying all takes too long   | `decided`: dirty pages             |
 * |                         | 2,256 requests; a snapshot may be cheaper    | `compiling`                        |
 * | `compiling`             | compiled; requests are not counted meanwhile | `measuring-snapshot`               |
 * |                         | no instance can be made                      | `decided`: dirty pages             |
 * | `measuring-snapshot`    | 2,256 requests                               | `decided`: a snapshot if it costs  |
 * |                         |                                              | under 90 % of dirty pages          |
 *
 * Times are of any unit.
 */
export class ResetChoice {
  readonly #trial: ResetTrial;
  #state: State = "measuring-dirty-pages";
  #cost = new Cost();
  #withDirtyPages = 0;

  constructor(trial: ResetTrial) {
    this.#trial = trial;
  }

  /** Takes the time of one request and the reset after it. */
  readonly add = (time: number): void => {
    if (this.#state === "compiling" || this.#state === "decided") return;
    const cost = this.#cost.add(time);
    if (cost === undefined) return;
    if (this.#state === "measuring-snapshot") return this.#compare(cost);
    this.#withDirtyPages = cost;
    if (mayBeCheaper(cost, this.#trial.copying())) this.#compile();
    else this.#decide("dirty-pages");
  };

  #compile(): void {
    this.#state = "compiling";
    this.#trial.compileForSnapshots().then((program) => {
      this.#trial.use(program);
      this.#cost = new Cost();
      this.#state = "measuring-snapshot";
    }).catch(() => this.#decide("dirty-pages"));
  }

  #compare(withSnapshot: number): void {
    const cheaper = withSnapshot < this.#withDirtyPages * MAX_SNAPSHOT_COST;
    this.#decide(cheaper || !this.#goBack() ? "snapshot" : "dirty-pages", withSnapshot);
  }

  /** Returns whether instances for dirty pages could be made again; if not, those for snapshots stay. */
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
