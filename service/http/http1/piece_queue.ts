import { concat } from "../bytes.ts";

/** Pieces smaller than this are joined when several wait to be read, in bytes. */
const SMALL = 8 * 1024;
/** Size from which on no more pieces are joined, in bytes. */
const MAX_JOINED = 64 * 1024;
/** Maximum number of small pieces in succession: then they are joined, though nobody reads yet. */
const MAX_SMALL = 64;

/**
 * Content that has arrived and was not read yet, in pieces. A sender of single bytes takes little more memory than one of
 * large pieces.
 */
export class PieceQueue {
  /** Bytes of all pieces. */
  bytes = 0;
  readonly #pieces: Uint8Array[] = [];
  readonly #copied: ((piece: Uint8Array) => void) | undefined;
  /** Number of small pieces in succession at the end. */
  #small = 0;

  /** @param copied Called with each piece that was joined: nothing looks at it any more. */
  constructor(copied?: (piece: Uint8Array) => void) {
    this.#copied = copied;
  }

  push(piece: Uint8Array): void {
    this.bytes += piece.length;
    this.#pieces.push(piece);
    this.#small = piece.length < SMALL ? this.#small + 1 : 0;
    if (this.#small < MAX_SMALL) return;
    const joined = this.#take(this.#pieces.length - this.#small, this.#small);
    this.#pieces.push(joined);
    this.#small = joined.length < SMALL ? 1 : 0;
  }

  /**
   * Removes the first piece. Small ones that follow each other are joined, so that a reader does not wait for each.
   *
   * @returns undefined if there is none.
   */
  shift(): Uint8Array | undefined {
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
    const taken = this.#take(0, count);
    this.#small = Math.min(this.#small, pieces.length);
    return taken;
  }

  clear(): void {
    this.bytes = this.#small = 0;
    this.#pieces.length = 0;
  }

  /** Removes pieces, and returns them joined. */
  #take(from: number, count: number): Uint8Array {
    const taken = this.#pieces.splice(from, count);
    const joined = concat(taken);
    if (count > 1 && this.#copied) { for (const piece of taken) this.#copied(piece); }
    return joined;
  }
}
