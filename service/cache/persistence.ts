import type { CacheContent } from "./content.ts";
import type { CacheDriver, CacheRecord, ContentId } from "./driver.ts";
import { encodeHead } from "./head.ts";
import type { CachedObject } from "./object.ts";
import type { VaryRule } from "./vary.ts";

/** How long whoever has found an object may wait before it reads what only the driver has, in milliseconds. */
const GRACE = 10_000;
/** Bytes that may wait for the end of the turn to be freed. */
const MAX_UNWANTED = 1 << 20;

/**
 * Has a driver keep what is in the cache. What must not be lost is written at once. What only saves room, and how often
 * objects were found, is written when the turn ends, all of it together.
 */
export class Persistence {
  readonly driver: CacheDriver;
  readonly #now: () => number;
  /** Contents that left the cache, while somebody may still read them. */
  readonly #leaving = new Set<CacheContent>();
  readonly #used = new Set<CachedObject>();
  readonly #unwanted: ContentId[] = [];
  #unwantedBytes = 0;
  #scheduled = false;

  constructor(driver: CacheDriver, now: () => number) {
    this.driver = driver;
    this.#now = now;
  }

  /** Where the driver has the object for a variant. */
  slot(key: string, rule: VaryRule, variant: string): PersistedEntry {
    return new PersistedEntry(this, key, rule, variant);
  }

  /** Notes that an object was found. */
  used(object: CachedObject): void {
    this.#used.add(object);
    this.#schedule();
  }

  /** Notes that a content has left the cache. */
  release(content: CacheContent): void {
    if (content.ended && !content.shelved) return;
    content.idle = () => this.sweep();
    this.#leaving.add(content);
    this.sweep();
  }

  /** Notes that a content is in the cache, again perhaps. */
  retain(content: CacheContent): void {
    this.#leaving.delete(content);
  }

  /** Has a content in memory only from now on. */
  confine(content: CacheContent): void {
    content.confine();
    this.#free(content);
  }

  /** Has the contents freed that nobody reads any more. */
  sweep(): void {
    for (const content of this.#leaving) {
      if (content.slot || this.#held(content)) continue;
      this.#free(content);
      // It may be longer than all that there is room for.
      content.abandon();
    }
  }

  /**
   * Has an object found no more, and its content freed if nobody needs it there.
   *
   * @param soon Whether that may wait for the end of the turn.
   */
  detach(content: CacheContent, soon: boolean): void {
    const needed = content.shelved && (!this.#leaving.has(content) || this.#held(content));
    if ((needed || !soon) && content.id !== undefined) this.#hide(content.id, soon);
    if (!needed) this.#free(content);
  }

  #hide(content: ContentId, soon: boolean): void {
    try {
      this.driver.hide(content);
    } catch (error) {
      if (!soon) throw error; // else nobody was promised that it goes
    }
  }

  /** Writes what has been put off, and frees what is only there for those who read. */
  close(): void {
    for (const content of this.#leaving) if (!content.slot) this.#free(content);
    this.#flush();
  }

  #held(content: CacheContent): boolean {
    const writing = !content.ended && !content.shelved;
    return content.readers > 0 || writing || Math.abs(this.#now() - content.found) < GRACE;
  }

  #free(content: CacheContent): void {
    this.#leaving.delete(content);
    const { id } = content;
    if (id === undefined) return;
    content.lose();
    this.#unwanted.push(id);
    this.#unwantedBytes += content.written;
    if (this.#unwantedBytes > MAX_UNWANTED) this.#tidy();
    else this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#tidy();
    });
  }

  #tidy(): void {
    try {
      this.#flush();
    } catch {
      // Nobody was promised any of it: it goes with what comes next, or with the next start.
    }
  }

  #flush(): void {
    if (this.#used.size) {
      const hits = new Map<ContentId, number>();
      for (const { content, hits: count } of this.#used) {
        if (content.slot && content.id !== undefined) hits.set(content.id, count);
      }
      if (hits.size) this.driver.use(hits);
      this.#used.clear();
    }
    if (!this.#unwanted.length) return;
    this.driver.free(this.#unwanted);
    this.#unwanted.length = this.#unwantedBytes = 0;
  }
}

/** Where a driver has the object for one variant. While a new one is written, that is still the one before it. */
export class PersistedEntry {
  readonly #persistence: Persistence;
  readonly #key: string;
  readonly #rule: VaryRule;
  readonly #variant: string;
  #content: CacheContent | undefined;

  constructor(persistence: Persistence, key: string, rule: VaryRule, variant: string) {
    this.#persistence = persistence;
    this.#key = key;
    this.#rule = rule;
    this.#variant = variant;
  }

  /** Takes note of what the driver has here. */
  restore(content: CacheContent): void {
    content.slot = this;
    this.#content = content;
  }

  /** Has an object kept whose content has ended, if it may and can be. */
  put(object: CachedObject): void {
    const { content, options } = object;
    if (options.sensitive || !content.complete || content.lost) return this.clear();
    const { driver } = this.#persistence;
    const record: CacheRecord = {
      place: JSON.stringify([this.#key, this.#rule, this.#variant]),
      head: encodeHead({ key: this.#key, variant: this.#variant, stored: object.stored, options }),
      surrogateKeys: options.surrogateKeys,
      length: content.written,
      hits: object.hits,
      purged: object.purged,
    };
    let id = driver.put(record, content.id, content.unkept());
    if (id === undefined) {
      // Another process had it freed.
      content.lose();
      if (content.lost) return this.clear();
      id = driver.put(record, undefined, content.unkept())!;
    }
    content.keep(id);
    const before = this.#content;
    this.restore(content);
    // The driver has put it in the place of the one before.
    if (before !== content) this.#leave(before, true);
  }

  /** Has the object here found no more. */
  clear(): void {
    this.#leave(this.#content, false);
  }

  /** As {@linkcode PersistedEntry.clear}, with the end of the turn: for what nobody was promised to be gone. */
  drop(): void {
    this.#leave(this.#content, true);
  }

  #leave(content: CacheContent | undefined, soon: boolean): void {
    if (this.#content === content) this.#content = undefined;
    // An update may have moved it to another place.
    if (content?.slot !== this) return;
    content.slot = undefined;
    this.#persistence.detach(content, soon);
  }
}
