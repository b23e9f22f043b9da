import { refuse } from "../errors.ts";
import { FieldIndex } from "./field_index.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// deno-lint-ignore no-control-regex -- what RFC 9110 forbids in a field value
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/;
/** The longest header name that a guest may use; a longer one is refused as invalid. */
const MAX_NAME_BYTES = 65_535;
/** A list with more fields is indexed at its first look-up: scans by a guest that reads every field are quadratic. */
const MAX_SCANNED = 64;

/**
 * The header fields of a message as the wire has them: names in their own case, in order, repeats apart.
 * Look-ups ignore case. Values are byte strings: each character is one byte, so any bytes survive the way through.
 */
export class HeaderList {
  #raw: readonly string[];
  #owned: string[] | undefined;
  #bytes: number | undefined;
  #index: FieldIndex | undefined;
  /** Whether only the index has the latest changes. */
  #isStale = false;

  /** Takes `[name, value, name, value, …]`, which is copied before the first change. */
  constructor(raw: readonly string[] = []) {
    this.#raw = raw;
  }

  /** The fields as `[name, value, name, value, …]`; valid until the next change. */
  get raw(): readonly string[] {
    if (this.#isStale) {
      this.#raw = this.#owned = this.#index!.raw();
      this.#isStale = false;
    }
    return this.#raw;
  }

  /** How many fields there are, repeats counted. */
  get size(): number {
    return this.#index?.size ?? this.#raw.length / 2;
  }

  /** What the fields take on the wire of HTTP/1: names, values, and 4 bytes for each field. */
  get bytes(): number {
    if (this.#bytes !== undefined) return this.#bytes;
    const { raw } = this;
    let bytes = raw.length * 2;
    for (const text of raw) bytes += text.length;
    return this.#bytes = bytes;
  }

  /** The first value under the name. */
  get(name: string): string | undefined {
    const index = this.#indexIfLong();
    if (index) return index.find(name)?.values[0];
    const raw = this.#raw;
    for (let i = 0; i < raw.length; i += 2) if (same(raw[i]!, name)) return raw[i + 1];
    return undefined;
  }

  /** Every value under the name, in order; valid until the next change. */
  getAll(name: string): readonly string[] {
    const index = this.#indexIfLong();
    if (index) return index.find(name)?.values ?? [];
    const raw = this.#raw;
    const found: string[] = [];
    for (let i = 0; i < raw.length; i += 2) if (same(raw[i]!, name)) found.push(raw[i + 1]!);
    return found;
  }

  /** Whether any field has the name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** The distinct names in lower case, in the order in which they first appear. */
  names(): readonly string[] {
    const index = this.#indexIfLong();
    if (index) return index.names;
    const names = new Set<string>();
    for (let i = 0; i < this.#raw.length; i += 2) names.add(this.#raw[i]!.toLowerCase());
    return [...names];
  }

  /** Adds a field at the end, unchecked: names and values that come from elsewhere are the caller's to check. */
  append(name: string, value: string): void {
    this.#index?.append(name, value);
    if (!this.#isStale) this.#own().push(name, value);
    if (this.#bytes !== undefined) this.#bytes += name.length + value.length + 4;
  }

  /** Replaces every value under the name, at the place of the first, else at the end. As unchecked as `append`. */
  set(name: string, ...values: string[]): void {
    const index = this.#indexIfLong();
    if (index) return this.#setIndexed(index, name, values);
    const raw = this.#raw;
    const kept: string[] = [];
    let placed = false;
    const place = () => {
      placed = true;
      for (const value of values) kept.push(name, value);
    };
    for (let i = 0; i < raw.length; i += 2) {
      if (!same(raw[i]!, name)) kept.push(raw[i]!, raw[i + 1]!);
      else if (!placed) place();
    }
    if (!placed) place();
    this.#raw = this.#owned = kept;
    this.#bytes = undefined;
  }

  #setIndexed(index: FieldIndex, name: string, values: readonly string[]): void {
    if (this.#bytes !== undefined) {
      const old = index.find(name);
      const length = (texts: readonly string[] = []) =>
        texts.reduce((sum, text) => sum + text.length, 0);
      this.#bytes += length(values) - length(old?.values) - length(old?.names) +
        values.length * (name.length + 4) - (old?.values.length ?? 0) * 4;
    }
    index.set(name, values);
    this.#isStale = true;
  }

  /** Removes every value under the name; says whether there was one. */
  delete(name: string): boolean {
    if (!this.has(name)) return false;
    this.set(name);
    return true;
  }

  /** A list of the same fields; a change of either does not reach the other. */
  copy(): HeaderList {
    const { raw } = this;
    this.#owned = undefined; // both copy before their next change
    return new HeaderList(raw);
  }

  /** Every field in order, repeats apart. */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    const { raw } = this;
    for (let i = 0; i < raw.length; i += 2) yield [raw[i]!, raw[i + 1]!];
  }

  #indexIfLong(): FieldIndex | undefined {
    if (!this.#index && this.#raw.length > MAX_SCANNED * 2) {
      this.#index = new FieldIndex(this.#raw);
    }
    return this.#index;
  }

  #own(): string[] {
    if (!this.#owned) this.#raw = this.#owned = this.#raw.slice();
    return this.#owned;
  }
}

/** Whether {@linkcode checkName} lets a field name through. */
export function isName(name: string): boolean {
  return name.length <= MAX_NAME_BYTES && TOKEN.test(name);
}

/** Refuses what RFC 9110 does not allow as a field name. */
export function checkName(name: string): string {
  if (name.length > MAX_NAME_BYTES) {
    refuse(
      "invalid",
      `Cannot use a header name of ${name.length} bytes: ${MAX_NAME_BYTES} is the most`,
    );
  }
  return TOKEN.test(name)
    ? name
    : refuse("failed", `Cannot use ${JSON.stringify(name)} as a header name`);
}

/** Refuses what RFC 9110 does not allow in a field value. */
export function checkValue(value: string): string {
  return FORBIDDEN.test(value)
    ? refuse("failed", `Cannot use ${JSON.stringify(value)} as a header value`)
    : value;
}

/** Refuses what RFC 9110 does not allow as a method. */
export function checkMethod(method: string): string {
  return TOKEN.test(method)
    ? method
    : refuse("failed", `Cannot use ${JSON.stringify(method)} as a method`);
}

function same(one: string, other: string): boolean {
  return one === other ||
    (one.length === other.length && one.toLowerCase() === other.toLowerCase());
}
