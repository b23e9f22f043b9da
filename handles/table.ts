import { refuse } from "../service/errors.ts";
import { Waitable } from "./waitable.ts";

/** A class whose instances a guest may hold. */
// deno-lint-ignore no-explicit-any -- any constructor will do
export type HandleClass<T extends object> = abstract new (...args: any[]) => T;

/** Value of a handle out-parameter that names nothing. */
export const INVALID_HANDLE = 0xffff_fffe;

/** Handles that a guest may have at a time: what it forgets to close must not fill the host's memory. */
const MAX = 100_000;
/** Handles whose text is not counted: what so few objects can hold is bounded by the limits on each. */
const FEW = 256;
/** Bytes of text that a guest may hand in while it has more than a few handles. */
const MAX_TEXT = 128 * 2 ** 20;

/**
 * Every object that one guest holds, in one number space. A number names one object for the life of the sandbox, so a
 * stale or mistyped handle is always refused.
 */
export class HandleTable {
  readonly #items = new Map<number, object>();
  #next = 1;
  #text = 0;

  /**
   * Gives the object its number: 1 to the first, then one more each.
   *
   * @throws {HostError} `limit-exceeded` when the guest has too many handles. Unfinished work is dropped then: no
   * handle would ever end it.
   */
  insert(item: object): number {
    if (this.#items.size >= MAX) dropAll([item]);
    return this.#add(item);
  }

  /** Gives two objects their numbers, or neither: see {@linkcode HandleTable.insert}. */
  insertBoth(first: object, second: object): [first: number, second: number] {
    if (this.#items.size + 2 > MAX) dropAll([first, second]);
    return [this.#add(first), this.#add(second)];
  }

  #add(item: object): number {
    this.#items.set(this.#next, item);
    return this.#next++;
  }

  /**
   * Counts text (header fields, URLs, keys) that the guest hands in, since any of its objects may keep it. The count
   * begins anew when few handles are left.
   *
   * @param length Bytes, before they are read.
   * @throws {HostError} `limit-exceeded` when the objects might fill the host's memory.
   */
  countText(length: number): void {
    if (this.#items.size <= FEW) this.#text = 0;
    else if ((this.#text += length) > MAX_TEXT) {
      refuse(
        "limit-exceeded",
        `Cannot take more than ${MAX_TEXT} bytes of text while ${this.#items.size} handles are ` +
          `open: close those that are not used, until ${FEW} are left`,
      );
    }
  }

  /** The object behind a number; refuses `bad-handle` if there is none of that type. */
  get<T extends object>(type: HandleClass<T>, handle: number): T {
    const item = this.#items.get(handle);
    if (item instanceof type) return item;
    refuse("bad-handle", `Cannot use handle ${handle} as a ${type.name}`);
  }

  /** Number of objects in the table. */
  get size(): number {
    return this.#items.size;
  }

  /** Whether a number names an object. */
  has(handle: number): boolean {
    return this.#items.has(handle);
  }

  /** As {@linkcode HandleTable.get}, refusal included, and the number names nothing any more. */
  take<T extends object>(type: HandleClass<T>, handle: number): T {
    const item = this.get(type, handle);
    this.#items.delete(handle);
    return item;
  }

  /** Takes everything that is left, in the order of the numbers. */
  *drain(): Generator<object> {
    for (const item of this.#items.values()) yield item;
    this.#items.clear();
  }
}

function dropAll(items: readonly object[]): never {
  for (const item of items) if (item instanceof Waitable) item.drop();
  refuse("limit-exceeded", `Cannot give more than ${MAX} handles`);
}
