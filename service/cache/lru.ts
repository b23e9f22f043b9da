import { RecencyMap } from "../util/recency_map.ts";
import type { CachedObject } from "./object.ts";

/**
 * Objects in the order of their last use, and the bytes that they take, which have a bound. One that does not tell its
 * length before it is written gets half of them.
 */
export class Lru {
  #most: number;
  readonly #kept = new RecencyMap<CachedObject, { size: number; readonly forget: () => void }>();
  #bytes = 0;

  /** @param most Bytes: the least recently used objects beyond them are forgotten. */
  constructor(most: number) {
    this.#most = most;
  }

  /** What all of them take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Every object; any of them may be released meanwhile. */
  objects(): MapIterator<CachedObject> {
    return this.#kept.keys();
  }

  /**
   * Takes an object in, the most recently used now.
   *
   * @param label Bytes that the names take under which it is kept.
   * @param forget Is called when it has to go. Who has found it by then goes on reading.
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
      // What may have no end is not to take all others with it.
      if (object.content.declared === undefined && entry.size > this.#most / 2) this.drop(object);
      this.#evict();
    };
    this.#evict();
  }

  /** Makes it the most recently used. */
  touch(object: CachedObject): void {
    this.#kept.use(object);
  }

  /** Lets go of an object, without a word to whoever kept it. */
  release(object: CachedObject): void {
    const entry = this.#kept.get(object);
    if (!entry) return;
    this.#kept.delete(object);
    this.#bytes -= entry.size;
    object.content.findable = false;
    object.content.drop = () => {};
    object.content.grown = () => {};
  }

  /** Has an object forgotten. */
  drop(object: CachedObject): void {
    const entry = this.#kept.get(object);
    this.release(object);
    entry?.forget();
  }

  /** Forgets every object, also those to come. */
  retire(): void {
    this.#most = 0;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#most) {
      const { oldest } = this.#kept;
      if (!oldest) return;
      this.drop(oldest);
    }
  }
}
