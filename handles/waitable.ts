import type { Eventually } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";

/** Object that a guest may select on by handle. It is ready when an operation on it would not wait, and stays so. */
export abstract class Waitable {
  abstract readonly ready: boolean;
  /** Resolves when {@linkcode Waitable.ready} may hold. */
  abstract whenReady(): Promise<void>;
  /** Frees what the guest left behind. */
  abstract drop(): void;

  /**
   * Whether it can become ready only by what one run of the program does itself. A run that is suspended for it would
   * never go on.
   */
  isHeldBy(_run: object): boolean {
    return false;
  }
}

/**
 * Waits without a time limit until one of several items is ready.
 *
 * @param run The run of the program that is suspended meanwhile. Refused if only the run itself could end the wait.
 * @returns Where the item is in the list.
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
  return Promise.race(items.map((item) => item.whenReady())).then(() => firstReady(items, run));
}
