/** Fields of one name: their names in their own case, their values, and where they stand among all fields. */
interface Group {
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly places: readonly number[];
}

interface Placed {
  readonly place: number;
  readonly name: string;
  readonly value: string;
}

/** Header fields by their names, for lists that are too long to be scanned at each look-up and change. */
export class FieldIndex {
  /** In the order in which the names first appear: a name that is removed and added again comes last. */
  readonly #groups = new Map<string, { names: string[]; values: string[]; places: number[] }>();
  #names: readonly string[] | undefined;
  #next = 0;
  #size = 0;

  /** Takes `[name, value, name, value, …]`. */
  constructor(raw: readonly string[]) {
    for (let i = 0; i < raw.length; i += 2) this.append(raw[i]!, raw[i + 1]!);
  }

  /** How many fields there are, repeats counted. */
  get size(): number {
    return this.#size;
  }

  /** The distinct names in lower case, in the order in which they first appear. */
  get names(): readonly string[] {
    return this.#names ??= [...this.#groups.keys()];
  }

  /** Every field under the name; undefined if there is none. Valid until the next change. */
  find(name: string): Group | undefined {
    return this.#groups.get(name.toLowerCase());
  }

  append(name: string, value: string): void {
    this.#size++;
    const group = this.#groups.get(name.toLowerCase());
    if (!group) return this.#add(name, [value], this.#next++);
    group.names.push(name);
    group.values.push(value);
    group.places.push(this.#next++);
  }

  /** Replaces every value under the name, at the place of the first, else at the end. */
  set(name: string, values: readonly string[]): void {
    const old = this.find(name);
    this.#size += values.length - (old?.values.length ?? 0);
    if (values.length) this.#add(name, values, old?.places[0] ?? this.#next++);
    else if (this.#groups.delete(name.toLowerCase())) this.#names = undefined;
  }

  #add(name: string, values: readonly string[], place: number): void {
    const key = name.toLowerCase();
    if (!this.#groups.has(key)) this.#names = undefined;
    this.#groups.set(key, {
      names: values.map(() => name),
      values: [...values],
      places: values.map(() => place),
    });
  }

  /** All fields in order, as `[name, value, name, value, …]`. */
  raw(): string[] {
    const fields: Placed[] = [];
    for (const { names, values, places } of this.#groups.values()) {
      values.forEach((value, i) => fields.push({ place: places[i]!, name: names[i]!, value }));
    }
    fields.sort((one, other) => one.place - other.place); // is stable: values set together stay so
    return fields.flatMap(({ name, value }) => [name, value]);
  }
}
