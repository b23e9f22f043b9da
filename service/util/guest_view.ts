import type { GuestMemory } from "./guest_memory.ts";

/**
 * Bounds-checked view of a guest's memory. The memory may grow at any time, which detaches its buffer; the view is made
 * anew then.
 */
export abstract class GuestView {
  readonly #memory: GuestMemory;
  #view: DataView<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** Number of bytes that the guest can access now. */
  get size(): number {
    return this.#memory.size;
  }

  /** Checks `length` bytes at `at`, and returns a view to read them from. */
  from(at: number, length: number): DataView<ArrayBuffer> {
    this.#check(at, length);
    return this.#view;
  }

  /** Checks `length` bytes at `at`, marks them as written, and returns a view to write them to. */
  to(at: number, length: number): DataView<ArrayBuffer> {
    this.#check(at, length);
    this.#memory.mark(at, length);
    return this.#view;
  }

  /** Returns the bytes themselves, to be read before the guest runs again. */
  span(at: number, length: number): Uint8Array<ArrayBuffer> {
    return this.allFrom(at, length).subarray(at, at + length);
  }

  /** Checks `length` bytes at `at`, and returns the whole memory to read them from: that takes no view of its own. */
  protected allFrom(at: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(at, length);
    return this.#bytes;
  }

  /** Checks `length` bytes at `at`, marks them as written, and returns the whole memory to write them to. */
  protected allTo(at: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(at, length);
    this.#memory.mark(at, length);
    return this.#bytes;
  }

  /** Copies all of the bytes to `at`. */
  setBytes(at: number, bytes: Uint8Array): void {
    this.allTo(at, bytes.length).set(bytes, at);
  }

  /** Throws the error for an access beyond the end of the memory. */
  protected abstract beyond(at: number, length: number): never;

  #check(at: number, length: number): void {
    if (this.#bytes.length === 0) { // growth has detached the buffer
      const { buffer } = this.#memory;
      this.#view = new DataView(buffer);
      this.#bytes = new Uint8Array(buffer);
    }
    if (at + length > this.#memory.size) this.beyond(at, length);
  }
}
