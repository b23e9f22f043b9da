/** Pieces smaller than this are joined when several wait to be read, in bytes. */
const SMALL = 8 * 1024;
/** Memory in which small pieces are joined: at first, and at most, in bytes. */
const MIN_JOINED = 1024;
const MAX_JOINED = 64 * 1024;

/**
 * Content that has arrived and was not read yet, in pieces. Small ones that follow each other are joined as they arrive:
 * a reader does not wait for each, and a sender of single bytes takes no more memory than one of large pieces.
 */
export class PieceQueue {
  /** Bytes of all pieces. */
  bytes = 0;
  readonly #pieces: Uint8Array[] = [];
  readonly #copied: ((piece: Uint8Array) => void) | undefined;
  /** Memory that the last piece is the beginning of, if it was joined. */
  #joined: Uint8Array | undefined;

  /** @param copied Called with each piece that was joined: nothing looks at it any more. */
  constructor(copied?: (piece: Uint8Array) => void) {
    this.#copied = copied;
  }

  push(piece: Uint8Array): void {
    this.bytes += piece.length;
    const pieces = this.#pieces;
    const last = pieces[pieces.length - 1];
    if (last && piece.length < SMALL && this.#mayGrow(last, piece.length)) {
      pieces[pieces.length - 1] = this.#join(last, piece);
    } else {
      this.#joined = undefined;
      pieces.push(piece);
    }
  }

  /** Removes the first piece; undefined if there is none. */
  shift(): Uint8Array | undefined {
    const first = this.#pieces.shift();
    if (!first) return undefined;
    if (!this.#pieces.length) this.#joined = undefined;
    this.bytes -= first.length;
    return first;
  }

  clear(): void {
    this.bytes = 0;
    this.#pieces.length = 0;
    this.#joined = undefined;
  }

  #mayGrow(last: Uint8Array, added: number): boolean {
    return (last.length < SMALL || this.#joined !== undefined) &&
      last.length + added <= MAX_JOINED;
  }

  #join(last: Uint8Array, piece: Uint8Array): Uint8Array {
    const size = last.length + piece.length;
    let joined = this.#joined;
    if (!joined || joined.length < size) {
      const wasJoined = joined !== undefined;
      joined = new Uint8Array(Math.min(MAX_JOINED, Math.max(MIN_JOINED, 2 * size)));
      joined.set(last);
      if (!wasJoined) this.#copied?.(last);
      this.#joined = joined;
    }
    joined.set(piece, last.length);
    this.#copied?.(piece);
    return joined.subarray(0, size);
  }
}
