import { refuse } from "../errors.ts";
import type { HeaderList } from "../http/headers.ts";
import { CacheContent } from "./content.ts";
import type { Phase } from "./lifetime.ts";
import type { Lru } from "./lru.ts";
import { CachedObject, FoundObject, type WriteOptions } from "./object.ts";
import {
  type Inserted,
  type LookupResult,
  type Obligation,
  PendingLookup,
} from "./lookup_result.ts";
import type { PersistedEntry, Persistence } from "./persistence.ts";
import { ANY_REQUEST, sameRule, variantOf, type VaryRule } from "./vary.ts";

/** How a replacement goes about others who are getting the same object. */
export type ReplaceStrategy = "immediate" | "immediate-force-miss" | "wait";

/** The most rules of a key, as each of them is looked at: an origin may come with another `Vary` each time. */
const MAX_RULES = 32;

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

/** How an obligation has ended that brought no object. */
interface Ending {
  /** An object that may be used although it could not be renewed. */
  readonly excused?: CachedObject | undefined;
  /** What nobody gets for others any more. */
  readonly released?: Variant;
}

/** Somebody who waits, until an attempt comes to something. */
interface Waiter {
  readonly attempt: (ending: Ending) => LookupResult | undefined;
  readonly pending: PendingLookup;
}

/** All that is known of one key. At most one has the obligation for a variant; the others wait in order. */
export class CacheEntry {
  /** The one of the newest object first. */
  #rules: Rule[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #key: string;
  readonly #lru: Lru;
  readonly #now: () => number;
  readonly #emptied: () => void;
  readonly #persistence: Persistence | undefined;

  /** @param emptied Is called when there is nothing left to know. */
  constructor(
    key: string,
    lru: Lru,
    now: () => number,
    emptied: () => void,
    persistence?: Persistence,
  ) {
    this.#key = key;
    this.#lru = lru;
    this.#now = now;
    this.#emptied = emptied;
    this.#persistence = persistence;
  }

  /** The object for a request that may be used, stale or not; waits for nobody and obliges nobody. */
  lookup(headers: HeaderList): FoundObject | undefined {
    return this.#use(usable(this.#matches(headers)));
  }

  /** As {@linkcode CacheEntry.lookup}, but one gets what is missing or stale, and the others wait for what is missing. */
  transaction(headers: HeaderList, owner?: object): PendingLookup {
    return this.#join(headers, (ending) => this.#attempt(headers, ending, owner));
  }

  /** What there is to be replaced. An obligation comes with it if others are to wait for the replacement. */
  replace(headers: HeaderList, strategy: ReplaceStrategy, owner?: object): PendingLookup {
    return this.#join(headers, () => {
      const matches = this.#matches(headers);
      const match = usable(matches);
      const found = see(match);
      if (strategy === "immediate") return { found, obligation: undefined };
      const busy = matches.some(({ variant }) => variant.obligation);
      if (busy && strategy === "wait") return undefined;
      if (strategy === "immediate-force-miss") {
        for (const { variant } of matches) this.#empty(variant);
      }
      const variant = busy ? undefined : match?.variant ?? this.#newest(headers);
      const obligation = variant && this.#oblige(variant, headers, found?.object, owner);
      for (const { variant } of matches) this.#prune(variant);
      return { found, obligation };
    });
  }

  /** Puts an object in the place of whatever there is for the request. */
  insert(headers: HeaderList, options: WriteOptions): Inserted {
    const driver = options.sensitive ? undefined : this.#persistence?.driver;
    const content = new CacheContent(options.length, driver);
    const object = new CachedObject(content, options, this.#now);
    // Found by its writer, before it can be stale.
    const found = new FoundObject(object, "fresh");
    this.#store(headers, object);
    return { content, found };
  }

  /**
   * Puts an object where an earlier start has left it.
   *
   * @param key That of the variant.
   * @returns What counts it, as the most recently used.
   */
  restore(key: string, object: CachedObject): () => void {
    const variant = this.#variant(this.#front(object.options.varyRule), key);
    variant.object = object;
    variant.slot?.restore(object.content);
    return () => this.#keep(variant, object);
  }

  #attempt(
    headers: HeaderList,
    { excused, released }: Ending,
    owner: object | undefined,
  ): LookupResult | undefined {
    const matches = this.#matches(headers);
    const match = usable(matches);
    if (match) {
      const renew = match.phase === "stale" && !match.variant.obligation;
      const found = this.#use(match);
      if (!renew) return { found, obligation: undefined };
      return { found, obligation: this.#oblige(match.variant, headers, found?.object, owner) };
    }
    const spare = matches.find(({ phase }) => phase === "if-error") ??
      matches.find(({ phase }) => phase === "revalidatable");
    if (spare?.phase === "if-error" && spare.variant.object === excused) {
      return { found: this.#use(spare), obligation: undefined };
    }
    if (matches.some(({ variant }) => variant.obligation)) return undefined;
    const variant = spare?.variant ?? this.#newest(headers);
    if (variant === released) return { found: undefined, obligation: undefined };
    const found = this.#use(spare);
    return { found, obligation: this.#oblige(variant, headers, found?.object, owner) };
  }

  /** What there is for the request by each rule, that of the newest rule first. */
  #matches(headers: HeaderList): Match[] {
    const matches: Match[] = [];
    for (const { names, variants } of this.#rules) {
      const variant = variants.get(variantOf(names, headers));
      // Not pruned: what is asked for here may be written next.
      if (variant?.object && !variant.object.content.find(this.#now)) this.#empty(variant);
      // Asked once: the time goes on, and what is fresh now may not be fresh at the next question.
      if (variant) matches.push({ variant, phase: variant.object?.phase });
    }
    return matches;
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
        this.#wake({ excused: known });
        this.#prune(variant);
      },
      cancel: () => {
        end();
        this.#wake();
        this.#prune(variant);
      },
      release: () => {
        end();
        this.#wake({ released: variant });
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
    this.#wake();
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
      if (variant.object === object) variant.slot?.put(object);
      else persistence.sweep();
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
    const variant = { rule, key, slot, object: undefined, obligation: undefined };
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
    if (!this.#waiters.size && this.#rules.every(({ variants }) => !variants.size)) this.#emptied();
  }

  #join(headers: HeaderList, attempt: Waiter["attempt"]): PendingLookup {
    const outcome = attempt({});
    if (outcome) return new PendingLookup(outcome);
    const leave = () => this.#waiters.delete(waiter);
    const pending = new PendingLookup(undefined, leave, () => this.#owners(headers));
    const waiter = { attempt, pending };
    this.#waiters.add(waiter);
    return pending;
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

  /** Lets everybody try again, in the order in which they came. */
  #wake(ending: Ending = {}): void {
    for (const waiter of this.#waiters) {
      const outcome = waiter.attempt(ending);
      if (!outcome) continue;
      this.#waiters.delete(waiter);
      waiter.pending.settle(outcome);
    }
    for (const { pending } of this.#waiters) pending.stir();
  }
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
