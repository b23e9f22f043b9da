import { type ByteSource, concat, isWhole, type Payload } from "../../http/bytes.ts";
import { refuse } from "../../errors.ts";
import type { Pieces } from "./driver.ts";

/** The most bytes of a value. */
const MAX_VALUE = 100 * 2 ** 20;
/** Small pieces are put together until they have this many bytes. */
const ENOUGH = 256 * 1024;

/**
 * Reads to the end, in pieces of a size that is good to keep. They share no memory with anything: a chunk off a socket
 * may be a small part of a buffer that would be kept with it.
 */
export async function gather(source: ByteSource): Promise<Pieces> {
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let length = 0;
  const flush = () => {
    if (small.length) pieces.push(own(concat(small)));
    small = [];
  };
  for (;;) {
    const read = source.read();
    const chunk = read instanceof Promise ? await read : read;
    if (!chunk) break;
    const before = length;
    length += chunk.length;
    if (length > MAX_VALUE) {
      source.cancel();
      tooLarge();
    }
    small.push(chunk);
    if (Math.floor(before / ENOUGH) < Math.floor(length / ENOUGH)) flush();
  }
  flush();
  return pieces;
}

/** A value that was found, all of it. */
export function piecesOf(value: Payload): Pieces | Promise<Pieces> {
  if (!isWhole(value)) return gather(value);
  return value.length ? [value] : [];
}

/** Gives up a value that was found and is not to be read. */
export function ignore(value: Payload): void {
  if (!isWhole(value)) value.cancel();
}

/** One value behind the other; refuses `too-large` when that is too much. */
export function joined(first: Pieces, second: Pieces): Pieces {
  if (lengthOf(first) + lengthOf(second) > MAX_VALUE) tooLarge();
  const last = first.at(-1);
  const [next, ...rest] = second;
  // A value that grows by many small ones must not end in as many pieces.
  return last && next && last.length + next.length < ENOUGH
    ? [...first.slice(0, -1), concat([last, next]), ...rest]
    : [...first, ...second];
}

/** The value as the content of a message. */
export function payloadOf(pieces: Pieces): Payload {
  if (pieces.length <= 1) return concat(pieces);
  let next = 0;
  let length = lengthOf(pieces);
  return {
    get length() {
      return length;
    },
    trailers: undefined,
    read() {
      const piece = pieces[next++];
      length -= piece?.length ?? 0;
      return piece;
    },
    cancel() {
      next = pieces.length;
      length = 0;
    },
  };
}

/** Bytes of a value. */
export function lengthOf(pieces: Pieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function own(bytes: Uint8Array): Uint8Array {
  return bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

function tooLarge(): never {
  refuse("too-large", `Cannot store a value of more than ${MAX_VALUE} bytes`);
}
