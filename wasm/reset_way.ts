import type { Program, ResetWay } from "./program.ts";

/** Requests that are left out at first: V8 has not optimised the module yet. */
export const UNMEASURED = 2000;
/** Requests that are measured then. */
export const MEASURED = 256;
/** Which of them counts, from the fastest: whatever else is at work on the machine only ever adds. */
const RANK = MEASURED / 8;
/** The largest part of a request's time that marks may take. */
const MAX_MARKING = 0.5;
/** Whole images must be cheaper by this much: they empty the processor's caches for others, too. */
const WORTH = 0.9;

/** What one way costs: gathered request by request. */
export class Cost {
  readonly #samples: number[] = [];
  #seen = 0;

  /**
   * Takes the time of one request, with the reset after it.
   *
   * @returns What a request costs when little disturbs it, once there are enough.
   */
  add(time: number): number | undefined {
    if (++this.#seen <= UNMEASURED) return undefined;
    if (this.#samples.push(time) < MEASURED) return undefined;
    return this.#samples.sort((one, other) => one - other)[RANK];
  }
}

/** Whether whole images might be cheaper than cards, by a request's time with cards and the time to copy an image. */
export function mayBeCheaper(withCards: number, copying: number): boolean {
  return copying < withCards * MAX_MARKING;
}

/** What a {@linkcode WayChooser} has to try. */
export interface Trial {
  /** The time to copy an instance's whole image. */
  copying(): number;
  /** Compiles the program for the other way. */
  compileForImages(): Promise<Program>;
  /** Has all instances made of the program from now on; of the one for cards if there is none. Throws if none can be. */
  use(program?: Program): void;
  /** Called once: nothing more is measured. */
  chosen(way: ResetWay, withCards: number, withImages?: number): void;
}

/**
 * Chooses how a program's instances are put back, by what its own first requests cost: cards first, and whole images
 * for a while if these might be cheaper. Times are of any unit.
 */
export class WayChooser {
  readonly #trial: Trial;
  #cost = new Cost();
  #withCards: number | undefined;
  #compiling = false;

  constructor(trial: Trial) {
    this.#trial = trial;
  }

  /** Takes the time of one request, with the reset after it. */
  readonly add = (time: number): void => {
    if (this.#compiling) return;
    const cost = this.#cost.add(time);
    if (cost === undefined) return;
    if (this.#withCards === undefined) this.#tryImages(cost);
    else this.#decide(this.#withCards, cost);
  };

  #tryImages(withCards: number): void {
    this.#withCards = withCards;
    if (!mayBeCheaper(withCards, this.#trial.copying())) {
      return this.#trial.chosen("cards", withCards);
    }
    this.#compiling = true;
    this.#trial.compileForImages().then((program) => {
      this.#cost = new Cost();
      this.#trial.use(program);
      this.#compiling = false;
    }).catch(() => this.#trial.chosen("cards", withCards));
  }

  #decide(withCards: number, withImages: number): void {
    const stays = withImages < withCards * WORTH || !this.#goBack();
    this.#trial.chosen(stays ? "image" : "cards", withCards, withImages);
  }

  /** Says whether it could. */
  #goBack(): boolean {
    try {
      this.#trial.use();
      return true;
    } catch {
      return false; // an instance that runs is better than a faster one that cannot be made
    }
  }
}
