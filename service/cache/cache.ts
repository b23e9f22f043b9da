import type { HeaderList } from "../http/headers.ts";
import { type Clock, machineClock } from "../util/clock.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import type { CacheDriver, CacheKept, ContentId } from "./driver.ts";
import { DriverCalls, type DriverCallsOptions } from "./driver_calls.ts";
import { CacheEntry, type ReplaceStrategy } from "./entry.ts";
import { type Inserted, PendingLookup } from "./lookup_result.ts";
import { Lru } from "./lru.ts";
import type { WriteOptions } from "./object.ts";
import { Persistence } from "./persistence.ts";
import type { Purge, PurgeFeed } from "./purge_feed.ts";
import { PurgeFollower } from "./purge_follower.ts";
import { SecondLevel } from "./second_level.ts";
import { messageOf } from "../errors.ts";

/** Options of a {@linkcode Cache}. */
interface CacheOptions extends DriverCallsOptions {
  /** Purges of other caches that serve the same objects. */
  readonly purgeFeed?: PurgeFeed | undefined;
  /** Times the feed's lease, and waits for objects that other caches get; by default the machine's. */
  readonly clock?: Pick<Clock, "elapsed" | "after">;
}

/** Time between two sweeps for expired objects, in milliseconds. */
const SWEEP = 60_000;

/**
 * Cache of a service: objects by key. A request's header fields choose among the variants of a key.
 *
 * The life of an object:
 * 1. A lookup finds an object that is fresh, or stale and still usable. A lookup alone changes nothing.
 * 2. A transaction that finds no object, or a stale one, gives its first caller the obligation to insert one. If none was
 *    found, other callers wait until the insert begins, and read the content while it is written.
 * 3. An obligation that is cancelled goes to the first caller that waits.
 * 4. An object is removed when another replaces it, when it is purged, when it has expired and cannot be revalidated any
 *    more, and, the least recently used first, when all objects exceed the limit on bytes. Readers that have opened it
 *    read on.
 * 5. A driver, if there is one, stores each object from its completion until its removal; the next cache begins with the
 *    stored objects. While the driver is asked for a content, lookups of its key wait.
 * 6. A driver that several caches share is a second level: a lookup that finds no fresh object asks it, and one cache at a
 *    time gets a missing object.
 */
export class Cache {
  /** Resolves when the driver's objects were loaded; undefined if they have been already. */
  readonly loaded: Promise<void> | undefined;
  readonly #entries = new Map<string, CacheEntry>();
  readonly #lru: Lru;
  readonly #now: () => number;
  readonly #persistence: Persistence | undefined;
  readonly #purges: PurgeFollower | undefined;
  readonly #second: SecondLevel | undefined;
  #swept: number;

  /**
   * @param max Maximum size of all objects, in memory and with the driver, in bytes.
   * @param now Returns the time in milliseconds since 1970.
   * @param driver Storage of the objects; by default there is none.
   * @throws {Error} If the driver's data is damaged; the message is one line. With a driver that returns promises,
   * {@linkcode Cache.loaded} rejects with it.
   */
  constructor(
    max: number,
    now: () => number,
    driver?: CacheDriver,
    options: CacheOptions = {},
  ) {
    this.#lru = new Lru(max);
    this.#now = now;
    this.#swept = now();
    const { purgeFeed, clock = machineClock } = options;
    if (purgeFeed) {
      const apply = (purge: Purge, number?: number) => this.#purge(purge, number);
      this.#purges = new PurgeFollower(purgeFeed, apply, clock.elapsed);
    }
    if (!driver) return;
    const calls = new DriverCalls(driver, options);
    const { shared } = driver;
    this.#persistence = new Persistence(calls, now, shared !== undefined);
    if (shared) this.#second = new SecondLevel(shared, calls, clock);
    else this.loaded = this.#load(calls);
  }

  /** Estimated size of all objects, in bytes. */
  get bytes(): number {
    return this.#lru.bytes;
  }

  /** Finds an object that may be used for a request, fresh or stale. Does not wait for other lookups. */
  lookup(key: string, headers: HeaderList): PendingLookup {
    return this.#known(key)?.lookup(headers) ?? nothing();
  }

  /** Inserts an object, and replaces the one for the request if there is one. The caller writes its content. */
  insert(key: string, headers: HeaderList, options: WriteOptions): Inserted {
    this.#sweep();
    return this.#entry(key).insert(headers, options);
  }

  /**
   * Finds an object as {@linkcode Cache.lookup} does, with request collapsing: on a miss one caller gets the obligation to
   * insert the object, and the others wait for it.
   *
   * @param owner Run of a program that makes the lookup.
   */
  transaction(key: string, headers: HeaderList, owner?: object): PendingLookup {
    this.#sweep();
    return this.#entry(key).transaction(headers, owner);
  }

  /**
   * Finds the object to replace. `immediate` neither waits for an obligation nor gives one; `immediate-force-miss` removes
   * the object, so that others wait for the replacement; `wait` waits until an open obligation has ended.
   *
   * @param owner Run of a program that makes the lookup.
   */
  replace(
    key: string,
    headers: HeaderList,
    strategy: ReplaceStrategy,
    owner?: object,
  ): PendingLookup {
    if (strategy !== "immediate") return this.#entry(key).replace(headers, strategy, owner);
    return this.#known(key)?.replace(headers, strategy) ?? nothing();
  }

  /**
   * Removes every object that has a surrogate key. They are gone from memory when the call returns, and from the driver,
   * and from all caches of a {@linkcode PurgeFeed}, when it has answered.
   *
   * @param soft Whether to make them stale instead, so that they can be used while they are revalidated.
   * @returns Number of objects in memory that had the key.
   * @throws {unknown} (or rejects) If the driver fails, so that its objects may come back with the next start; or if the
   * feed fails, so that other caches may still have them.
   */
  purge(surrogateKey: string, soft: boolean): Eventually<number> {
    return this.#purgeEverywhere({ surrogateKey, soft });
  }

  /**
   * Removes every object, from the driver and from all caches of a {@linkcode PurgeFeed} too. Readers that have opened one
   * read on.
   *
   * @returns Number of objects that were in memory.
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

  /** @param number Number of the purge in the feed, if it has one yet: objects that came after it stay. */
  #purge({ surrogateKey, soft }: Purge, number?: number): Eventually<number> {
    let count = 0;
    for (const object of [...this.#lru.objects()]) {
      if (surrogateKey !== undefined && !object.options.surrogateKeys.has(surrogateKey)) continue;
      if (number !== undefined && object.number !== undefined && object.number >= number) continue;
      count++;
      if (soft) object.purged = true;
      else this.#lru.drop(object);
    }
    if (surrogateKey === undefined) return chain(this.drained(), () => count);
    // Shared objects are purged by the feed.
    if (!this.#persistence || (this.#second && this.#purges)) return count;
    const purge = (driver: CacheDriver) => driver.purge(surrogateKey, soft);
    return chain(this.#persistence.calls.write("purge the cache", purge, true), () => count);
  }

  /** Empties the cache and its driver permanently: objects that are still written exist for their readers alone. */
  retire(): void {
    this.#lru.retire();
  }

  /** Resolves when the driver has answered all writes so far, or is late. Never rejects. */
  drained(): Eventually<void> {
    return this.#persistence?.calls.drained();
  }

  /**
   * Makes the driver's deferred writes.
   *
   * @returns Resolves when the driver has answered all calls, or is late; it may be closed then. Never rejects.
   */
  close(): Eventually<void> {
    return this.#persistence?.close();
  }

  #load(calls: DriverCalls): Promise<void> | undefined {
    const fail = (error: unknown): never => {
      const reason = messageOf(error);
      throw new Error(`Cannot use the cache that is kept: ${reason}`, { cause: error });
    };
    try {
      const kept = calls.read("read the cache", (driver) => driver.load());
      if (!(kept instanceof Promise)) return void this.#restore(kept);
      const loaded = kept.then((kept) => this.#restore(kept)).catch(fail);
      loaded.catch(() => {}); // prevents an unhandled rejection if no caller waits
      return loaded;
    } catch (error) {
      fail(error);
    }
  }

  #restore(kept: readonly CacheKept[]): void {
    const expired: ContentId[] = [];
    const restored: { readonly used: number; readonly keep: () => void }[] = [];
    for (const { entry, key, object, id, used } of this.#persistence!.restored(kept)) {
      if (object.phase === "expired") expired.push(id);
      else restored.push({ used, keep: this.#entry(entry).restore(key, object) });
    }
    if (expired.length) this.#persistence?.attempt((driver) => driver.free(expired), true);
    for (const { keep } of restored.sort((a, b) => a.used - b.used)) keep();
  }

  /** Drops expired objects, once a minute. Called before an entry is looked up, since it may remove the entry. */
  #sweep(): void {
    const now = this.#now();
    if (Math.abs(now - this.#swept) < SWEEP) return;
    this.#swept = now;
    for (const object of this.#lru.objects()) {
      if (object.phase === "expired") this.#lru.drop(object);
    }
  }

  /** The entry of a key, if there may be objects: others may have some. */
  #known(key: string): CacheEntry | undefined {
    return this.#second ? this.#entry(key) : this.#entries.get(key);
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
      second: this.#second,
    });
    this.#entries.set(key, entry);
    return entry;
  }
}

function nothing(): PendingLookup {
  return new PendingLookup({ found: undefined, obligation: undefined });
}
