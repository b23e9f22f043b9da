import { type ByteSource, concat, isWhole, type Payload } from "../../http/bytes.ts";
import { refuse } from "../../errors.ts";
import type { Pieces } from "./driver.ts";

/** Maximum size of a value, in bytes. */
const MAX_VALUE = 100 * 2 ** 20;
/** Size up to which small pieces are joined, in bytes. */
const MIN_PIECE = 256 * 1024;

/**
 * Reads a source to its end and joins small chunks. The pieces own their memory: a chunk from a socket may be a small view
 * of a large buffer, which would be retained with it.
 *
 * @throws {HostError} `too-large` beyond 100 MiB; or the source's error.
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
    if (Math.floor(before / MIN_PIECE) < Math.floor(length / MIN_PIECE)) flush();
  }
  flush();
  return pieces;
}

/** Reads all of a record's value. */
export function piecesOf(value: Payload): Pieces | Promise<Pieces> {
  if (!isWhole(value)) return gather(value);
  return value.length ? [value] : [];
}

/** Cancels a record's value that will not be read. */
export function ignore(value: Payload): void {
  if (!isWhole(value)) value.cancel();
}

/**
 * Concatenates two values.
 *
 * @throws {HostError} `too-large` beyond 100 MiB.
 */
export function joined(first: Pieces, second: Pieces): Pieces {
  if (lengthOf(first) + lengthOf(second) > MAX_VALUE) tooLarge();
  const last = first.at(-1);
  const [next, ...rest] = second;
  // Small pieces are joined, so that a value with many small additions does not have as many pieces.
  return last && next && last.length + next.length < MIN_PIECE
    ? [...first.slice(0, -1), concat([last, next]), ...rest]
    : [...first, ...second];
}

/** Returns a value as the content of a message. */
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

/** Returns the size of a value in bytes. */
export function lengthOf(pieces: Pieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function own(bytes: Uint8Array): Uint8Array {
  return bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

function tooLarge(): never {
  refuse("too-large", `Cannot store a value of more than ${MAX_VALUE} bytes`);
}
