import type { GuestMemory } from "../service/util/guest_memory.ts";
import { ADDED_PAGES, CARD_BITS, CARDS, PAGE } from "./rewrite/control.ts";
import type { Resetting } from "./rewrite/rewrite.ts";

const CARD = 1 << CARD_BITS;
/** What begins on a card may end so far into the next. */
const SPILL = 16;
/** A memory that has grown by more than this is not worth keeping. */
const MAX_GROWN = 32 * 2 ** 20;

/** The memory of an instance that serves once. */
export class PlainMemory implements GuestMemory {
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  get buffer(): ArrayBuffer {
    return this.#memory.buffer as ArrayBuffer;
  }

  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  mark(): void {}
}

/** The memory of a module that has none. */
export const NO_MEMORY: GuestMemory = { buffer: new ArrayBuffer(0), size: 0, mark() {} };

/** The first states of a program's memory: one for all its instances, if they cannot differ. */
export class MemorySnapshots {
  readonly #alike: boolean;
  #image: Uint8Array | undefined;

  constructor(alike: boolean) {
    this.#alike = alike;
  }

  /** The bytes that a new instance begins with, without the zeros at their end. */
  of(bytes: Uint8Array): Uint8Array {
    if (this.#image) return this.#image;
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    const image = bytes.slice(0, end);
    if (this.#alike) this.#image = image;
    return image;
  }
}

/** The memory of an instance of a rewritten module. */
export class ResettableMemory implements GuestMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #least: number;
  readonly #counts: Int32Array;
  readonly #cards: Uint8Array;
  readonly #marks: boolean;
  readonly #image: Uint8Array;
  readonly #firstAdded: number;
  readonly #firstBytes: number;
  #bytes: Uint8Array<ArrayBuffer>;
  /** The cards of those bytes. */
  #live: Uint8Array;

  /** Takes the state that the instance is in for its first. */
  constructor(
    memory: WebAssembly.Memory,
    control: WebAssembly.Memory,
    { least, cards }: Resetting,
    images: MemorySnapshots,
  ) {
    this.#memory = memory;
    this.#least = least;
    this.#marks = cards;
    this.#counts = new Int32Array(control.buffer, 0, CARDS / 4);
    this.#cards = new Uint8Array(control.buffer, CARDS);
    this.#bytes = new Uint8Array(memory.buffer as ArrayBuffer);
    this.#live = this.#cards.subarray(0, this.#bytes.length / CARD);
    this.#image = images.of(this.#bytes);
    this.#firstAdded = this.#counts[ADDED_PAGES / 4]!;
    this.#firstBytes = this.#bytes.length;
    this.#cards.fill(0); // what a start function wrote is in the image
  }

  get buffer(): ArrayBuffer {
    return this.#view().buffer;
  }

  get size(): number {
    return (this.#least + this.#counts[ADDED_PAGES / 4]!) * PAGE;
  }

  mark(ptr: number, length: number): void {
    if (!length || !this.#marks) return;
    const first = ptr >>> CARD_BITS;
    const last = (ptr + length - 1) >>> CARD_BITS;
    if (first === last) this.#cards[first] = 1;
    else this.#cards.fill(1, first, last + 1);
  }

  /**
   * Puts every byte back, those beyond the guest's own size too.
   *
   * @returns Whether the memory is worth using again: one that has grown large is left as it is.
   */
  reset(): boolean {
    const bytes = this.#view();
    if (bytes.length > this.#firstBytes + MAX_GROWN) return false;
    if (this.#marks) this.#restoreCards(bytes);
    else this.#restore(bytes, 0, bytes.length);
    this.#counts[ADDED_PAGES / 4] = this.#firstAdded;
    return true;
  }

  /** Puts every byte back, marked or not, and tells how many milliseconds that took. */
  timeOfImage(): number {
    const bytes = this.#view();
    const start = performance.now();
    this.#restore(bytes, 0, bytes.length);
    return performance.now() - start;
  }

  #restoreCards(bytes: Uint8Array): void {
    const cards = this.#live;
    for (let first = cards.indexOf(1); first >= 0;) {
      let end = first + 1;
      while (cards[end]) end++;
      cards.fill(0, first, end);
      this.#restore(bytes, first * CARD, Math.min(bytes.length, end * CARD + SPILL));
      first = cards.indexOf(1, end);
    }
  }

  #restore(bytes: Uint8Array, from: number, to: number): void {
    const middle = Math.min(to, Math.max(from, this.#image.length));
    if (middle > from) bytes.set(this.#image.subarray(from, middle), from);
    if (to > middle) bytes.fill(0, middle, to);
  }

  /** Growth detaches the buffer. */
  #view(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length === 0) {
      this.#bytes = new Uint8Array(this.#memory.buffer as ArrayBuffer);
      this.#live = this.#cards.subarray(0, this.#bytes.length / CARD);
    }
    return this.#bytes;
  }
}
