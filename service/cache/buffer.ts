import { concat } from "../http/bytes.ts";

/** The part of a content that is in memory: consecutive pieces, the first of which may begin behind position 0. */
export class ContentBuffer {
  #pieces: Uint8Array[] = [];
  /** Position at which each piece ends. */
  #ends: number[] = [];
  #start = 0;
  #end = 0;

  /** Position of the first byte. */
  get start(): number {
    return this.#start;
  }

  /** Position behind the last byte. */
  get end(): number {
    return this.#end;
  }

  /** All of it, if it is in one piece. */
  get whole(): Uint8Array | undefined {
    return this.#pieces.length === 1 ? this.#pieces[0] : undefined;
  }

  /** A buffer without bytes whose first one will be at a position. */
  static from(position: number): ContentBuffer {
    const buffer = new ContentBuffer();
    buffer.#start = buffer.#end = position;
    return buffer;
  }

  /** Appends a piece, which is not copied. */
  push(piece: Uint8Array): void {
    this.#end += piece.length;
    this.#pieces.push(piece);
    this.#ends.push(this.#end);
  }

  /** Puts a piece before all others, which is not copied. */
  unshift(piece: Uint8Array): void {
    if (!piece.length) return;
    this.#pieces.unshift(piece);
    this.#ends.unshift(this.#start);
    this.#start -= piece.length;
  }

  /** Bytes from a position on, up to the end of the piece that holds it. */
  at(position: number): Uint8Array {
    const index = this.#indexOf(position);
    const piece = this.#pieces[index]!;
    return piece.subarray(position - (this.#ends[index]! - piece.length));
  }

  /** Copies everything into one array. */
  concat(): Uint8Array {
    return concat(this.#pieces);
  }

  /** Puts everything into one piece. */
  join(): void {
    if (this.#pieces.length < 2) return;
    this.#pieces = [concat(this.#pieces)];
    this.#ends = [this.#end];
  }

  /** Drops the pieces that end at a position or before it, and copies the rest of one that it cuts in two. */
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

  /** Drops the pieces that end at a position or before it. */
  trim(position: number): void {
    const index = this.#ends.findIndex((end) => end > position);
    this.drop(this.#ends[(index < 0 ? this.#ends.length : index) - 1] ?? this.#start);
  }

  /** Drops everything; what comes next is behind it. */
  clear(): void {
    this.#pieces = [];
    this.#ends = [];
    this.#start = this.#end;
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
