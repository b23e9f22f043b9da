/** Part of the standard library's `data_structures/deque` that is used here. */
export class Deque<T> {
  /** Adds at the end. */
  pushBack(value: T): number;
  /** Removes and returns the first value; undefined if there is none. */
  popFront(): T | undefined;
  clear(): void;
}
