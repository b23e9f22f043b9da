import { refuse } from "../errors.ts";
import { FieldIndex } from "./field_index.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// deno-lint-ignore no-control-regex -- RFC 9110, section 5.5, forbids these in a field value
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/;
/** Longest header name that a guest may use, in bytes; a longer one is refused as `invalid`. */
const MAX_NAME_BYTES = 65_535;
/** Maximum number of fields that are scanned. Longer lists are indexed, since reading every field takes quadratic time. */
const MAX_SCANNED = 64;

/**
 * Header fields of a message as they are on the wire: names in their own case, in order, repeats separate. Lookups ignore
 * case. Values are byte strings, one character for each byte, so that any bytes are preserved.
 */
export class HeaderList {
  #raw: readonly string[];
  #owned: string[] | undefined;
  #bytes: number | undefined;
  #index: FieldIndex | undefined;
  /** Whether `#raw` lacks the latest changes, which only the index has. */
  #isStale = false;

  /**
   * Makes a list of fields.
   *
   * @param raw `[name, value, name, value, …]`, which is copied before the first change; by default empty.
   */
  constructor(raw: readonly string[] = []) {
    this.#raw = raw;
  }

  /** Fields as `[name, value, name, value, …]`; valid until the next change. */
  get raw(): readonly string[] {
    if (this.#isStale) {
      this.#raw = this.#owned = this.#index!.raw();
      this.#isStale = false;
    }
    return this.#raw;
  }

  /** Number of fields, repeats included. */
  get size(): number {
    return this.#index?.size ?? this.#raw.length / 2;
  }

  /** Size of the fields in HTTP/1: names, values, and 4 bytes for each field. */
  get bytes(): number {
    if (this.#bytes !== undefined) return this.#bytes;
    const { raw } = this;
    let bytes = raw.length * 2;
    for (const text of raw) bytes += text.length;
    return this.#bytes = bytes;
  }

  /** Returns the first value of a name; undefined if there is none. */
  get(name: string): string | undefined {
    const index = this.#indexIfLong();
    if (index) return index.find(name)?.values[0];
    const raw = this.#raw;
    for (let i = 0; i < raw.length; i += 2) if (same(raw[i]!, name)) return raw[i + 1];
    return undefined;
  }

  /** Returns all values of a name, in order; valid until the next change. */
  getAll(name: string): readonly string[] {
    const index = this.#indexIfLong();
    if (index) return index.find(name)?.values ?? [];
    const raw = this.#raw;
    const values: string[] = [];
    for (let i = 0; i < raw.length; i += 2) if (same(raw[i]!, name)) values.push(raw[i + 1]!);
    return values;
  }

  /** Whether any field has the name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Returns the distinct names in lower case, in order of first appearance. */
  names(): readonly string[] {
    const index = this.#indexIfLong();
    if (index) return index.names;
    const names = new Set<string>();
    for (let i = 0; i < this.#raw.length; i += 2) names.add(this.#raw[i]!.toLowerCase());
    return [...names];
  }

  /** Adds a field at the end. It is not checked: callers use {@linkcode checkName} and {@linkcode checkValue}. */
  append(name: string, value: string): void {
    this.#index?.append(name, value);
    if (!this.#isStale) this.#own().push(name, value);
    if (this.#bytes !== undefined) this.#bytes += name.length + value.length + 4;
  }

  /** Replaces all fields of a name, at the position of the first; at the end if there were none. Nothing is checked. */
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

  /**
   * Removes all fields of a name.
   *
   * @returns Whether there was one.
   */
  delete(name: string): boolean {
    if (!this.has(name)) return false;
    this.set(name);
    return true;
  }

  /** Returns an independent copy; the fields are shared until one of the two changes. */
  copy(): HeaderList {
    const { raw } = this;
    this.#owned = undefined; // both lists copy the fields before their next change
    return new HeaderList(raw);
  }

  /** Iterates over all fields in order, repeats separate. */
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

/** Whether {@linkcode checkName} accepts a field name. */
export function isName(name: string): boolean {
  return name.length <= MAX_NAME_BYTES && TOKEN.test(name);
}

/**
 * Returns a field name that is a token (RFC 9110, section 5.6.2).
 *
 * @throws {HostError} `invalid` for a name that is too long, `failed` for one that is not a token.
 */
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

/**
 * Returns a field value without control characters (RFC 9110, section 5.5).
 *
 * @throws {HostError} `failed` for another one.
 */
export function checkValue(value: string): string {
  return FORBIDDEN.test(value)
    ? refuse("failed", `Cannot use ${JSON.stringify(value)} as a header value`)
    : value;
}

/**
 * Returns a method that is a token (RFC 9110, section 9.1).
 *
 * @throws {HostError} `failed` for another one.
 */
export function checkMethod(method: string): string {
  return TOKEN.test(method)
    ? method
    : refuse("failed", `Cannot use ${JSON.stringify(method)} as a method`);
}

function same(one: string, other: string): boolean {
  return one === other ||
    (one.length === other.length && one.toLowerCase() === other.toLowerCase());
}
