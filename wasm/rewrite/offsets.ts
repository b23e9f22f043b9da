/** Numbers of one edit: where it begins and ends in the new module, and in the old one. */
const WIDTH = 4;

/** Which byte of the module as it came a byte of the rewritten module stands for. */
export class Offsets {
  #edits = new Uint32Array(1 << 10);
  #length = 0;
  #pending = 0;
  #end = Infinity;

  /** Records an edit, in order. Its place in the new module is relative until it is {@linkcode Offsets.place}d. */
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

  /** Says that the first edit since the last {@linkcode Offsets.place} begins so many bytes earlier. */
  widen(by: number): void {
    this.#edits[this.#pending]! -= by;
  }

  /** Says where in the new module the edits since the last call are relative to. */
  place(base: number): void {
    this.#shift(this.#pending, base);
    this.#pending = this.#length;
  }

  /** Says where in the new module the code of the old one ends: what follows was added. */
  finish(end: number): void {
    this.#end = end;
  }

  /** Moves every edit: what comes before them in the new module has become so much longer. */
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
   * The old offset of a new one; of what was added, the instruction for which it was. Undefined in functions that are not
   * the guest's.
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
