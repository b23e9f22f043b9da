import { refuse } from "../service/errors.ts";
import type { GuestMemory } from "../service/guest_memory.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** The most arguments that one `fromCharCode` is given. */
const STRING_PIECE = 4096;

/** The guest's linear memory. Views are made anew after growth, so none may outlive an `await`. */
export class Memory {
  readonly #memory: GuestMemory;
  #view: DataView<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** Bytes that the guest may reach. */
  get size(): number {
    return this.#memory.size;
  }

  u8(ptr: number): number {
    return this.#at(ptr, 1).getUint8(ptr);
  }

  u16(ptr: number): number {
    return this.#at(ptr, 2).getUint16(ptr, true);
  }

  u32(ptr: number): number {
    return this.#at(ptr, 4).getUint32(ptr, true);
  }

  u64(ptr: number): bigint {
    return this.#at(ptr, 8).getBigUint64(ptr, true);
  }

  setU8(ptr: number, value: number): void {
    this.#to(ptr, 1).setUint8(ptr, value);
  }

  setU16(ptr: number, value: number): void {
    this.#to(ptr, 2).setUint16(ptr, value, true);
  }

  setU32(ptr: number, value: number): void {
    this.#to(ptr, 4).setUint32(ptr, value, true);
  }

  setU64(ptr: number, value: bigint): void {
    this.#to(ptr, 8).setBigUint64(ptr, value, true);
  }

  /** A copy of `length` bytes at `ptr`. */
  bytes(ptr: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#span(ptr, length).slice();
  }

  setBytes(ptr: number, bytes: Uint8Array): void {
    const span = this.#span(ptr, bytes.length);
    this.#memory.mark(ptr, bytes.length);
    span.set(bytes);
  }

  /** UTF-8; refuses what is not. */
  text(ptr: number, length: number): string {
    const bytes = this.#span(ptr, length);
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      refuse("invalid", `Cannot decode ${length} bytes at ${ptr} as UTF-8`, cause);
    }
  }

  /** A byte string: one character for each byte. */
  byteString(ptr: number, length: number): string {
    const bytes = this.#span(ptr, length);
    let text = "";
    for (let at = 0; at < length; at += STRING_PIECE) {
      text += String.fromCharCode.apply(
        null,
        bytes.subarray(at, at + STRING_PIECE) as unknown as number[],
      );
    }
    return text;
  }

  /** Writes a byte string. */
  setByteString(ptr: number, text: string): void {
    const bytes = this.#span(ptr, text.length);
    this.#memory.mark(ptr, text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
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

  #span(ptr: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(ptr, length);
    return this.#bytes.subarray(ptr, ptr + length);
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
