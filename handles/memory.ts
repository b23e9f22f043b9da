import { refuse } from "../service/errors.ts";
import { GuestView } from "../service/util/guest_view.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Maximum number of arguments of one call of `fromCharCode`, which go on the stack. */
const STRING_PIECE = 4096;
/** Longest text that is made without the platform's decoder and without a view of its bytes, in bytes. */
const MAX_SHORT = 64;

/**
 * Linear memory of a guest, as hostcalls access it. Numbers are little-endian and need no alignment. An access beyond the
 * end is refused as `invalid`, and has no effect. Values that are read are copies.
 */
export class Memory extends GuestView {
  /** Reads an unsigned integer of 8 bits. */
  u8(ptr: number): number {
    return this.from(ptr, 1).getUint8(ptr);
  }

  /** Reads an unsigned integer of 16 bits. */
  u16(ptr: number): number {
    return this.from(ptr, 2).getUint16(ptr, true);
  }

  /** Reads an unsigned integer of 32 bits. */
  u32(ptr: number): number {
    return this.from(ptr, 4).getUint32(ptr, true);
  }

  /** Reads an unsigned integer of 64 bits. */
  u64(ptr: number): bigint {
    return this.from(ptr, 8).getBigUint64(ptr, true);
  }

  /** Writes the lowest 8 bits of an integer of any sign. */
  setU8(ptr: number, value: number): void {
    this.to(ptr, 1).setUint8(ptr, value);
  }

  /** Writes the lowest 16 bits of an integer of any sign. */
  setU16(ptr: number, value: number): void {
    this.to(ptr, 2).setUint16(ptr, value, true);
  }

  /** Writes the lowest 32 bits of an integer of any sign. */
  setU32(ptr: number, value: number): void {
    this.to(ptr, 4).setUint32(ptr, value, true);
  }

  /** Writes the lowest 64 bits of an integer of any sign. */
  setU64(ptr: number, value: bigint): void {
    this.to(ptr, 8).setBigUint64(ptr, value, true);
  }

  /** Returns a copy of `length` bytes at `ptr`. */
  bytes(ptr: number, length: number): Uint8Array<ArrayBuffer> {
    return this.allFrom(ptr, length).slice(ptr, ptr + length);
  }

  /** Decodes `length` bytes as UTF-8, a byte order mark included. Malformed UTF-8 is refused as `invalid`. */
  text(ptr: number, length: number): string {
    if (length <= MAX_SHORT && isAscii(this.allFrom(ptr, length), ptr, ptr + length)) {
      return this.byteString(ptr, length);
    }
    const bytes = this.span(ptr, length);
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      refuse("invalid", `Cannot decode ${length} bytes at ${ptr} as UTF-8`, cause);
    }
  }

  /** Reads `length` bytes as a byte string, which has one character, up to U+00FF, for each byte. */
  byteString(ptr: number, length: number): string {
    const bytes = this.allFrom(ptr, length);
    const end = ptr + length;
    if (length <= MAX_SHORT) return shortText(bytes, ptr, end);
    let text = "";
    for (let at = ptr; at < end; at += STRING_PIECE) {
      const piece = bytes.subarray(at, Math.min(end, at + STRING_PIECE));
      text += String.fromCharCode.apply(null, piece as unknown as number[]);
    }
    return text;
  }

  /** Writes a byte string. Of a character beyond U+00FF the lowest 8 bits are written. */
  setByteString(ptr: number, text: string): void {
    const bytes = this.allTo(ptr, text.length);
    for (let i = 0; i < text.length; i++) bytes[ptr + i] = text.charCodeAt(i);
  }

  protected override beyond(ptr: number, length: number): never {
    refuse("invalid", `Cannot reach ${length} bytes at ${ptr}: memory holds ${this.size}`);
  }
}

function isAscii(bytes: Uint8Array, at: number, end: number): boolean {
  for (; at < end; at++) if (bytes[at]! > 0x7f) return false;
  return true;
}

/** Returns a byte string, eight bytes at a time. */
function shortText(bytes: Uint8Array, at: number, end: number): string {
  let text = "";
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
