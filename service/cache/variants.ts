import type { HeaderList } from "../http/headers.ts";
import type { Phase } from "./lifetime.ts";
import type { Obligation } from "./lookup_result.ts";
import { type CachedObject, FoundObject } from "./object.ts";
import type { PersistedPlace } from "./persistence.ts";
import { ANY_REQUEST, sameRule, variantOf, type VaryRule } from "./vary.ts";

/** Maximum number of rules of a key. Each lookup reads all of them, and an origin may send a different `Vary` each time. */
const MAX_RULES = 32;

/** A vary rule, with the variants of the requests that were seen. */
interface Rule {
  readonly names: VaryRule;
  readonly variants: Map<string, Variant>;
}

/** Object or obligation for the requests that have the same values in the fields of a rule. */
export interface Variant {
  readonly rule: Rule;
  readonly key: string;
  /** Place of the object in the driver, if there is one. */
  readonly place: PersistedPlace | undefined;
  object: CachedObject | undefined;
  /** Order of the object among those of its key that were stored in the same millisecond: the newest has the highest. */
  order: number;
  obligation: Obligation | undefined;
}

/** A variant that matches a request, with the phase of its object at the lookup. */
export interface Match {
  readonly variant: Variant;
  readonly phase: Phase | undefined;
}

/** Settings of {@linkcode Variants}. */
interface VariantsOptions {
  /** Returns the place of a variant in the driver, if there is one. */
  readonly placeOf: (rule: VaryRule, variant: string) => PersistedPlace | undefined;
  /** Removes an object from the cache. */
  readonly drop: (object: CachedObject) => void;
}

/** Variants of one key, by the rules that distinguish them. */
export class Variants {
  readonly #options: VariantsOptions;
  /** Rules, that of the newest object first, though the object may be gone. */
  #rules: Rule[] = [];
  #objects = 0;

  constructor(options: VariantsOptions) {
    this.#options = options;
  }

  /** Whether there is none. */
  get empty(): boolean {
    return this.#rules.every(({ variants }) => !variants.size);
  }

  /**
   * Returns the variant of a request by each rule, that of the newest object first. Objects that are gone have no part in
   * the order, so that it is the same after a restart.
   */
  of(headers: HeaderList): Variant[] {
    const found: Variant[] = [];
    for (const { names, variants } of this.#rules) {
      const variant = variants.get(variantOf(names, headers));
      if (variant) found.push(variant);
    }
    return found.length > 1 ? found.sort(newestFirst) : found;
  }

  /** Sets the object of a variant, as the newest of the key. */
  set(variant: Variant, object: CachedObject): void {
    variant.object = object;
    variant.order = ++this.#objects;
  }

  /** Returns the request's variant by the newest rule, for which other lookups wait. */
  newest(headers: HeaderList): Variant {
    const rule = this.#rules[0] ?? this.#moveToFront(ANY_REQUEST);
    return this.#variant(rule, variantOf(rule.names, headers));
  }

  /** Makes a rule the newest, and returns a variant of it. */
  front(names: VaryRule, key: string): Variant {
    return this.#variant(this.#moveToFront(names), key);
  }

  /**
   * Removes a variant that has neither an object nor an obligation.
   *
   * @returns Whether it has neither.
   */
  prune(variant: Variant): boolean {
    if (variant.object || variant.obligation) return false;
    const { variants } = variant.rule;
    if (variants.get(variant.key) === variant) variants.delete(variant.key);
    return true;
  }

  /** Returns the owners of the obligations that a request waits for. */
  owners(headers: HeaderList): (object | undefined)[] {
    return this.of(headers).flatMap(({ obligation }) => obligation ? [obligation.owner] : []);
  }

  /** Makes a rule the newest, and drops the objects of rules beyond the limit. */
  #moveToFront(names: VaryRule): Rule {
    const rule = this.#rules.find((rule) => sameRule(rule.names, names)) ??
      { names, variants: new Map() };
    this.#rules = [rule, ...this.#rules.filter((other) => other !== rule && other.variants.size)];
    for (const { variants } of this.#rules.splice(MAX_RULES)) {
      for (const { object } of variants.values()) if (object) this.#options.drop(object);
    }
    return rule;
  }

  #variant(rule: Rule, key: string): Variant {
    const known = rule.variants.get(key);
    if (known) return known;
    const place = this.#options.placeOf(rule.names, key);
    const variant: Variant = {
      rule,
      key,
      place,
      object: undefined,
      order: 0,
      obligation: undefined,
    };
    rule.variants.set(key, variant);
    return variant;
  }
}

/** Compares by the times that objects keep through restarts and on their way from other caches. */
function newestFirst({ object: a, order }: Variant, { object: b, order: other }: Variant): number {
  return (b?.stored ?? 0) - (a?.stored ?? 0) || other - order;
}

/** Returns the match whose object may be used, a fresh one first. */
export function usable(matches: readonly Match[]): Match | undefined {
  return matches.find(({ phase }) => phase === "fresh") ??
    matches.find(({ phase }) => phase === "stale");
}

/** Returns the object of a match, if it has one that has not expired. */
export function foundIn(match: Match | undefined): FoundObject | undefined {
  const { variant, phase } = match ?? {};
  return variant?.object && phase && phase !== "expired"
    ? new FoundObject(variant.object, phase)
    : undefined;
}
