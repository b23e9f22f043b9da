/** Places of what was taken that may stay empty. */
const MAX_TAKEN = 1024;

/** Things in a row: added at the back, taken from the front. An array's own `shift` takes long once that is large. */
export class Fifo<T> {
  readonly #items: (T | undefined)[] = [];
  #first = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  /** The item in front, which is taken; undefined if there is none. */
  shift(): T | undefined {
    const items = this.#items;
    if (this.#first === items.length) return undefined;
    const item = items[this.#first];
    items[this.#first++] = undefined;
    if (this.#first === items.length) this.clear();
    else if (this.#first > MAX_TAKEN && this.#first * 2 > items.length) {
      items.splice(0, this.#first);
      this.#first = 0;
    }
    return item;
  }

  clear(): void {
    this.#items.length = 0;
    this.#first = 0;
  }
}
