import { RecencyMap } from "../util/recency_map.ts";
import type { CachedObject } from "./object.ts";

/**
 * Objects in the order of their last use, with a limit on their total size. An object of undeclared length may take half
 * of it.
 */
export class Lru {
  #maxBytes: number;
  readonly #kept = new RecencyMap<CachedObject, { size: number; readonly forget: () => void }>();
  #bytes = 0;

  /** @param maxBytes Maximum size of all objects, in bytes; beyond it the least recently used are removed. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Size of all objects, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Iterates over all objects; objects may be removed meanwhile. */
  objects(): MapIterator<CachedObject> {
    return this.#kept.keys();
  }

  /**
   * Adds an object, as the most recently used.
   *
   * @param label Size of its keys, in bytes.
   * @param forget Called when the object is removed to make room or dropped; its readers read on.
   */
  keep(object: CachedObject, label: number, forget: () => void): void {
    const entry = { size: object.size + label, forget };
    this.#kept.set(object, entry);
    this.#bytes += entry.size;
    object.content.findable = true;
    object.content.drop = () => this.drop(object);
    object.content.grown = (bytes) => {
      entry.size += bytes;
      this.#bytes += bytes;
      // Content without an end must not replace all other objects.
      if (object.content.declared === undefined && entry.size > this.#maxBytes / 2) {
        this.drop(object);
      }
      this.#evict();
    };
    this.#evict();
  }

  /** Makes an object the most recently used. */
  touch(object: CachedObject): void {
    this.#kept.use(object);
  }

  /** Removes an object without calling its `forget`. */
  release(object: CachedObject): void {
    const entry = this.#kept.get(object);
    if (!entry) return;
    this.#kept.delete(object);
    this.#bytes -= entry.size;
    object.content.findable = false;
    object.content.drop = () => {};
    object.content.grown = () => {};
  }

  /** Removes an object and calls its `forget`. */
  drop(object: CachedObject): void {
    const entry = this.#kept.get(object);
    this.release(object);
    entry?.forget();
  }

  /** Removes all objects, and from now on those that are added. */
  retire(): void {
    this.#maxBytes = 0;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#maxBytes) {
      const { oldest } = this.#kept;
      if (!oldest) return;
      this.drop(oldest);
    }
  }
}
