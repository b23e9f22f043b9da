import { concat } from "../../service/http/bytes.ts";

/** Size of each piece of a value, except the last, in bytes. */
const PIECE: number = 256 << 10;

/** Returns the bytes in pieces of {@linkcode PIECE} bytes, the last of which may be shorter; none is empty. */
export function piecesIn(value: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let waiting: Uint8Array[] = [];
  let room = PIECE;
  for (let bytes of value) {
    while (bytes.length >= room) {
      pieces.push(concat([...waiting, bytes.subarray(0, room)]));
      bytes = bytes.subarray(room);
      waiting = [];
      room = PIECE;
    }
    if (!bytes.length) continue;
    waiting.push(bytes);
    room -= bytes.length;
  }
  if (waiting.length) pieces.push(concat(waiting));
  return pieces;
}
