import { refuse } from "../service/errors.ts";
import type { GuestMemory } from "../service/util/guest_memory.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** The most arguments that one `fromCharCode` is given. */
const STRING_PIECE = 4096;

/**
 * The guest's linear memory: addresses count bytes from 0, numbers are little-endian and need no alignment. Whatever
 * would reach past the end refuses `invalid`, and has done nothing then. What is read is a copy, safe from growth.
 */
export class Memory {
  readonly #memory: GuestMemory;
  #view: DataView<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;

  /** Looks at what an instance exports, which may grow at any time. */
  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** Bytes that the guest may reach, now. */
  get size(): number {
    return this.#memory.size;
  }

  /** Reads a byte: 0 to 255. */
  u8(ptr: number): number {
    return this.#at(ptr, 1).getUint8(ptr);
  }

  /** Reads two bytes as a number without sign. */
  u16(ptr: number): number {
    return this.#at(ptr, 2).getUint16(ptr, true);
  }

  /** Reads four bytes as a number without sign. */
  u32(ptr: number): number {
    return this.#at(ptr, 4).getUint32(ptr, true);
  }

  /** Reads eight bytes as a number without sign. */
  u64(ptr: number): bigint {
    return this.#at(ptr, 8).getBigUint64(ptr, true);
  }

  /** Writes the lowest 8 bits of an integer, whatever its sign. */
  setU8(ptr: number, value: number): void {
    this.#to(ptr, 1).setUint8(ptr, value);
  }

  /** Writes the lowest 16 bits of an integer, whatever its sign. */
  setU16(ptr: number, value: number): void {
    this.#to(ptr, 2).setUint16(ptr, value, true);
  }

  /** Writes the lowest 32 bits of an integer, whatever its sign. */
  setU32(ptr: number, value: number): void {
    this.#to(ptr, 4).setUint32(ptr, value, true);
  }

  /** Writes the lowest 64 bits of an integer, whatever its sign. */
  setU64(ptr: number, value: bigint): void {
    this.#to(ptr, 8).setBigUint64(ptr, value, true);
  }

  /** A copy of `length` bytes at `ptr`. */
  bytes(ptr: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(ptr, length);
    return this.#bytes.slice(ptr, ptr + length);
  }

  /** Copies all of them to `ptr`. */
  setBytes(ptr: number, bytes: Uint8Array): void {
    this.#check(ptr, bytes.length);
    this.#memory.mark(ptr, bytes.length);
    this.#bytes.set(bytes, ptr);
  }

  /** Reads `length` bytes as UTF-8, a byte order mark included; refuses `invalid` for what is not. */
  text(ptr: number, length: number): string {
    this.#check(ptr, length);
    try {
      return decoder.decode(this.#bytes.subarray(ptr, ptr + length));
    } catch (cause) {
      refuse("invalid", `Cannot decode ${length} bytes at ${ptr} as UTF-8`, cause);
    }
  }

  /** Reads `length` bytes as a byte string: one character, up to U+00FF, for each. */
  byteString(ptr: number, length: number): string {
    this.#check(ptr, length);
    const end = ptr + length;
    let text = "";
    for (let at = ptr; at < end; at += STRING_PIECE) {
      const piece = this.#bytes.subarray(at, Math.min(end, at + STRING_PIECE));
      text += String.fromCharCode.apply(null, piece as unknown as number[]);
    }
    return text;
  }

  /** Writes a byte string; of a character beyond U+00FF its lowest 8 bits. */
  setByteString(ptr: number, text: string): void {
    this.#check(ptr, text.length);
    this.#memory.mark(ptr, text.length);
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) bytes[ptr + i] = text.charCodeAt(i);
  }

  #at(ptr: number, length: number): DataView<ArrayBuffer> {
    this.#check(ptr, length);
    return this.#view;
  }

  /** As `#at`, for what will be written. */
  #to(ptr: number, length: number): DataView<ArrayBuffer> {
    this.#check(ptr, length);
    this.#memory.mark(ptr, length);
    return this.#view;
  }

  #check(ptr: number, length: number): void {
    if (this.#bytes.length === 0) { // growth has detached the buffer
      const { buffer } = this.#memory;
      this.#view = new DataView(buffer);
      this.#bytes = new Uint8Array(buffer);
    }
    const { size } = this.#memory;
    if (ptr + length > size) {
      refuse("invalid", `Cannot reach ${length} bytes at ${ptr}: memory holds ${size}`);
    }
  }
}
