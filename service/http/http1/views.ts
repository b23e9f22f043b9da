import { Buffer } from "node:buffer";

export const NO_BYTES: Buffer = Buffer.alloc(0);

/** Returns some of the bytes as a plain array, since those who read content may compare it with others. */
export function viewOf({ buffer, byteOffset }: Buffer, from: number, length: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset + from, length);
}

/** Returns the bytes behind the first ones. Usually there are none, which is found without making a view. */
export function restOf(bytes: Buffer, taken: number): Buffer {
  return taken === bytes.length ? NO_BYTES : bytes.subarray(taken);
}
