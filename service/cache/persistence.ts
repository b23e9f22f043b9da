import { chain, type Eventually } from "../util/eventually.ts";
import { CacheContent } from "./content.ts";
import type { CacheDriver, CacheKept, CacheRecord, ContentId } from "./driver.ts";
import type { DriverCalls } from "./driver_calls.ts";
import { decodeRecordHead, encodeRecordHead } from "./head.ts";
import { leftOf } from "./lifetime.ts";
import { CachedObject } from "./object.ts";
import type { VaryRule } from "./vary.ts";

/** Time for which an object that was looked up can be opened after it has left the cache, in milliseconds. */
const GRACE = 10_000;
/** Maximum size of contents that wait for the end of the turn to be freed, in bytes. */
const MAX_UNWANTED = 1 << 20;
const WRITE = "write to the cache";

/** An object of the driver's. */
interface RestoredObject {
  /** Key of the cache. */
  readonly entry: string;
  /** Key of the variant. */
  readonly key: string;
  readonly object: CachedObject;
  readonly id: ContentId;
  /** Order of its last use. */
  readonly used: number;
}

/**
 * Writes the cache's changes to its driver. An object is stored when its content is complete. Contents to free and numbers
 * of hits are written once, at the end of a turn of the event loop.
 *
 * No method throws or rejects: {@linkcode DriverCalls} logs the driver's failures.
 */
export class Persistence {
  readonly calls: DriverCalls;
  /** Whether other caches use the driver's objects, too: an object that leaves this cache stays there. */
  readonly shared: boolean;
  readonly #now: () => number;
  /** Contents that have left the cache and may still be read. */
  readonly #leaving = new Set<CacheContent>();
  readonly #used = new Set<CachedObject>();
  #unwanted: ContentId[] = [];
  #unwantedBytes = 0;
  #scheduled = false;

  constructor(calls: DriverCalls, now: () => number, shared = false) {
    this.calls = calls;
    this.#now = now;
    this.shared = shared;
  }

  /**
   * Makes objects of the driver's records, in the order of their inserts and updates.
   *
   * @param number Number of the last purge before them.
   * @throws {Error} If it is damaged.
   */
  restored(kept: readonly CacheKept[], number?: number): RestoredObject[] {
    const restored = kept.map(({ content: id, length, hits, purged, used, head }) => {
      const { key: entry, variant, stored, options } = decodeRecordHead(head);
      const content = CacheContent.kept(this.calls, id, length);
      const object = new CachedObject(content, options, this.#now, hits, stored);
      object.purged = purged;
      object.number = number;
      return { entry, key: variant, object, id, used };
    });
    return restored.sort((a, b) => a.object.stored - b.object.stored);
  }

  /** Returns the place of a variant in the driver. */
  placeOf(key: string, rule: VaryRule, variant: string): PersistedPlace {
    return new PersistedPlace(this, key, rule, variant);
  }

  /** Notes that an object was found. */
  used(object: CachedObject): void {
    if (this.shared) return;
    this.#used.add(object);
    this.#schedule();
  }

  /** Notes that a content has left the cache. */
  release(content: CacheContent): void {
    if (content.ended && !content.spooled) return;
    content.idle = () => this.sweep();
    this.#leaving.add(content);
    this.sweep();
  }

  /** Notes that a content is in the cache, for the first time or again. */
  retain(content: CacheContent): void {
    this.#leaving.delete(content);
  }

  /** Keeps a content in memory only from now on, since its object has become sensitive. */
  confine(content: CacheContent): void {
    const confined = content.confine();
    if (this.shared && content.id !== undefined) this.#hide(content.id);
    if (!(confined instanceof Promise)) return this.#free(content);
    // Hidden first, so that the next start does not find it even if the rest fails.
    if (content.id !== undefined) this.#hide(content.id);
    confined.then(() => this.#free(content));
  }

  /** Frees contents that have left the cache and have no readers. */
  sweep(): void {
    for (const content of this.#leaving) {
      if (content.place || this.#inUse(content)) continue;
      this.#free(content);
      // The rest is not written: it may be longer than the cache.
      content.abandon();
    }
  }

  /**
   * Removes an object from the driver, and frees its content if no reader needs it.
   *
   * @param soon Whether that may wait for the end of the turn.
   * @returns Undefined, or a promise that resolves when the driver has answered.
   */
  detach(content: CacheContent, soon: boolean): Eventually<void> {
    const needed = content.spooled && (!this.#leaving.has(content) || this.#inUse(content));
    const { id } = content;
    const hides = !soon || (needed && !this.shared);
    const hidden = hides && id !== undefined ? this.#hide(id) : undefined;
    if (!needed) this.#free(content);
    return hidden;
  }

  /** Runs a write whose failure is logged and otherwise ignored. */
  attempt(run: (driver: CacheDriver) => Eventually<void>, lasting: boolean): Eventually<void> {
    try {
      const written = this.calls.write(WRITE, run, lasting);
      if (written instanceof Promise) return written.catch(() => {});
    } catch {
      // Logged.
    }
  }

  /**
   * Makes the deferred writes, and frees contents that exist for readers alone.
   *
   * @returns Resolves when the driver has answered all calls, or is late; the driver may be closed then.
   */
  close(): Eventually<void> {
    for (const content of this.#leaving) if (!content.place) this.#free(content);
    this.#flush();
    return this.calls.drained();
  }

  #hide(content: ContentId): Eventually<void> {
    return this.attempt((driver) => driver.hide(content), true);
  }

  #inUse(content: CacheContent): boolean {
    const writing = !content.ended && !content.spooled;
    return content.readers > 0 || writing || Math.abs(this.#now() - content.preparedAt) < GRACE;
  }

  #free(content: CacheContent): void {
    this.#leaving.delete(content);
    const { id } = content;
    content.lose();
    if (id === undefined || this.shared) return;
    this.#unwanted.push(id);
    this.#unwantedBytes += content.written;
    if (this.#unwantedBytes > MAX_UNWANTED) this.#flush();
    else this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const hits = new Map<ContentId, number>();
    for (const { content, hits: count } of this.#used) {
      if (content.place && content.id !== undefined) hits.set(content.id, count);
    }
    this.#used.clear();
    if (hits.size) this.attempt((driver) => driver.use(hits), false);
    const unwanted = this.#unwanted;
    if (!unwanted.length) return;
    this.#unwanted = [];
    this.#unwantedBytes = 0;
    this.attempt((driver) => driver.free(unwanted), true);
  }
}

/** Place of one variant in the driver. While a new object is written, the place still has the previous one. */
export class PersistedPlace {
  readonly #persistence: Persistence;
  readonly #key: string;
  readonly #rule: VaryRule;
  readonly #variant: string;
  #content: CacheContent | undefined;
  #name: string | undefined;

  constructor(persistence: Persistence, key: string, rule: VaryRule, variant: string) {
    this.#persistence = persistence;
    this.#key = key;
    this.#rule = rule;
    this.#variant = variant;
  }

  /** Notes that the driver has an object with this content here. */
  restore(content: CacheContent): void {
    content.place = this;
    this.#content = content;
  }

  /**
   * Stores an object whose content has ended. If it cannot be stored, the place is cleared.
   *
   * @param isCurrent Returns whether the object is still the variant's; it may be replaced before the write's turn.
   * @returns Undefined, or a promise that resolves when the driver has answered.
   */
  put(object: CachedObject, isCurrent: () => boolean): Eventually<void> {
    const { content, options } = object;
    const { calls } = this.#persistence;
    if (options.sensitive || !content.keepable) return this.clear();
    let stored = false;
    const run = (driver: CacheDriver): Eventually<void> => {
      if (!isCurrent()) return;
      const { hits } = object;
      return chain(this.#write(driver, object), (id) => {
        stored = id !== undefined;
        if (id !== undefined) this.#took(content, id, isCurrent());
        if (object.hits !== hits) this.#persistence.used(object);
      });
    };
    const end = () => stored ? undefined : this.#missed(content, isCurrent());
    try {
      const written = calls.write(WRITE, run);
      return written instanceof Promise ? written.then(end, end) : end();
    } catch {
      return end();
    }
  }

  /**
   * Removes the object from the driver.
   *
   * @returns Undefined, or a promise that resolves when the driver has answered.
   */
  clear(): Eventually<void> {
    return this.#leave(this.#content, false);
  }

  /** As {@linkcode PersistedPlace.clear}, unless the driver has this content here, which is about to move. */
  clearBefore(content: CacheContent): void {
    if (this.#content !== content) this.clear();
  }

  /** As {@linkcode PersistedPlace.clear}, but at the end of the turn, for removals that no caller waits for. */
  drop(): void {
    this.#leave(this.#content, true);
  }

  #write(driver: CacheDriver, object: CachedObject): Eventually<ContentId | undefined> {
    const { content } = object;
    const put = () => driver.put(this.#recordOf(object), content.id, content.unkept());
    return chain(put(), (id) => {
      if (id !== undefined) return id;
      // Another process has freed the content.
      content.lose();
      return content.lost ? undefined : put();
    });
  }

  /** Identifies the variant. */
  get name(): string {
    return this.#name ??= JSON.stringify([this.#key, this.#rule, this.#variant]);
  }

  /**
   * Removes what the driver has in place of an object that was not stored. The content of an updated object may be at its
   * previous place, with the options from before the update.
   */
  #missed(content: CacheContent, current: boolean): Eventually<void> {
    const { place, findable } = content;
    const stays = place && place !== this && (current || !findable);
    const cleared = stays ? place.clear() : undefined;
    return current ? chain(cleared, () => this.clear()) : cleared;
  }

  #recordOf(object: CachedObject): CacheRecord {
    const { content, options, stored, hits, purged, number, age } = object;
    const { freshFor, keepFor } = leftOf(options.lifetime, age);
    return {
      place: this.name,
      key: this.#key,
      freshFor: purged ? 0 : freshFor,
      keepFor,
      number,
      head: encodeRecordHead({ key: this.#key, variant: this.#variant, stored, options }),
      surrogateKeys: options.surrogateKeys,
      length: content.written,
      hits,
      purged,
    };
  }

  /** Notes that the driver has stored an object here, and releases the previous one. */
  #took(content: CacheContent, id: ContentId, isCurrent: boolean): void {
    content.keep(id);
    const before = this.#content;
    this.restore(content);
    if (before !== content) this.#leave(before, true);
    if (isCurrent) return;
    if (this.#persistence.shared) this.clear();
    else this.drop();
  }

  #leave(content: CacheContent | undefined, soon: boolean): Eventually<void> {
    if (this.#content === content) this.#content = undefined;
    // An update may have moved the content to another place.
    if (content?.place !== this) return;
    content.place = undefined;
    return this.#persistence.detach(content, soon);
  }
}
