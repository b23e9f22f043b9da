import type { GuestMemory } from "../../service/util/guest_memory.ts";
import { trap } from "./trap.ts";

/** A guest's memory, as values see it: what reaches beyond its end traps. */
export class GuestBytes {
  readonly #memory: GuestMemory;
  #view: DataView<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** A view, for reads within `length` bytes. */
  from(at: number, length: number): DataView<ArrayBuffer> {
    this.#check(at, length);
    return this.#view;
  }

  /** A view, for writes within `length` bytes. */
  to(at: number, length: number): DataView<ArrayBuffer> {
    this.#check(at, length);
    this.#memory.mark(at, length);
    return this.#view;
  }

  /** The bytes themselves: good until the guest runs. */
  span(at: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(at, length);
    return this.#bytes.subarray(at, at + length);
  }

  set(at: number, bytes: Uint8Array): void {
    this.#check(at, bytes.length);
    this.#memory.mark(at, bytes.length);
    this.#bytes.set(bytes, at);
  }

  #check(at: number, length: number): void {
    if (this.#bytes.length === 0) { // growth has detached the buffer
      const { buffer } = this.#memory;
      this.#view = new DataView(buffer);
      this.#bytes = new Uint8Array(buffer);
    }
    const { size } = this.#memory;
    if (at + length > size) trap(`Cannot reach ${length} bytes at ${at}: memory holds ${size}`);
  }
}
