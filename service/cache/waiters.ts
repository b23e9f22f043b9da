import type { CachedObject } from "./object.ts";
import { type LookupResult, PendingLookup } from "./lookup_result.ts";

/** Result of an obligation that has ended without an object. */
export interface Ending {
  /** Stale object that may be used, since it could not be revalidated. */
  readonly excused?: CachedObject | undefined;
  /** Whether other caches were asked for their objects. */
  readonly searched?: boolean;
  /** Variant for which the lookups that wait now get no obligation. */
  readonly released?: object;
}

/**
 * State of a lookup:
 * - `settled`: it has its result.
 * - `loading`: it waits for the driver to load the content of an object.
 * - `behind`: it waits for another lookup, which has the obligation to insert the object.
 */
export type Attempt =
  | { readonly state: "settled"; readonly result: LookupResult }
  | { readonly state: "loading" }
  | { readonly state: "behind" };

/** The lookup waits for the driver. */
export const LOADING: Attempt = { state: "loading" };
/** The lookup waits for another one's obligation. */
export const BEHIND: Attempt = { state: "behind" };

interface Waiter {
  readonly attempt: (ending: Ending) => Attempt;
  readonly pending: PendingLookup;
  state: Exclude<Attempt["state"], "settled">;
}

/** Waiting lookups of one key, in order of arrival. Each is attempted again whenever the entry changes. */
export class Waiters {
  readonly #waiters = new Set<Waiter>();

  /** Number of lookups that wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Attempts a lookup, and queues it if it cannot be settled yet.
   *
   * @param attempt Attempts the lookup; called again by {@linkcode Waiters.wake}.
   * @param owners Returns the runs of programs that have the obligations it waits for.
   */
  join(
    attempt: Waiter["attempt"],
    owners: () => readonly (object | undefined)[],
  ): PendingLookup {
    const first = attempt({});
    if (first.state === "settled") return new PendingLookup(first.result);
    const pending = new PendingLookup(undefined, {
      leave: () => void this.#waiters.delete(waiter),
      // A lookup that waits for the driver waits for no run.
      owners: () => waiter.state === "behind" ? owners() : [],
    });
    const waiter: Waiter = { attempt, pending, state: first.state };
    this.#waiters.add(waiter);
    return pending;
  }

  /** Attempts every waiting lookup again. */
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
