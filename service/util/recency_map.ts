import { type Linked, LinkedList } from "./linked_list.ts";

interface Node<K, V> extends Linked<Node<K, V>> {
  readonly key: K;
  value: V;
}

/**
 * Map whose keys are ordered by their last use. Each operation takes constant time, also in a map of many keys.
 */
export class RecencyMap<K, V> {
  readonly #nodes = new Map<K, Node<K, V>>();
  readonly #byUse = new LinkedList<Node<K, V>>();

  get size(): number {
    return this.#nodes.size;
  }

  /** Least recently used key. */
  get oldest(): K | undefined {
    return this.#byUse.oldest?.key;
  }

  /** Iterates over all keys in order of insertion; keys may be deleted meanwhile. */
  keys(): MapIterator<K> {
    return this.#nodes.keys();
  }

  /** Returns the value of a key, which does not count as a use. */
  get(key: K): V | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** Returns the value of a key, which becomes the most recently used; undefined if there is none. */
  use(key: K): V | undefined {
    const node = this.#nodes.get(key);
    if (node && node !== this.#byUse.newest) {
      this.#byUse.remove(node);
      this.#byUse.add(node);
    }
    return node?.value;
  }

  /** Sets the value of a key, which becomes the most recently used. */
  set(key: K, value: V): void {
    const node = this.#nodes.get(key);
    if (node) {
      node.value = value;
      this.use(key);
      return;
    }
    const added = { key, value };
    this.#nodes.set(key, added);
    this.#byUse.add(added);
  }

  delete(key: K): boolean {
    const node = this.#nodes.get(key);
    if (!node) return false;
    this.#byUse.remove(node);
    return this.#nodes.delete(key);
  }
}
