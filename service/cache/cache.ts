import type { HeaderList } from "../http/headers.ts";
import { CacheContent } from "./content.ts";
import type { CacheDriver, ContentId } from "./driver.ts";
import { CacheEntry, type ReplaceStrategy } from "./entry.ts";
import { decodeHead } from "./head.ts";
import { Lru } from "./lru.ts";
import { CachedObject, type FoundObject, type WriteOptions } from "./object.ts";
import { type Inserted, PendingLookup } from "./lookup_result.ts";
import { Persistence } from "./persistence.ts";

/** How often objects are looked through for those that are of no use any more, in milliseconds. */
const SWEEP = 60_000;

/**
 * The objects that a service's programs cache, by key. A request's header fields choose among the variants of a key.
 *
 * How objects come and go:
 * 1. A lookup finds an object that is fresh, or stale and still usable. Looking alone changes nothing.
 * 2. A transaction that finds none, or a stale one, brings an obligation to whoever asked first. Those who ask for what
 *    is missing wait; they are let go when the insert starts, and read along while it is written.
 * 3. An obligation that is given up goes to the first who waits.
 * 4. Objects leave when another takes their place, when they are purged, when they have expired and nobody may ask about
 *    them any more, and, the least recently used first, when all of them take more bytes than they may. Whoever has
 *    found one reads on.
 * 5. A driver, if there is one, keeps each object once it is complete, until it leaves; the next cache begins with it.
 */
export class Cache {
  readonly #entries = new Map<string, CacheEntry>();
  readonly #lru: Lru;
  readonly #now: () => number;
  readonly #persistence: Persistence | undefined;
  #swept: number;

  /**
   * @param most Bytes that the objects may take, in memory and with the driver.
   * @param now The time in milliseconds.
   * @param driver What keeps the objects; by default nothing does.
   * @throws {Error} If what the driver has is damaged; in one line.
   */
  constructor(most: number, now: () => number, driver?: CacheDriver) {
    this.#lru = new Lru(most);
    this.#now = now;
    this.#swept = now();
    if (!driver) return;
    this.#persistence = new Persistence(driver, now);
    try {
      this.#load(driver);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot use the cache that is kept: ${reason}`, { cause: error });
    }
  }

  /** Bytes that the objects take, about. */
  get bytes(): number {
    return this.#lru.bytes;
  }

  /** The object for a request that may be used, stale or not. */
  lookup(key: string, headers: HeaderList): FoundObject | undefined {
    return this.#entries.get(key)?.lookup(headers);
  }

  /** Puts an object in the place of whatever there is for the request. */
  insert(key: string, headers: HeaderList, options: WriteOptions): Inserted {
    this.#sweep();
    return this.#entry(key).insert(headers, options);
  }

  /**
   * As {@linkcode Cache.lookup}, but one of those who ask gets what is missing, and the others wait for it.
   *
   * @param owner The run of a program that asks.
   */
  transaction(key: string, headers: HeaderList, owner?: object): PendingLookup {
    this.#sweep();
    return this.#entry(key).transaction(headers, owner);
  }

  /**
   * What there is to be replaced. `immediate` waits for nobody and holds nobody up; `immediate-force-miss` takes what
   * there is away, so that others wait for the replacement; `wait` lets those who are at work go first.
   *
   * @param owner The run of a program that asks.
   */
  replace(
    key: string,
    headers: HeaderList,
    strategy: ReplaceStrategy,
    owner?: object,
  ): PendingLookup {
    if (strategy !== "immediate") return this.#entry(key).replace(headers, strategy, owner);
    return this.#entries.get(key)?.replace(headers, strategy) ??
      new PendingLookup({ found: undefined, obligation: undefined });
  }

  /**
   * Takes away every object that has a surrogate key.
   *
   * @param soft Makes them stale instead: they can still be used while somebody gets new ones.
   * @returns How many there were.
   */
  purge(surrogateKey: string, soft: boolean): number {
    let count = 0;
    this.#persistence?.driver.purge(surrogateKey, soft);
    for (const object of this.#lru.objects()) {
      if (!object.options.surrogateKeys.has(surrogateKey)) continue;
      count++;
      if (soft) object.purged = true;
      else this.#lru.drop(object);
    }
    return count;
  }

  /** Keeps nothing any more, not even with a driver: what is being written is there for its readers alone. */
  retire(): void {
    this.#lru.retire();
  }

  /** Has the driver write what it has been spared so far. The driver may be closed then. */
  close(): void {
    this.#persistence?.close();
  }

  #load(driver: CacheDriver): void {
    const expired: ContentId[] = [];
    const restored: { readonly used: number; readonly keep: () => void }[] = [];
    for (const { content: id, length, hits, purged, used, head } of driver.load()) {
      const { key, variant, stored, options } = decodeHead(head);
      const content = CacheContent.kept(driver, id, length);
      const object = new CachedObject(content, options, this.#now, hits, stored);
      object.purged = purged;
      if (object.phase === "expired") expired.push(id);
      else restored.push({ used, keep: this.#entry(key).restore(variant, object) });
    }
    if (expired.length) driver.free(expired);
    for (const { keep } of restored.sort((a, b) => a.used - b.used)) keep();
  }

  /** Before an entry is asked for: one that is emptied here is not the key's any more. */
  #sweep(): void {
    const now = this.#now();
    if (Math.abs(now - this.#swept) < SWEEP) return;
    this.#swept = now;
    for (const object of this.#lru.objects()) {
      if (object.phase === "expired") this.#lru.drop(object);
    }
  }

  #entry(key: string): CacheEntry {
    const known = this.#entries.get(key);
    if (known) return known;
    const emptied = () => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
    const entry = new CacheEntry(key, this.#lru, this.#now, emptied, this.#persistence);
    this.#entries.set(key, entry);
    return entry;
  }
}
