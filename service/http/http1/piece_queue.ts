import { concat } from "../bytes.ts";

/** Pieces smaller than this are joined when several wait to be read, in bytes. */
const SMALL = 8 * 1024;
/** Size from which on no more pieces are joined, in bytes. */
const MAX_JOINED = 64 * 1024;

/** Content that has arrived and was not read yet, in pieces. */
export class PieceQueue {
  /** Bytes of all pieces. */
  bytes = 0;
  readonly #pieces: Uint8Array[] = [];

  push(piece: Uint8Array): void {
    this.bytes += piece.length;
    this.#pieces.push(piece);
  }

  /**
   * Removes the first piece. Small ones that follow each other are joined, so that a reader does not wait for each.
   *
   * @param copied Called with each piece that was joined: nothing looks at it any more.
   * @returns undefined if there is none.
   */
  shift(copied?: (piece: Uint8Array) => void): Uint8Array | undefined {
    const pieces = this.#pieces;
    const [first] = pieces;
    if (!first) return undefined;
    let count = 1;
    let size = first.length;
    if (first.length < SMALL) {
      while (count < pieces.length && pieces[count]!.length < SMALL && size < MAX_JOINED) {
        size += pieces[count++]!.length;
      }
    }
    this.bytes -= size;
    const taken = pieces.splice(0, count);
    if (count === 1) return first;
    const joined = concat(taken);
    if (copied) { for (const piece of taken) copied(piece); }
    return joined;
  }

  clear(): void {
    this.bytes = 0;
    this.#pieces.length = 0;
  }
}
