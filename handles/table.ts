import { refuse } from "../service/errors.ts";
import { Waitable } from "./waitable.ts";

/** Class of objects that a guest may have handles of. */
// deno-lint-ignore no-explicit-any -- any constructor will do
export type HandleClass<T extends object> = abstract new (...args: any[]) => T;

/** Value of an output handle that names no object. */
export const INVALID_HANDLE = 0xffff_fffe;

/** Maximum number of handles of one guest, so that a guest that closes none does not fill the host's memory. */
const MAX = 100_000;
/** Number of handles up to which text is not counted, since the limits on each object bound so few. */
const FEW = 256;
/** Maximum number of bytes of text that a guest may pass while it has more than a few handles. */
const MAX_TEXT = 128 * 2 ** 20;

/**
 * Table of a guest's handles, in one number space. Numbers are not reused within a sandbox, so that a stale handle or one
 * of another type is always refused.
 */
export class HandleTable {
  readonly #items = new Map<number, object>();
  #next = 1;
  #text = 0;

  /**
   * Adds an object and returns its handle. Handles count up from 1.
   *
   * @throws {HostError} `limit-exceeded` if the guest has too many handles. The object is dropped then, as no handle
   *   would ever free it.
   */
  insert(item: object): number {
    if (this.#items.size >= MAX) dropAll([item]);
    return this.#add(item);
  }

  /** Adds two objects, or neither; see {@linkcode HandleTable.insert}. */
  insertBoth(first: object, second: object): [first: number, second: number] {
    if (this.#items.size + 2 > MAX) dropAll([first, second]);
    return [this.#add(first), this.#add(second)];
  }

  #add(item: object): number {
    this.#items.set(this.#next, item);
    return this.#next++;
  }

  /**
   * Counts text (header fields, URLs, keys) that the guest passes, since any of its objects may keep it. The count starts
   * again when few handles are left.
   *
   * @param length Number of bytes, counted before they are read.
   * @throws {HostError} `limit-exceeded` if the objects might fill the host's memory.
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

  /** Returns the object of a handle; refused as `bad-handle` if there is none of that class. */
  get<T extends object>(type: HandleClass<T>, handle: number): T {
    const item = this.#items.get(handle);
    if (item instanceof type) return item;
    refuse("bad-handle", `Cannot use handle ${handle} as a ${type.name}`);
  }

  /** Number of objects in the table. */
  get size(): number {
    return this.#items.size;
  }

  /** Whether a handle names an object. */
  has(handle: number): boolean {
    return this.#items.has(handle);
  }

  /** Returns the object of a handle as {@linkcode HandleTable.get} does, and removes it. */
  take<T extends object>(type: HandleClass<T>, handle: number): T {
    const item = this.get(type, handle);
    this.#items.delete(handle);
    return item;
  }

  /** Removes and returns all objects, in the order of their handles. */
  drain(): object[] {
    const items = [...this.#items.values()];
    this.#items.clear();
    return items;
  }
}

function dropAll(items: readonly object[]): never {
  for (const item of items) if (item instanceof Waitable) item.drop();
  refuse("limit-exceeded", `Cannot give more than ${MAX} handles`);
}
