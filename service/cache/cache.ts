import type { HeaderList } from "../headers.ts";
import { CacheEntry, type ReplaceStrategy } from "./entry.ts";
import { Lru } from "./lru.ts";
import type { Found, WriteOptions } from "./object.ts";
import { type Inserted, PendingOutcome } from "./outcome.ts";

/**
 * The objects that a service's programs cache, by key. A request's header fields choose among the variants of a key.
 *
 * How objects come and go:
 * 1. A lookup finds an object that is fresh, or stale and still usable. Looking alone changes nothing.
 * 2. A transaction that finds none, or a stale one, brings an obligation to whoever asked first. Those who ask for what
 *    is missing wait; they are let go when the insert starts, and read along while it is written.
 * 3. An obligation that is given up goes to the first who waits.
 * 4. Objects leave when another takes their place, when they are purged, and, the least recently used first, when all
 *    of them take more memory than they may. Whoever has found one reads on.
 */
export class Cache {
  readonly #entries = new Map<string, CacheEntry>();
  readonly #lru: Lru;
  readonly #now: () => number;

  /**
   * @param most Bytes that the objects may take.
   * @param now The time in milliseconds.
   */
  constructor(most: number, now: () => number) {
    this.#lru = new Lru(most);
    this.#now = now;
  }

  /** Bytes that the objects take, about. */
  get bytes(): number {
    return this.#lru.bytes;
  }

  /** The object for a request that may be used, stale or not. */
  lookup(key: string, headers: HeaderList): Found | undefined {
    return this.#entries.get(key)?.lookup(headers);
  }

  /** Puts an object in the place of whatever there is for the request. */
  insert(key: string, headers: HeaderList, options: WriteOptions): Inserted {
    return this.#entry(key).insert(headers, options);
  }

  /** As {@linkcode Cache.lookup}, but one of those who ask gets what is missing, and the others wait for it. */
  transaction(key: string, headers: HeaderList): PendingOutcome {
    return this.#entry(key).transaction(headers);
  }

  /**
   * What there is to be replaced. `immediate` waits for nobody and holds nobody up; `immediate-force-miss` takes what
   * there is away, so that others wait for the replacement; `wait` lets those who are at work go first.
   */
  replace(key: string, headers: HeaderList, strategy: ReplaceStrategy): PendingOutcome {
    if (strategy !== "immediate") return this.#entry(key).replace(headers, strategy);
    return this.#entries.get(key)?.replace(headers, strategy) ??
      new PendingOutcome({ found: undefined, obligation: undefined });
  }

  /**
   * Takes away every object that has a surrogate key.
   *
   * @param soft Makes them stale instead: they can still be used while somebody gets new ones.
   * @returns How many there were.
   */
  purge(surrogateKey: string, soft: boolean): number {
    let count = 0;
    for (const object of this.#lru.objects()) {
      if (!object.options.surrogateKeys.has(surrogateKey)) continue;
      count++;
      if (soft) object.purged = true;
      else this.#lru.drop(object);
    }
    return count;
  }

  #entry(key: string): CacheEntry {
    const known = this.#entries.get(key);
    if (known) return known;
    const entry = new CacheEntry(key, this.#lru, this.#now, () => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#entries.set(key, entry);
    return entry;
  }
}
