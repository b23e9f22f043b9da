import type { Eventually } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";

/** Object that a guest may wait for by handle. It is ready when an operation on it would not wait, and stays ready. */
export abstract class Waitable {
  abstract readonly ready: boolean;
  /** Resolves when {@linkcode Waitable.ready} may have become true. */
  abstract whenReady(): Promise<void>;
  /** Frees the object, after the guest has closed it or ended. */
  abstract drop(): void;

  /**
   * Tells whether only the sandbox `run` itself can make the object ready, so that it would never resume if it were
   * suspended until then.
   */
  isHeldBy(_run: object): boolean {
    return false;
  }
}

/**
 * Waits without a time limit until one of several items is ready.
 *
 * @param run Sandbox that is suspended meanwhile. Refused if only that sandbox itself could end the wait.
 * @returns Index of the item.
 */
export function firstReady(items: readonly Waitable[], run: object): Eventually<number> {
  const ready = items.findIndex((item) => item.ready);
  if (ready >= 0) return ready;
  if (items.every((item) => item.isHeldBy(run))) {
    refuse(
      "failed",
      "Cannot wait: this run of the program itself has to end the wait. " +
        "Insert the object, cancel the transaction or close its handle first",
    );
  }
  const changed = items.length === 1
    ? items[0]!.whenReady()
    : Promise.race(items.map((item) => item.whenReady()));
  return changed.then(() => firstReady(items, run));
}
