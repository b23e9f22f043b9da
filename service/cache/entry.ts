import { refuse } from "../errors.ts";
import type { HeaderList } from "../http/headers.ts";
import { chain } from "../util/eventually.ts";
import { CacheContent } from "./content.ts";
import type { Lru } from "./lru.ts";
import { CachedObject, FoundObject, type WriteOptions } from "./object.ts";
import type { Inserted, Obligation, PendingLookup } from "./lookup_result.ts";
import type { Persistence } from "./persistence.ts";
import type { PurgeFollower } from "./purge_follower.ts";
import { EntrySearch, type Lease, type SecondLevel } from "./second_level.ts";
import { type Attempt, BEHIND, type Ending, LOADING, Waiters } from "./waiters.ts";
import { foundIn, type Match, usable, type Variant, Variants } from "./variants.ts";
import { variantOf } from "./vary.ts";

/** Strategy of a replacement towards open obligations for the same object. */
export type ReplaceStrategy = "immediate" | "immediate-force-miss" | "wait";

/** Parts of a cache that its entries share. */
interface EntryShared {
  readonly persistence?: Persistence | undefined;
  /** Follows the purges of other caches, and tells whether objects may be used now. */
  readonly purges?: PurgeFollower | undefined;
  /** Has objects of other caches. */
  readonly second?: SecondLevel | undefined;
}

/** Entry of one key: its variants, and the lookups that wait. At most one caller has the obligation for a variant. */
export class CacheEntry {
  readonly #variants: Variants;
  readonly #waiters = new Waiters();
  /** Objects whose content the driver is asked for. */
  readonly #loading = new Set<CachedObject>();
  /** Objects that were loaded, until none is loading: lookups that wait for several objects ask for each once. */
  readonly #loaded = new Set<CachedObject>();
  readonly #key: string;
  readonly #lru: Lru;
  readonly #now: () => number;
  readonly #emptied: () => void;
  readonly #persistence: Persistence | undefined;
  readonly #purges: PurgeFollower | undefined;
  readonly #search: EntrySearch | undefined;
  /** Whether lookups of this entry wait until the cache has caught up with the purges of others. */
  #catchingUp = false;

  /** @param emptied Called when the entry has no variants and no waiting lookups. */
  constructor(
    key: string,
    lru: Lru,
    now: () => number,
    emptied: () => void,
    { persistence, purges, second }: EntryShared = {},
  ) {
    this.#key = key;
    this.#lru = lru;
    this.#now = now;
    this.#emptied = emptied;
    this.#persistence = persistence;
    this.#purges = purges;
    this.#variants = new Variants({
      placeOf: (rule, variant) => persistence?.placeOf(key, rule, variant),
      drop: (object) => lru.drop(object),
    });
    if (second) this.#search = new EntrySearch(key, second, this.#searchHooks());
  }

  /** Finds an object that may be used, fresh or stale. Does not wait for other lookups, and gives no obligation. */
  lookup(headers: HeaderList): PendingLookup {
    return this.#join(headers, (ending) => {
      const matches = this.#matches(headers);
      if (!matches) return LOADING;
      const match = usable(matches);
      return this.#searches(match, ending) ? LOADING : settled(this.#use(match));
    });
  }

  /** As {@linkcode CacheEntry.lookup}, but one caller gets the obligation for a missing or stale object. */
  transaction(headers: HeaderList, owner?: object): PendingLookup {
    return this.#join(headers, (ending) => this.#attempt(headers, ending, owner));
  }

  /** Finds the object to replace, with an obligation if other lookups have to wait for the replacement. */
  replace(headers: HeaderList, strategy: ReplaceStrategy, owner?: object): PendingLookup {
    return this.#join(headers, (ending) => this.#replace(headers, strategy, ending, owner));
  }

  #replace(
    headers: HeaderList,
    strategy: ReplaceStrategy,
    ending: Ending,
    owner: object | undefined,
  ): Attempt {
    const matches = this.#matches(headers);
    if (!matches) return LOADING;
    const match = usable(matches);
    if (this.#searches(match, ending)) return LOADING;
    const found = foundIn(match);
    if (strategy === "immediate") return settled(found);
    const busy = matches.some(({ variant }) => variant.obligation);
    if (busy && strategy === "wait") return BEHIND;
    if (strategy === "immediate-force-miss") {
      for (const { variant } of matches) this.#empty(variant);
    }
    const variant = busy ? undefined : match?.variant ?? this.#variants.newest(headers);
    const obligation = variant && this.#oblige(variant, headers, found?.object, owner);
    for (const { variant } of matches) this.#prune(variant);
    return settled(found, obligation);
  }

  /** Inserts an object, and replaces the one for the request if there is one. */
  insert(headers: HeaderList, options: WriteOptions, lease?: Lease): Inserted {
    const persistence = this.#persistence;
    const inMemory = options.sensitive || persistence?.shared;
    const content = new CacheContent(options.length, persistence?.calls, inMemory);
    const object = new CachedObject(content, options, this.#now);
    // For its writer the object is fresh, whatever its lifetime.
    const found = new FoundObject(object, "fresh");
    this.#store(headers, object, lease);
    return { content, found };
  }

  /**
   * Adds an object that the driver has stored, unless there is a newer one.
   *
   * @param key Key of the variant.
   * @returns Function that adds the object to the LRU list, as the most recently used.
   */
  restore(key: string, object: CachedObject): () => void {
    const variant = this.#variants.front(object.options.varyRule, key);
    if (variant.object && variant.object.stored >= object.stored) return () => {};
    this.#clear(variant);
    this.#variants.set(variant, object);
    variant.place?.restore(object.content);
    return () => this.#keep(variant, object);
  }

  #attempt(
    headers: HeaderList,
    { excused, released }: Ending,
    owner: object | undefined,
  ): Attempt {
    const matches = this.#matches(headers);
    if (!matches) return LOADING;
    const match = usable(matches);
    if (match) {
      const renew = match.phase === "stale" && !match.variant.obligation;
      if (!renew) return settled(this.#use(match));
      const lease = this.#lease(match.variant, false);
      if (lease === "searching") return LOADING;
      const found = this.#use(match);
      if (lease === "busy") return settled(found);
      return settled(found, this.#oblige(match.variant, headers, found?.object, owner, lease));
    }
    const spare = matches.find(({ phase }) => phase === "if-error") ??
      matches.find(({ phase }) => phase === "revalidatable");
    if (spare?.phase === "if-error" && spare.variant.object === excused) {
      return settled(this.#use(spare));
    }
    if (matches.some(({ variant }) => variant.obligation)) return BEHIND;
    const variant = spare?.variant ?? this.#variants.newest(headers);
    if (variant === released) return settled(undefined);
    const lease = this.#lease(variant, true);
    if (lease === "searching" || lease === "busy") return LOADING;
    const found = this.#use(spare);
    return settled(found, this.#oblige(variant, headers, found?.object, owner, lease));
  }

  /**
   * Finds the variant of a request by each rule, that of the newest object first.
   *
   * @returns Undefined while the driver loads one of them; waiting lookups are woken when it has.
   */
  #matches(headers: HeaderList): Match[] | undefined {
    const matches: Match[] = [];
    let loading = false;
    for (const variant of this.#variants.of(headers)) {
      if (variant.object && this.#mayBePurged()) return undefined;
      if (variant.object && this.#isLoading(variant, variant.object)) loading = true;
      // The phase is read once, since it may change between two readings.
      matches.push({ variant, phase: variant.object?.phase });
    }
    return loading ? undefined : matches;
  }

  /** Whether objects may have been purged elsewhere. The cache then catches up, and waiting lookups are woken. */
  #mayBePurged(): boolean {
    const purges = this.#purges;
    if (!purges || purges.current) return false;
    if (this.#catchingUp) return true;
    this.#catchingUp = true;
    purges.catchUp().then(() => {
      this.#catchingUp = false;
      this.#waiters.wake();
      this.#forgetIfEmpty();
    });
    return true;
  }

  /** Searches for objects of other caches if there is no fresh one here; returns whether the search is running. */
  #searches(match: Match | undefined, { searched }: Ending): boolean {
    if (!this.#search || searched || match?.phase === "fresh") return false;
    this.#search.search();
    return true;
  }

  #lease(variant: Variant, waits: boolean): ReturnType<EntrySearch["lease"]> {
    return variant.place && this.#search?.lease(variant.place.name, waits);
  }

  #searchHooks(): ConstructorParameters<typeof EntrySearch>[2] {
    return {
      found: (objects, number) => {
        for (const { key, object } of this.#persistence!.restored(objects, number)) {
          if (object.phase !== "expired") this.restore(key, object)();
        }
      },
      wake: () => {
        this.#waiters.wake({ searched: true });
        this.#forgetIfEmpty();
      },
      awaited: () => this.#waiters.size > 0,
    };
  }

  /** Whether the driver still loads the object's content. If the content does not exist, the variant is emptied. */
  #isLoading(variant: Variant, object: CachedObject): boolean {
    if (this.#loading.has(object)) return true;
    if (this.#loaded.has(object)) return false;
    const exists = object.content.prepare(this.#now);
    if (!(exists instanceof Promise)) {
      // The variant is not pruned: the caller may insert into it next.
      if (!exists) this.#empty(variant);
      return false;
    }
    this.#loading.add(object);
    exists.then((exists) => this.#endLoading(variant, object, exists));
    return true;
  }

  #endLoading(variant: Variant, object: CachedObject, exists: boolean): void {
    this.#loading.delete(object);
    if (exists) this.#loaded.add(object);
    else if (variant.object === object) this.#empty(variant);
    // Lookups that wait must not find an object again whose content cannot be read.
    this.#waiters.wake({ searched: true });
    if (!this.#loading.size) this.#loaded.clear();
    this.#prune(variant);
  }

  /** Returns the object of a match, and counts a hit. */
  #use(match: Match | undefined): FoundObject | undefined {
    const object = match?.variant.object;
    if (!object) return undefined;
    object.hits++;
    this.#lru.touch(object);
    this.#persistence?.used(object);
    return foundIn(match);
  }

  #oblige(
    variant: Variant,
    headers: HeaderList,
    known: CachedObject | undefined,
    owner: object | undefined,
    lease?: Lease,
  ): Obligation {
    const end = () => {
      if (variant.obligation !== obligation) {
        refuse("bad-handle", "Cannot write: there is no obligation any more");
      }
      variant.obligation = undefined;
    };
    const waiters = this.#waiters;
    const obligation: Obligation = {
      owner,
      get open() {
        return variant.obligation === obligation;
      },
      get awaited() {
        return waiters.size > 0;
      },
      insert: (options, own = headers) => {
        end();
        const inserted = this.insert(own, options, lease);
        this.#prune(variant);
        return inserted;
      },
      update: (options) => {
        if (!known) refuse("bad-handle", "Cannot update an object: none was found");
        end();
        // Both objects have the same content, whose size must be counted once.
        if (variant.object === known) this.#clear(variant);
        const object = new CachedObject(known.content, options, this.#now, known.hits);
        const found = new FoundObject(object, "fresh");
        this.#store(headers, object, lease);
        if (!variant.object) variant.place?.clearBefore(known.content);
        this.#prune(variant);
        return found;
      },
      useStale: () => {
        end();
        lease?.release(false);
        this.#waiters.wake({ excused: known });
        this.#prune(variant);
      },
      cancel: () => {
        end();
        lease?.release(true);
        this.#waiters.wake();
        this.#prune(variant);
      },
      release: () => {
        end();
        lease?.release(false);
        this.#waiters.wake({ released: variant });
        this.#prune(variant);
      },
    };
    variant.obligation = obligation;
    return obligation;
  }

  #store(headers: HeaderList, object: CachedObject, lease?: Lease): void {
    object.number = this.#purges?.done;
    const { varyRule } = object.options;
    const variant = this.#variants.front(varyRule, variantOf(varyRule, headers));
    this.#clear(variant);
    this.#persistence?.retain(object.content);
    this.#variants.set(variant, object);
    this.#keep(variant, object);
    if (this.#persistence) this.#persist(variant, object, this.#persistence, lease);
    this.#waiters.wake();
  }

  #keep(variant: Variant, object: CachedObject): void {
    this.#lru.keep(object, this.#key.length + variant.key.length, () => {
      if (variant.object === object) variant.object = undefined;
      this.#persistence?.release(object.content);
      variant.place?.drop();
      this.#prune(variant);
    });
  }

  /** Stores the object once it is complete, if it is still the variant's then. */
  #persist(
    variant: Variant,
    object: CachedObject,
    persistence: Persistence,
    lease: Lease | undefined,
  ): void {
    const { content, options } = object;
    if (options.sensitive) persistence.confine(content);
    content.settled = () => {
      const isCurrent = () => variant.object === object;
      const end = () => lease?.release(!options.sensitive && content.complete);
      if (isCurrent()) return chain(variant.place?.put(object, isCurrent), end);
      end();
      persistence.sweep();
    };
    if (content.ended) content.settled();
  }

  #clear(variant: Variant): void {
    const { object } = variant;
    if (!object) return;
    this.#lru.release(object);
    variant.object = undefined;
    this.#persistence?.release(object.content);
  }

  /** Removes the object of a variant from the driver too, since it may not be replaced. */
  #empty(variant: Variant): void {
    this.#clear(variant);
    variant.place?.clear();
  }

  /** Removes a variant that has neither an object nor an obligation. */
  #prune(variant: Variant): void {
    if (this.#variants.prune(variant)) this.#forgetIfEmpty();
  }

  #forgetIfEmpty(): void {
    if (!this.#waiters.size && this.#variants.empty) this.#emptied();
  }

  #join(headers: HeaderList, attempt: (ending: Ending) => Attempt): PendingLookup {
    return this.#waiters.join(attempt, () => this.#variants.owners(headers));
  }
}

function settled(found: FoundObject | undefined, obligation?: Obligation): Attempt {
  return { state: "settled", result: { found, obligation } };
}
