interface Node<K, V> {
  readonly key: K;
  value: V;
  older: Node<K, V> | undefined;
  newer: Node<K, V> | undefined;
}

/**
 * A map that knows which of its keys was used last. A `Map` whose keys are deleted and set again does, too, but there a
 * key that is used often takes the longer, the more keys there are.
 */
export class RecencyMap<K, V> {
  readonly #nodes = new Map<K, Node<K, V>>();
  #oldest: Node<K, V> | undefined;
  #newest: Node<K, V> | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  /** The key that was used longest ago. */
  get oldest(): K | undefined {
    return this.#oldest?.key;
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
    if (node && node !== this.#newest) {
      this.#unlink(node);
      this.#link(node);
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
    const added = { key, value, older: undefined, newer: undefined };
    this.#nodes.set(key, added);
    this.#link(added);
  }

  delete(key: K): boolean {
    const node = this.#nodes.get(key);
    if (!node) return false;
    this.#unlink(node);
    return this.#nodes.delete(key);
  }

  #link(node: Node<K, V>): void {
    node.older = this.#newest;
    if (this.#newest) this.#newest.newer = node;
    else this.#oldest = node;
    this.#newest = node;
  }

  #unlink(node: Node<K, V>): void {
    const { older, newer } = node;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    node.older = node.newer = undefined;
  }
}
