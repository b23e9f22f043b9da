import { concat } from "../http/bytes.ts";
import { MAX_SMALL, SMALL } from "../http/small_pieces.ts";

/** Part of a content that is in memory: consecutive pieces, the first of which may begin after position 0. */
export class ContentBuffer {
  #pieces: Uint8Array[] = [];
  /** Position at which each piece ends. */
  #ends: number[] = [];
  #start = 0;
  #end = 0;
  /** Number of small pieces in succession that were appended last, of which some may have been dropped. */
  #small = 0;

  /** Position of the first byte. */
  get start(): number {
    return this.#start;
  }

  /** Position after the last byte. */
  get end(): number {
    return this.#end;
  }

  /** All bytes, if they are in one piece. */
  get whole(): Uint8Array | undefined {
    return this.#pieces.length === 1 ? this.#pieces[0] : undefined;
  }

  /** Makes an empty buffer that begins at a position. */
  static from(position: number): ContentBuffer {
    const buffer = new ContentBuffer();
    buffer.#start = buffer.#end = position;
    return buffer;
  }

  /** Appends a piece, without a copy unless it is one of many small ones. */
  push(piece: Uint8Array): void {
    this.#end += piece.length;
    this.#pieces.push(piece);
    this.#ends.push(this.#end);
    this.#small = piece.length < SMALL ? this.#small + 1 : 0;
    if (this.#small >= MAX_SMALL) this.#joinSmall();
  }

  /** Prepends a piece without a copy. */
  unshift(piece: Uint8Array): void {
    if (!piece.length) return;
    this.#pieces.unshift(piece);
    this.#ends.unshift(this.#start);
    this.#start -= piece.length;
  }

  /** Returns the bytes from a position to the end of its piece. */
  at(position: number): Uint8Array {
    const index = this.#indexOf(position);
    const piece = this.#pieces[index]!;
    return piece.subarray(position - (this.#ends[index]! - piece.length));
  }

  /** Returns a copy of all bytes in one array. */
  concat(): Uint8Array {
    return concat(this.#pieces);
  }

  /** Joins all pieces into one. */
  join(): void {
    if (this.#pieces.length < 2) return;
    this.#pieces = [concat(this.#pieces)];
    this.#ends = [this.#end];
  }

  /** Drops the bytes before a position; the rest of a piece that it divides is copied. */
  drop(position: number): void {
    const first = this.#ends.findIndex((end) => end > position);
    const count = first < 0 ? this.#ends.length : first;
    this.#start = this.#ends[count - 1] ?? this.#start;
    this.#pieces.splice(0, count);
    this.#ends.splice(0, count);
    const cut = position - this.#start;
    if (cut <= 0 || !this.#pieces.length) return;
    this.#pieces[0] = this.#pieces[0]!.slice(cut);
    this.#start = position;
  }

  /** Drops the pieces that end at or before a position, and copies nothing. */
  trim(position: number): void {
    const index = this.#ends.findIndex((end) => end > position);
    this.drop(this.#ends[(index < 0 ? this.#ends.length : index) - 1] ?? this.#start);
  }

  /** Drops all bytes; the buffer goes on at its end. */
  clear(): void {
    this.#pieces = [];
    this.#ends = [];
    this.#start = this.#end;
  }

  /** Joins the small pieces at the end. */
  #joinSmall(): void {
    const from = Math.max(0, this.#pieces.length - this.#small);
    const joined = concat(this.#pieces.splice(from));
    this.#ends.splice(from);
    this.#pieces.push(joined);
    this.#ends.push(this.#end);
    this.#small = joined.length < SMALL ? 1 : 0;
  }

  #indexOf(position: number): number {
    let low = 0;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[middle]! > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
