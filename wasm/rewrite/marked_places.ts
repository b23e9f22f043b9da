import { NEAR } from "./control.ts";
import type { Loop } from "./loop.ts";

/** Base of an address that is a constant. */
export const CONSTANT = -1;
/** Maximum number of places that are known at a time. */
const PLACES = 16;

/** Place in memory whose page a store has marked: a base and a distance from it. */
interface Place {
  /** Local, or {@linkcode CONSTANT}. */
  base: number;
  at: number;
  /** Number of open blocks. */
  depth: number;
}

/**
 * Places whose pages are marked wherever control can be in a function body, as the rewriter goes through it. A store near
 * a known place needs no mark, since a reset restores some bytes around each marked page. A place is known from the store
 * that marks it to the end of the innermost block, or to where its local is set to anything but a sum of its former value
 * and a constant. Marks stay until the run's end, so that calls and growth do not matter.
 */
export class MarkedPlaces {
  readonly #places: Place[] = Array.from({ length: PLACES }, () => ({ base: 0, at: 0, depth: 0 }));
  #count = 0;
  #depth = 0;

  /** Begins a function body. */
  reset(): void {
    this.#count = 0;
    this.#depth = 0;
  }

  /** Number of open blocks. */
  get depth(): number {
    return this.#depth;
  }

  /** Whether a place is known. */
  get some(): boolean {
    return this.#count > 0;
  }

  /** Tells whether the page of a store at a distance from a base is marked, or a store near by is. */
  has(base: number, at: number): boolean {
    for (let i = 0; i < this.#count; i++) {
      const place = this.#places[i]!;
      if (place.base === base && Math.abs(place.at - at) <= NEAR) return true;
    }
    return false;
  }

  add(base: number, at: number): void {
    if (this.#count === PLACES) this.#remove(0);
    const place = this.#places[this.#count++]!;
    place.base = base;
    place.at = at;
    place.depth = this.#depth;
  }

  /**
   * Notes that a local is set.
   *
   * @param by Number that is added to its former value; undefined if the new one is another.
   */
  set(local: number, by?: number): void {
    for (let i = this.#count - 1; i >= 0; i--) {
      const place = this.#places[i]!;
      if (place.base !== local) continue;
      if (by === undefined) this.#remove(i);
      else {
        place.at -= by;
        place.depth = this.#depth; // whether the local was set is not known behind the block
      }
    }
  }

  open(): void {
    this.#depth++;
  }

  /**
   * Opens a loop, of which a later round finds other values in the locals that it sets.
   *
   * @param sets Locals that the loop sets; undefined if they are not known.
   */
  openLoop(sets: Loop["sets"] | undefined): void {
    for (let i = this.#count - 1; i >= 0; i--) {
      const { base } = this.#places[i]!;
      if (base !== CONSTANT && (!sets || sets.has(base))) this.#remove(i);
    }
    this.#depth++;
  }

  /** Begins another part of a block, which can be reached from anywhere in the former one: `else`, `catch`. */
  next(): void {
    for (let i = this.#count - 1; i >= 0; i--) {
      if (this.#places[i]!.depth >= this.#depth) this.#remove(i);
    }
  }

  end(): void {
    this.next();
    this.#depth--;
  }

  #remove(index: number): void {
    const last = --this.#count;
    const removed = this.#places[index]!;
    this.#places[index] = this.#places[last]!;
    this.#places[last] = removed;
  }
}
