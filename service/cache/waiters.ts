import type { CachedObject } from "./object.ts";
import { type LookupResult, PendingLookup } from "./lookup_result.ts";

/** How an obligation has ended that brought no object. */
export interface Ending {
  /** An object that may be used although it could not be renewed. */
  readonly excused?: CachedObject | undefined;
  /** The variant, as {@linkcode Waiters} was given it, that is not fetched for those who wait now. */
  readonly released?: object;
}

/**
 * Where a lookup stands:
 * - `settled`: it has its result.
 * - `loading`: it waits for the driver to give the content of an object.
 * - `behind`: it waits for others who have the obligation to insert what it asks for.
 */
export type Attempt =
  | { readonly state: "settled"; readonly result: LookupResult }
  | { readonly state: "loading" }
  | { readonly state: "behind" };

/** The lookup waits for the driver. */
export const LOADING: Attempt = { state: "loading" };
/** The lookup waits for an obligation of others. */
export const BEHIND: Attempt = { state: "behind" };

interface Waiter {
  readonly attempt: (ending: Ending) => Attempt;
  readonly pending: PendingLookup;
  state: Exclude<Attempt["state"], "settled">;
}

/** The lookups of one key that wait, in the order in which they came. Each tries again whenever something has changed. */
export class Waiters {
  readonly #waiters = new Set<Waiter>();

  /** Number of lookups that wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Tries a lookup, and has it wait if it cannot be settled yet.
   *
   * @param attempt Is called again by {@linkcode Waiters.wake}.
   * @param owners The runs of programs that have the obligations it is behind.
   */
  join(
    attempt: Waiter["attempt"],
    owners: () => readonly (object | undefined)[],
  ): PendingLookup {
    const first = attempt({});
    if (first.state === "settled") return new PendingLookup(first.result);
    const pending = new PendingLookup(undefined, {
      leave: () => void this.#waiters.delete(waiter),
      // The driver is nobody's run.
      owners: () => waiter.state === "behind" ? owners() : [],
    });
    const waiter: Waiter = { attempt, pending, state: first.state };
    this.#waiters.add(waiter);
    return pending;
  }

  /** Has every lookup try again. */
  wake(ending: Ending = {}): void {
    for (const waiter of this.#waiters) {
      const attempt = waiter.attempt(ending);
      if (attempt.state !== "settled") {
        waiter.state = attempt.state;
        continue;
      }
      this.#waiters.delete(waiter);
      waiter.pending.settle(attempt.result);
    }
    for (const { pending } of this.#waiters) pending.stir();
  }
}
