import type { NumberedPurge, Purge } from "../../service/cache/purge_feed.ts";

/** Time that workers may use their caches without asking for purges, in milliseconds. */
export const LEASE_MILLIS = 400;
/** How long a purge waits for workers that do not answer: longer than their lease, shorter than the second that is promised. */
const ANSWER_MILLIS = 500;
/** Number of purges that are kept: a worker that has missed more drops all objects. */
const MAX_KNOWN = 10_000;

/** Hands a purge to one worker; resolves when it is done, rejects if the worker has ended. */
type Hand = (purge: NumberedPurge) => Promise<unknown>;

/** All purges since the start, numbered. */
export class PurgeLog {
  readonly #workers: () => Iterable<Hand>;
  readonly #known: NumberedPurge[] = [];
  #last = 0;

  /** @param workers All workers whose caches may have objects. */
  constructor(workers: () => Iterable<Hand>) {
    this.#workers = workers;
  }

  /** Number of the last purge. */
  get last(): number {
    return this.#last;
  }

  /** Numbers a purge; resolves when no worker uses what it names any more. */
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

  /** The purges after a number, and the number of the last; without purges if some are not known any more. */
  since(number: number): { last: number; purges?: readonly NumberedPurge[] } {
    const last = this.#last;
    const missed = last - number;
    if (missed > this.#known.length) return { last };
    return { last, purges: missed > 0 ? this.#known.slice(-missed) : [] };
  }
}
