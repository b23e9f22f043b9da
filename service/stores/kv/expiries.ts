/** Item of an {@linkcode Expiries}. */
export interface Expiring {
  /** In milliseconds since 1970; may not change while the item is in the heap. */
  readonly due: number;
  /** Index in the heap; -1 outside of it. */
  place: number;
}

/** Binary heap of items by the time at which they are due. Adding and removing take logarithmic time. */
export class Expiries<T extends Expiring> {
  readonly #heap: T[] = [];

  /** Item that is due first. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  add(item: T): void {
    this.#heap.push(item);
    this.#rise(item, this.#heap.length - 1);
  }

  /** Removes an item; does nothing if it is not in the heap. */
  remove(item: T): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#heap.pop()!;
    if (last === item) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  #rise(item: T, place: number): void {
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above]!;
      if (parent.due <= item.due) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(item, place);
  }

  #sink(item: T, place: number): void {
    for (;;) {
      let below = 2 * place + 1;
      const [left, right] = [this.#heap[below], this.#heap[below + 1]];
      if (right && right.due < left!.due) below++;
      const child = this.#heap[below];
      if (!child || child.due >= item.due) break;
      this.#put(child, place);
      place = below;
    }
    this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#heap[place] = item;
    item.place = place;
  }
}
