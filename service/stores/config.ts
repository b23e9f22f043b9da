import { entriesOf } from "./entries.ts";

/** Entries of a config store: a text for each key. */
export type Entries = Readonly<Record<string, string>>;

/** Config stores by name, from the options of a service. */
export class ConfigStores {
  readonly #stores: Readonly<Record<string, Entries | (() => Entries)>>;
  /** Maps of stores whose entries are data. */
  readonly #maps = new WeakMap<Entries, ReadonlyMap<string, string>>();

  /**
   * @param stores Entries by store, or functions that return them; by default there are none.
   * @throws {TypeError} If a value is no text.
   */
  constructor(stores: Readonly<Record<string, Entries | (() => Entries)>> = {}) {
    for (const [name, entries] of Object.entries(stores)) {
      if (typeof entries !== "function") check(name, entries);
    }
    this.#stores = stores;
  }

  /** Returns the current entries of a store; undefined if none has the name. */
  entriesOf(name: string): ReadonlyMap<string, string> | undefined {
    const entries = Object.hasOwn(this.#stores, name) ? this.#stores[name] : undefined;
    if (!entries) return undefined;
    if (typeof entries === "function") return new Map(Object.entries(entries()));
    const known = this.#maps.get(entries) ?? new Map(Object.entries(entries));
    this.#maps.set(entries, known);
    return known;
  }
}

function check(name: string, entries: Entries): void {
  const store = `config store "${name}"`;
  const wrong = entriesOf(store, entries).find(([, value]) => typeof value !== "string");
  if (wrong) throw new TypeError(`Cannot use ${store}: the value of "${wrong[0]}" is no text`);
}
