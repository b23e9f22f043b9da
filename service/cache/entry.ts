import { refuse } from "../errors.ts";
import type { HeaderList } from "../http/headers.ts";
import { CacheContent } from "./content.ts";
import type { Phase } from "./lifetime.ts";
import type { Lru } from "./lru.ts";
import { CachedObject, FoundObject, type WriteOptions } from "./object.ts";
import type { Inserted, Obligation, PendingLookup } from "./lookup_result.ts";
import type { PersistedEntry, Persistence } from "./persistence.ts";
import type { PurgeFollower } from "./purge_follower.ts";
import { type Attempt, BEHIND, type Ending, LOADING, Waiters } from "./waiters.ts";
import { ANY_REQUEST, sameRule, variantOf, type VaryRule } from "./vary.ts";

/** How a replacement goes about others who are getting the same object. */
export type ReplaceStrategy = "immediate" | "immediate-force-miss" | "wait";

/** The most rules of a key, as each of them is looked at: an origin may come with another `Vary` each time. */
const MAX_RULES = 32;

/** What the entries of a cache have in common, besides its bound of bytes. */
export interface EntryShared {
  readonly persistence?: Persistence | undefined;
  /** Tells whether objects may be used now. */
  readonly purges?: PurgeFollower | undefined;
}

/** A rule, and what there is for the requests that were met. */
interface Rule {
  readonly names: VaryRule;
  readonly variants: Map<string, Variant>;
}

/** What is served to requests that agree in the fields of a rule. */
interface Variant {
  readonly rule: Rule;
  readonly key: string;
  /** Where the object is kept, if something keeps objects. */
  readonly slot: PersistedEntry | undefined;
  object: CachedObject | undefined;
  obligation: Obligation | undefined;
}

/** A variant that a request may be served, and what it is good for at the moment. */
interface Match {
  readonly variant: Variant;
  readonly phase: Phase | undefined;
}

/** All that is known of one key. At most one has the obligation for a variant; the others wait in order. */
export class CacheEntry {
  /** The one of the newest object first. */
  #rules: Rule[] = [];
  readonly #waiters = new Waiters();
  /** Objects of which the driver is asked whether their content exists. */
  readonly #loading = new Set<CachedObject>();
  /** Objects of which it has said so, until no object is loading: lookups that waited for several ask for each once. */
  readonly #loaded = new Set<CachedObject>();
  readonly #key: string;
  readonly #lru: Lru;
  readonly #now: () => number;
  readonly #emptied: () => void;
  readonly #persistence: Persistence | undefined;
  readonly #purges: PurgeFollower | undefined;
  /** Whether lookups of this entry wait for the purges that the cache has missed. */
  #catchingUp = false;

  /** @param emptied Is called when there is nothing left to know. */
  constructor(
    key: string,
    lru: Lru,
    now: () => number,
    emptied: () => void,
    { persistence, purges }: EntryShared = {},
  ) {
    this.#key = key;
    this.#lru = lru;
    this.#now = now;
    this.#emptied = emptied;
    this.#persistence = persistence;
    this.#purges = purges;
  }

  /** Finds an object that may be used, fresh or stale; waits for no other lookup and gives no obligation. */
  lookup(headers: HeaderList): PendingLookup {
    return this.#join(headers, () => {
      const matches = this.#matches(headers);
      return matches ? settled(this.#use(usable(matches))) : LOADING;
    });
  }

  /** As {@linkcode CacheEntry.lookup}, but one caller gets the obligation for what is missing or stale. */
  transaction(headers: HeaderList, owner?: object): PendingLookup {
    return this.#join(headers, (ending) => this.#attempt(headers, ending, owner));
  }

  /** Finds the object to be replaced. An obligation comes with it if others are to wait for the replacement. */
  replace(headers: HeaderList, strategy: ReplaceStrategy, owner?: object): PendingLookup {
    return this.#join(headers, () => this.#replace(headers, strategy, owner));
  }

  #replace(headers: HeaderList, strategy: ReplaceStrategy, owner: object | undefined): Attempt {
    const matches = this.#matches(headers);
    if (!matches) return LOADING;
    const match = usable(matches);
    const found = see(match);
    if (strategy === "immediate") return settled(found);
    const busy = matches.some(({ variant }) => variant.obligation);
    if (busy && strategy === "wait") return BEHIND;
    if (strategy === "immediate-force-miss") {
      for (const { variant } of matches) this.#empty(variant);
    }
    const variant = busy ? undefined : match?.variant ?? this.#newest(headers);
    const obligation = variant && this.#oblige(variant, headers, found?.object, owner);
    for (const { variant } of matches) this.#prune(variant);
    return settled(found, obligation);
  }

  /** Puts an object in the place of whatever there is for the request. */
  insert(headers: HeaderList, options: WriteOptions): Inserted {
    const content = new CacheContent(options.length, this.#persistence?.calls, options.sensitive);
    const object = new CachedObject(content, options, this.#now);
    // Found by its writer, before it can be stale.
    const found = new FoundObject(object, "fresh");
    this.#store(headers, object);
    return { content, found };
  }

  /**
   * Puts an object that the driver has in its place, unless a newer one is there.
   *
   * @param key Key of the variant.
   * @returns A function that counts it, as the most recently used.
   */
  restore(key: string, object: CachedObject): () => void {
    const variant = this.#variant(this.#front(object.options.varyRule), key);
    if (variant.object) return () => {};
    variant.object = object;
    variant.slot?.restore(object.content);
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
      const found = this.#use(match);
      if (!renew) return settled(found);
      return settled(found, this.#oblige(match.variant, headers, found?.object, owner));
    }
    const spare = matches.find(({ phase }) => phase === "if-error") ??
      matches.find(({ phase }) => phase === "revalidatable");
    if (spare?.phase === "if-error" && spare.variant.object === excused) {
      return settled(this.#use(spare));
    }
    if (matches.some(({ variant }) => variant.obligation)) return BEHIND;
    const variant = spare?.variant ?? this.#newest(headers);
    if (variant === released) return settled(undefined);
    const found = this.#use(spare);
    return settled(found, this.#oblige(variant, headers, found?.object, owner));
  }

  /**
   * The variant of the request by each rule, that of the newest rule first.
   *
   * @returns Undefined while the driver is asked for one of them: the lookups that wait are woken then.
   */
  #matches(headers: HeaderList): Match[] | undefined {
    const matches: Match[] = [];
    let loading = false;
    for (const { names, variants } of this.#rules) {
      const variant = variants.get(variantOf(names, headers));
      if (!variant) continue;
      if (variant.object && this.#mayBePurged()) return undefined;
      if (variant.object && this.#isLoading(variant, variant.object)) loading = true;
      // The phase is read once: time goes on, and what is fresh now may be stale at the next reading.
      matches.push({ variant, phase: variant.object?.phase });
    }
    return loading ? undefined : matches;
  }

  /** Whether the objects may have been purged elsewhere; that is then found out, and the lookups that wait are woken. */
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

  /** Whether the driver still has to say whether the object's content exists. If it does not, the variant is emptied. */
  #isLoading(variant: Variant, object: CachedObject): boolean {
    if (this.#loading.has(object)) return true;
    if (this.#loaded.has(object)) return false;
    const exists = object.content.find(this.#now);
    if (!(exists instanceof Promise)) {
      // Not pruned: what is looked up here may be written next.
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
    this.#waiters.wake();
    if (!this.#loading.size) this.#loaded.clear();
    this.#prune(variant);
  }

  /** Counts a hit. */
  #use(match: Match | undefined): FoundObject | undefined {
    const object = match?.variant.object;
    if (!object) return undefined;
    object.hits++;
    this.#lru.touch(object);
    this.#persistence?.used(object);
    return see(match);
  }

  /** Where the newest rule puts an object for the request: who waits looks there. */
  #newest(headers: HeaderList): Variant {
    const rule = this.#rules[0] ?? this.#front(ANY_REQUEST);
    return this.#variant(rule, variantOf(rule.names, headers));
  }

  #oblige(
    variant: Variant,
    headers: HeaderList,
    known: CachedObject | undefined,
    owner: object | undefined,
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
        const inserted = this.insert(own, options);
        this.#prune(variant);
        return inserted;
      },
      update: (options) => {
        if (!known) refuse("bad-handle", "Cannot update an object: none was found");
        end();
        // The new object has the content of the old, whose growth is to be counted once.
        if (variant.object === known) this.#clear(variant);
        const object = new CachedObject(known.content, options, this.#now, known.hits);
        const found = new FoundObject(object, "fresh");
        this.#store(headers, object);
        this.#prune(variant);
        return found;
      },
      useStale: () => {
        end();
        this.#waiters.wake({ excused: known });
        this.#prune(variant);
      },
      cancel: () => {
        end();
        this.#waiters.wake();
        this.#prune(variant);
      },
      release: () => {
        end();
        this.#waiters.wake({ released: variant });
        this.#prune(variant);
      },
    };
    variant.obligation = obligation;
    return obligation;
  }

  #store(headers: HeaderList, object: CachedObject): void {
    const rule = this.#front(object.options.varyRule);
    const variant = this.#variant(rule, variantOf(rule.names, headers));
    this.#clear(variant);
    this.#persistence?.retain(object.content);
    variant.object = object;
    this.#keep(variant, object);
    if (this.#persistence) this.#persist(variant, object, this.#persistence);
    this.#waiters.wake();
  }

  #keep(variant: Variant, object: CachedObject): void {
    this.#lru.keep(object, this.#key.length + variant.key.length, () => {
      if (variant.object === object) variant.object = undefined;
      this.#persistence?.release(object.content);
      variant.slot?.drop();
      this.#prune(variant);
    });
  }

  /** Has the object kept once it is complete, if it is still there then. */
  #persist(variant: Variant, object: CachedObject, persistence: Persistence): void {
    const { content, options } = object;
    if (options.sensitive) persistence.confine(content);
    content.settled = () => {
      const isCurrent = () => variant.object === object;
      if (isCurrent()) return variant.slot?.put(object, isCurrent);
      persistence.sweep();
    };
    if (content.ended) content.settled();
  }

  /** Makes a rule the newest. */
  #front(names: VaryRule): Rule {
    const rule = this.#rules.find((rule) => sameRule(rule.names, names)) ??
      { names, variants: new Map() };
    this.#rules = [rule, ...this.#rules.filter((other) => other !== rule && other.variants.size)];
    for (const { variants } of this.#rules.splice(MAX_RULES)) {
      for (const { object } of variants.values()) if (object) this.#lru.drop(object);
    }
    return rule;
  }

  #variant(rule: Rule, key: string): Variant {
    const known = rule.variants.get(key);
    if (known) return known;
    const slot = this.#persistence?.slot(this.#key, rule.names, key);
    const variant: Variant = {
      rule,
      key,
      slot,
      object: undefined,
      obligation: undefined,
    };
    rule.variants.set(key, variant);
    return variant;
  }

  #clear(variant: Variant): void {
    const { object } = variant;
    if (!object) return;
    this.#lru.release(object);
    variant.object = undefined;
    this.#persistence?.release(object.content);
  }

  /** As {@linkcode CacheEntry.#clear}, also where it is kept: nothing is to take its place for certain. */
  #empty(variant: Variant): void {
    this.#clear(variant);
    variant.slot?.clear();
  }

  /** Forgets a variant that there is nothing of any more. */
  #prune(variant: Variant): void {
    const { variants } = variant.rule;
    if (variant.object || variant.obligation) return;
    if (variants.get(variant.key) === variant) variants.delete(variant.key);
    this.#forgetIfEmpty();
  }

  #forgetIfEmpty(): void {
    if (!this.#waiters.size && this.#rules.every(({ variants }) => !variants.size)) this.#emptied();
  }

  #join(headers: HeaderList, attempt: (ending: Ending) => Attempt): PendingLookup {
    return this.#waiters.join(attempt, () => this.#owners(headers));
  }

  /** Those who have the obligations that a request waits for. */
  #owners(headers: HeaderList): (object | undefined)[] {
    const owners: (object | undefined)[] = [];
    for (const { names, variants } of this.#rules) {
      const obligation = variants.get(variantOf(names, headers))?.obligation;
      if (obligation) owners.push(obligation.owner);
    }
    return owners;
  }
}

function settled(found: FoundObject | undefined, obligation?: Obligation): Attempt {
  return { state: "settled", result: { found, obligation } };
}

function usable(matches: readonly Match[]): Match | undefined {
  return matches.find(({ phase }) => phase === "fresh") ??
    matches.find(({ phase }) => phase === "stale");
}

function see(match: Match | undefined): FoundObject | undefined {
  const { variant, phase } = match ?? {};
  return variant?.object && phase && phase !== "expired"
    ? new FoundObject(variant.object, phase)
    : undefined;
}
