import { type Linked, LinkedList } from "./linked_list.ts";

interface Node<K, V> extends Linked<Node<K, V>> {
  readonly key: K;
  value: V;
}

/**
 * A map that knows which of its keys was used last. A `Map` whose keys are deleted and set again does, too, but there a
 * key that is used often takes the longer, the more keys there are.
 */
export class RecencyMap<K, V> {
  readonly #nodes = new Map<K, Node<K, V>>();
  readonly #line = new LinkedList<Node<K, V>>();

  get size(): number {
    return this.#nodes.size;
  }

  /** The key that was used longest ago. */
  get oldest(): K | undefined {
    return this.#line.oldest?.key;
  }

  /** All keys, in no order that means anything; any of them may be deleted meanwhile. */
  keys(): MapIterator<K> {
    return this.#nodes.keys();
  }

  /** Looks without use. */
  get(key: K): V | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** Has the key be the one used last; undefined if there is none. */
  use(key: K): V | undefined {
    const node = this.#nodes.get(key);
    if (node && node !== this.#line.newest) {
      this.#line.remove(node);
      this.#line.add(node);
    }
    return node?.value;
  }

  /** Puts a value; its key is the one used last. */
  set(key: K, value: V): void {
    const node = this.#nodes.get(key);
    if (node) {
      node.value = value;
      this.use(key);
      return;
    }
    const added = { key, value };
    this.#nodes.set(key, added);
    this.#line.add(added);
  }

  delete(key: K): boolean {
    const node = this.#nodes.get(key);
    if (!node) return false;
    this.#line.remove(node);
    return this.#nodes.delete(key);
  }
}
