import type { NumberedPurge, Purge } from "../../service/cache/purge_feed.ts";

/** Duration of a lease, for which a worker may use its cache without asking for purges, in milliseconds. */
export const LEASE_MILLIS = 400;
/**
 * Time for which a purge waits for answers, in milliseconds. A worker that has not answered by then has no lease any
 * more.
 */
const ANSWER_MILLIS = 500;
/** Number of purges that are remembered. A worker that has missed more drops all objects. */
const MAX_KNOWN = 10_000;

/** Sends a purge to one worker; resolves when it is applied, rejects if the worker has ended. */
type Hand = (purge: NumberedPurge) => Promise<unknown>;

/** Numbers the purges of all workers, and sends them to every worker. */
export class PurgeLog {
  readonly #workers: () => Iterable<Hand>;
  readonly #known: NumberedPurge[] = [];
  #last = 0;

  /** @param workers Returns the workers whose caches may have objects. */
  constructor(workers: () => Iterable<Hand>) {
    this.#workers = workers;
  }

  /** Number of the last purge. */
  get last(): number {
    return this.#last;
  }

  /** Numbers a purge and sends it to all workers; resolves when none uses the purged objects any more. */
  async publish({ surrogateKey, soft }: Purge): Promise<void> {
    const purge = { surrogateKey, soft, number: ++this.#last };
    this.#known.push(purge);
    if (this.#known.length > MAX_KNOWN) this.#known.shift();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ANSWER_MILLIS));
    const done = Promise.allSettled(Array.from(this.#workers(), (hand) => hand(purge)));
    await Promise.race([done, late]);
    clearTimeout(timer);
  }

  /**
   * Returns the purges after a number, and the number of the last; without purges if some of them are no longer
   * remembered.
   */
  since(number: number): { last: number; purges?: readonly NumberedPurge[] } {
    const last = this.#last;
    const missed = last - number;
    if (missed > this.#known.length) return { last };
    return { last, purges: missed > 0 ? this.#known.slice(-missed) : [] };
  }
}
