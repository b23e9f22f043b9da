/** Fields of one name, in three parallel lists. */
interface Group {
  /** Names in their own case. */
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** Positions among all fields; equal for values that were set together. */
  readonly places: readonly number[];
}

/** A field with its position among all fields. */
interface PlacedField {
  readonly place: number;
  readonly name: string;
  readonly value: string;
}

/** Index of header fields by name, for lists that are too long to be scanned at each lookup and change. */
export class FieldIndex {
  /** Groups by name in lower case, in order of first appearance; a name that is removed and added again comes last. */
  readonly #groups = new Map<string, { names: string[]; values: string[]; places: number[] }>();
  #names: readonly string[] | undefined;
  /** Position of the next field that is appended. */
  #next = 0;
  #size = 0;

  /** @param raw `[name, value, name, value, …]` */
  constructor(raw: readonly string[]) {
    for (let i = 0; i < raw.length; i += 2) this.append(raw[i]!, raw[i + 1]!);
  }

  /** Number of fields, repeats included. */
  get size(): number {
    return this.#size;
  }

  /** Distinct names in lower case, in order of first appearance. */
  get names(): readonly string[] {
    return this.#names ??= [...this.#groups.keys()];
  }

  /** Returns all fields of a name; undefined if there are none. Valid until the next change. */
  find(name: string): Group | undefined {
    return this.#groups.get(name.toLowerCase());
  }

  /** Adds a field at the end. */
  append(name: string, value: string): void {
    this.#size++;
    const group = this.#groups.get(name.toLowerCase());
    if (!group) return this.#add(name, [value], this.#next++);
    group.names.push(name);
    group.values.push(value);
    group.places.push(this.#next++);
  }

  /** Replaces all fields of a name, at the position of the first; at the end if there were none. */
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

  /** Returns all fields in order, as `[name, value, name, value, …]`. */
  raw(): string[] {
    const fields: PlacedField[] = [];
    for (const { names, values, places } of this.#groups.values()) {
      values.forEach((value, i) => fields.push({ place: places[i]!, name: names[i]!, value }));
    }
    fields.sort((one, other) => one.place - other.place); // stable: values that were set together keep their order
    return fields.flatMap(({ name, value }) => [name, value]);
  }
}
