/** Node of a {@linkcode LinkedList}, which alone sets the links. */
export interface Linked<N> {
  older?: N | undefined;
  newer?: N | undefined;
}

/**
 * Doubly linked list in order of insertion, with links in the nodes themselves: adding and removing take constant time
 * and allocate nothing.
 */
export class LinkedList<N extends Linked<N>> {
  #oldest: N | undefined;
  #newest: N | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** First node; undefined if the list is empty. */
  get oldest(): N | undefined {
    return this.#oldest;
  }

  /** Last node; undefined if the list is empty. */
  get newest(): N | undefined {
    return this.#newest;
  }

  /** Appends a node, which is in no list yet. */
  add(node: N): void {
    node.older = this.#newest;
    if (this.#newest) this.#newest.newer = node;
    else this.#oldest = node;
    this.#newest = node;
    this.#length++;
  }

  /**
   * Removes a node, which may not be in another list.
   *
   * @returns Whether it was in the list.
   */
  remove(node: N): boolean {
    const { older, newer } = node;
    if (!older && this.#oldest !== node) return false;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    node.older = node.newer = undefined;
    this.#length--;
    return true;
  }

  /** Removes all nodes. */
  clear(): void {
    while (this.#oldest) this.remove(this.#oldest);
  }

  /** Returns all nodes, the oldest first. */
  all(): N[] {
    const all: N[] = [];
    for (let node = this.#oldest; node; node = node.newer) all.push(node);
    return all;
  }
}
