import type { HeaderList } from "../http/headers.ts";
import { type Clock, machineClock } from "../util/clock.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import { CacheContent } from "./content.ts";
import type { CacheDriver, CacheKept, ContentId } from "./driver.ts";
import { DriverCalls, type DriverCallsOptions } from "./driver_calls.ts";
import { CacheEntry, type ReplaceStrategy } from "./entry.ts";
import { decodeHead } from "./head.ts";
import { type Inserted, PendingLookup } from "./lookup_result.ts";
import { Lru } from "./lru.ts";
import { CachedObject, type WriteOptions } from "./object.ts";
import { Persistence } from "./persistence.ts";
import type { Purge, PurgeFeed } from "./purge_feed.ts";
import { PurgeFollower } from "./purge_follower.ts";

/** What a cache may have besides its driver. */
export interface CacheOptions extends DriverCallsOptions {
  /** Purges of other caches that serve the same objects. */
  readonly purgeFeed?: PurgeFeed | undefined;
  /** Milliseconds since some moment, for the feed's lease; by default the machine's. */
  readonly elapsed?: Clock["elapsed"];
}

/** Time between two sweeps for expired objects, in milliseconds. */
const SWEEP = 60_000;

/**
 * Objects that a service's programs cache, by key. A request's header fields choose among the variants of a key.
 *
 * The life of an object:
 * 1. A lookup finds an object that is fresh, or stale and still usable. A lookup alone changes nothing.
 * 2. A transaction that finds none, or a stale one, gives its first caller an obligation. Callers who ask for what is
 *    missing wait; they are let go when the insert begins, and read the content while it is written.
 * 3. An obligation that is cancelled goes to the first caller who waits.
 * 4. An object leaves when another takes its place, when it is purged, when it has expired and may not be revalidated any
 *    more, and, the least recently used first, when all objects exceed their bound of bytes. Who has found it reads on.
 * 5. A driver, if there is one, stores each object once it is complete, until the object leaves; the next cache begins
 *    with what is stored. While the driver is asked for a content, lookups of its key wait.
 */
export class Cache {
  /** Resolves when the objects that the driver has are there; undefined if they are there already. */
  readonly loaded: Promise<void> | undefined;
  readonly #entries = new Map<string, CacheEntry>();
  readonly #lru: Lru;
  readonly #now: () => number;
  readonly #persistence: Persistence | undefined;
  readonly #purges: PurgeFollower | undefined;
  #swept: number;

  /**
   * @param most Bytes that the objects may take, in memory and with the driver.
   * @param now Time in milliseconds since 1970.
   * @param driver Stores the objects; by default nothing does.
   * @throws {Error} If what the driver has is damaged, in one line; for a driver that answers later
   * {@linkcode Cache.loaded} rejects with it.
   */
  constructor(
    most: number,
    now: () => number,
    driver?: CacheDriver,
    options: CacheOptions = {},
  ) {
    this.#lru = new Lru(most);
    this.#now = now;
    this.#swept = now();
    const { purgeFeed, elapsed = machineClock.elapsed } = options;
    if (purgeFeed) {
      this.#purges = new PurgeFollower(purgeFeed, (purge) => this.#purge(purge), elapsed);
    }
    if (!driver) return;
    const calls = new DriverCalls(driver, options);
    this.#persistence = new Persistence(calls, now);
    this.loaded = this.#load(calls);
  }

  /** Bytes that the objects take: an estimate. */
  get bytes(): number {
    return this.#lru.bytes;
  }

  /** Finds an object that may be used for a request, fresh or stale. Waits for no other lookup. */
  lookup(key: string, headers: HeaderList): PendingLookup {
    return this.#entries.get(key)?.lookup(headers) ?? nothing();
  }

  /** Inserts an object in the place of any that there is for the request. Its content is still to be written. */
  insert(key: string, headers: HeaderList, options: WriteOptions): Inserted {
    this.#sweep();
    return this.#entry(key).insert(headers, options);
  }

  /**
   * Finds an object as {@linkcode Cache.lookup} does; of the callers who miss the same object one gets the obligation to
   * insert it, and the others wait (request collapsing).
   *
   * @param owner The run of a program that asks.
   */
  transaction(key: string, headers: HeaderList, owner?: object): PendingLookup {
    this.#sweep();
    return this.#entry(key).transaction(headers, owner);
  }

  /**
   * Finds the object that is to be replaced. `immediate` waits for no obligation and gives none; `immediate-force-miss`
   * removes the object, so that others wait for the replacement; `wait` lets an open obligation end first.
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
    return this.#entries.get(key)?.replace(headers, strategy) ?? nothing();
  }

  /**
   * Removes every object that has a surrogate key. They are gone from memory when the call returns, and from the driver,
   * and from all caches of a {@linkcode PurgeFeed}, when it has answered.
   *
   * @param soft Makes them stale instead: they can be used while somebody gets new ones.
   * @returns How many objects in memory had the key.
   * @throws {unknown} Or rejects, if the driver fails: its objects may come back with the next start; or if the feed does:
   * other caches may still have them.
   */
  purge(surrogateKey: string, soft: boolean): Eventually<number> {
    return this.#purgeEverywhere({ surrogateKey, soft });
  }

  /**
   * Removes every object, from the driver and from all caches of a {@linkcode PurgeFeed}, too. Who has found one reads on.
   *
   * @returns How many there were in memory.
   */
  purgeAll(): Eventually<number> {
    return this.#purgeEverywhere({ surrogateKey: undefined, soft: false });
  }

  #purgeEverywhere(purge: Purge): Eventually<number> {
    const purged = this.#purge(purge);
    const purges = this.#purges;
    if (!purges) return purged;
    return chain(purged, (count) => chain(purges.publish(purge), () => count));
  }

  #purge({ surrogateKey, soft }: Purge): Eventually<number> {
    if (surrogateKey === undefined) return this.#purgeAll();
    let count = 0;
    for (const object of this.#lru.objects()) {
      if (!object.options.surrogateKeys.has(surrogateKey)) continue;
      count++;
      if (soft) object.purged = true;
      else this.#lru.drop(object);
    }
    if (!this.#persistence) return count;
    const purge = (driver: CacheDriver) => driver.purge(surrogateKey, soft);
    return chain(this.#persistence.calls.write("purge the cache", purge, true), () => count);
  }

  #purgeAll(): Eventually<number> {
    const objects = [...this.#lru.objects()];
    for (const object of objects) this.#lru.drop(object);
    return chain(this.drained(), () => objects.length);
  }

  /** Empties the cache for good, with its driver: what is being written is there for its readers alone. */
  retire(): void {
    this.#lru.retire();
  }

  /** Resolves when the driver has answered all writes so far, or is late. Never rejects. */
  drained(): Eventually<void> {
    return this.#persistence?.calls.drained();
  }

  /**
   * Has the driver write what was put off.
   *
   * @returns When the driver has answered all calls, or is late. It may be closed then. Never rejects.
   */
  close(): Eventually<void> {
    return this.#persistence?.close();
  }

  #load(calls: DriverCalls): Promise<void> | undefined {
    const fail = (error: unknown): never => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot use the cache that is kept: ${reason}`, { cause: error });
    };
    try {
      const kept = calls.read("read the cache", (driver) => driver.load());
      if (!(kept instanceof Promise)) return void this.#restore(calls, kept);
      const loaded = kept.then((kept) => this.#restore(calls, kept)).catch(fail);
      loaded.catch(() => {}); // for callers who do not wait
      return loaded;
    } catch (error) {
      fail(error);
    }
  }

  #restore(calls: DriverCalls, kept: readonly CacheKept[]): void {
    const expired: ContentId[] = [];
    const restored: { readonly used: number; readonly keep: () => void }[] = [];
    for (const { content: id, length, hits, purged, used, head } of kept) {
      const { key, variant, stored, options } = decodeHead(head);
      const content = CacheContent.kept(calls, id, length);
      const object = new CachedObject(content, options, this.#now, hits, stored);
      object.purged = purged;
      if (object.phase === "expired") expired.push(id);
      else restored.push({ used, keep: this.#entry(key).restore(variant, object) });
    }
    if (expired.length) this.#persistence?.attempt((driver) => driver.free(expired), true);
    for (const { keep } of restored.sort((a, b) => a.used - b.used)) keep();
  }

  /** Drops expired objects, once a minute. To be called before an entry is looked up: a sweep may remove the entry. */
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
    const entry = new CacheEntry(key, this.#lru, this.#now, emptied, {
      persistence: this.#persistence,
      purges: this.#purges,
    });
    this.#entries.set(key, entry);
    return entry;
  }
}

function nothing(): PendingLookup {
  return new PendingLookup({ found: undefined, obligation: undefined });
}
