/** What stands in a {@linkcode LinkedList}: who made it sets neither. */
export interface Linked<N> {
  older?: N | undefined;
  newer?: N | undefined;
}

/**
 * Things in the order in which they came, of which any may leave. What has left is not reachable from here. With a
 * `Set` or `Map` it would be for long: V8 links each table that such a one has outgrown to the next, with all that was in
 * it, so that what was ever in a busy one outlives V8's young generation.
 */
export class LinkedList<N extends Linked<N>> {
  #oldest: N | undefined;
  #newest: N | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has been here longest. */
  get oldest(): N | undefined {
    return this.#oldest;
  }

  /** What has come last. */
  get newest(): N | undefined {
    return this.#newest;
  }

  /** Takes in what stands in no line. */
  add(node: N): void {
    node.older = this.#newest;
    if (this.#newest) this.#newest.newer = node;
    else this.#oldest = node;
    this.#newest = node;
    this.#length++;
  }

  /** Lets it leave; says whether it was here. It may not stand in another line. */
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

  clear(): void {
    while (this.#oldest) this.remove(this.#oldest);
  }

  /** All that is here now. */
  all(): N[] {
    const all: N[] = [];
    for (let node = this.#oldest; node; node = node.newer) all.push(node);
    return all;
  }
}
