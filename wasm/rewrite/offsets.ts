/** Numbers for each edit: its start and end in the new module, then in the original. */
const WIDTH = 4;

/** Map from offsets in a rewritten module to offsets in the original one. */
export class Offsets {
  #edits = new Uint32Array(1 << 10);
  #length = 0;
  #pending = 0;
  #end = Infinity;

  /** Makes a map of the numbers and the end of another one. */
  static of(edits: Uint32Array<ArrayBuffer>, end: number): Offsets {
    const offsets = new Offsets();
    offsets.#edits = edits;
    offsets.#length = edits.length;
    offsets.#end = end;
    return offsets;
  }

  /** Numbers of all edits, after {@linkcode Offsets.move}. */
  get edits(): Uint32Array<ArrayBuffer> {
    return this.#edits;
  }

  /** Offset in the new module at which the original's code ends. */
  get end(): number {
    return this.#end;
  }

  /** Records an edit; edits must be in order. Its new offsets are relative until {@linkcode Offsets.place} is called. */
  add(newStart: number, newEnd: number, oldStart: number, oldEnd: number): void {
    if (this.#length === this.#edits.length) {
      const larger = new Uint32Array(this.#length * 2);
      larger.set(this.#edits);
      this.#edits = larger;
    }
    this.#edits[this.#length++] = newStart;
    this.#edits[this.#length++] = newEnd;
    this.#edits[this.#length++] = oldStart;
    this.#edits[this.#length++] = oldEnd;
  }

  /**
   * Records the edits of another map, in which all offsets differ by fixed numbers.
   *
   * @param by Difference in the new module, in which they are not relative.
   * @param byOld Difference in the original.
   */
  addAll(edits: Uint32Array, by: number, byOld: number): void {
    const end = this.#length + edits.length;
    if (end > this.#edits.length) {
      const larger = new Uint32Array(Math.max(this.#edits.length * 2, end));
      larger.set(this.#edits.subarray(0, this.#length));
      this.#edits = larger;
    }
    const own = this.#edits;
    let at = this.#length;
    for (let i = 0; i < edits.length; i += WIDTH, at += WIDTH) {
      own[at] = edits[i]! + by;
      own[at + 1] = edits[i + 1]! + by;
      own[at + 2] = edits[i + 2]! + byOld;
      own[at + 3] = edits[i + 3]! + byOld;
    }
    this.#length = this.#pending = end;
  }

  /** Moves the start of the first edit since the last {@linkcode Offsets.place} by so many bytes to the front. */
  widen(by: number): void {
    this.#edits[this.#pending]! -= by;
  }

  /** Sets the offset in the new module to which the edits since the last call are relative. */
  place(base: number): void {
    this.#shift(this.#pending, base);
    this.#pending = this.#length;
  }

  /** Sets the offset in the new module at which the original's code ends, and added functions follow. */
  finish(end: number): void {
    this.#end = end;
  }

  /** Moves every edit by so many bytes, which precede the code in the new module. */
  move(by: number): void {
    this.#shift(0, by);
    this.#end += by;
    this.#edits = this.#edits.slice(0, this.#length);
  }

  #shift(from: number, by: number): void {
    for (let at = from; at < this.#length; at += WIDTH) {
      this.#edits[at]! += by;
      this.#edits[at + 1]! += by;
    }
  }

  /**
   * Returns the original offset of an offset in the new module. Added code has the offset of the instruction that it was
   * added for; added functions have none.
   */
  original(offset: number): number | undefined {
    if (offset >= this.#end) return undefined;
    let low = 0;
    let high = this.#length / WIDTH;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#edits[middle * WIDTH]! <= offset) low = middle + 1;
      else high = middle;
    }
    if (!low) return offset;
    const [, newEnd, oldStart, oldEnd] = this.#edits.subarray((low - 1) * WIDTH, low * WIDTH);
    return offset < newEnd! ? oldStart! : oldEnd! + offset - newEnd!;
  }
}
