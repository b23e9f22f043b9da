import { Id, Reader, type Section, Writer } from "./binary.ts";
import type { Layout } from "./layout.ts";

/** Name of the custom section with branch hints (proposal "Branch Hinting"). */
const NAME = new TextEncoder().encode("metadata.code.branch_hint");

/** Values of a hint: whether the branch is mostly taken. */
export const Hint = { unlikely: 0, likely: 1 } as const;

/**
 * Branch hints of a rewritten module: the guest's own, moved to the new offsets of its branches, and those of the checks.
 * The hints of the checks tell V8 that the call that asks the host is rarely made.
 */
export class BranchHints {
  readonly #imported: number;
  readonly #guest: Reader;
  /** Offsets of the guest's hints, by the index of their function. */
  readonly #starts: ReadonlyMap<number, number>;
  readonly #functions = new Writer();
  #count = 0;
  /** Hints of the current function: pairs of an offset in its code and a value. */
  readonly #hints: number[] = [];
  #length = 0;
  /** Number of the guest's hints in the current function that have not been moved yet. */
  #left = 0;
  #next = Infinity;
  #nextValue = 0;

  constructor({ bytes, sections, imported }: Layout) {
    this.#imported = imported.function;
    this.#guest = new Reader(bytes);
    this.#starts = startsOf(bytes, sections);
  }

  /** Begins a function, by its index among the module's own. */
  begin(index: number): void {
    this.#length = 0;
    const start = this.#starts.get(this.#imported + index);
    this.#left = 0;
    if (start !== undefined) {
      this.#guest.at = start;
      this.#left = this.#guest.unsigned();
    }
    this.#advance();
  }

  /** Offset of the guest's next hint from the start of the function's body; `Infinity` after the last. */
  get next(): number {
    return this.#next;
  }

  #advance(): void {
    const r = this.#guest;
    for (; this.#left > 0; this.#left--) {
      this.#next = r.unsigned();
      const size = r.unsigned();
      this.#nextValue = r.bytes[r.at]!;
      r.at += size;
      if (size !== 1 || this.#nextValue > Hint.likely) continue; // no known kind of hint
      this.#left--;
      return;
    }
    this.#next = Infinity;
  }

  /**
   * Moves the guest's hint for the instruction at `offset`, if there is one, to the offset `to` in the new code.
   *
   * @returns Offset of the next hint, as {@linkcode BranchHints.next}.
   */
  move(offset: number, to: number): number {
    while (this.#next <= offset) {
      if (this.#next === offset) this.add(to, this.#nextValue);
      this.#advance();
    }
    return this.#next;
  }

  /** Adds a hint for a branch in the new code. Offsets must ascend. */
  add(offset: number, value: number): void {
    this.#hints[this.#length++] = offset;
    this.#hints[this.#length++] = value;
  }

  /**
   * Ends the function.
   *
   * @param index The function's index among the module's own.
   * @param head Number of bytes in the body before the code.
   * @param check Offset of the branch of a check in the head, which is mostly taken.
   */
  end(index: number, head: number, check: number | undefined): void {
    const count = this.#length / 2 + (check === undefined ? 0 : 1);
    if (!count) return;
    this.#count++;
    const w = this.#functions.unsigned(this.#imported + index).unsigned(count);
    if (check !== undefined) w.unsigned(check).put(1).put(Hint.likely);
    for (let i = 0; i < this.#length; i += 2) {
      w.unsigned(head + this.#hints[i]!).put(1).put(this.#hints[i + 1]!);
    }
  }

  /** Whether the guest has hints of its own. */
  get some(): boolean {
    return this.#starts.size > 0;
  }

  /** Adds functions with their hints, as {@linkcode hintsOf} finds them. */
  addAll(bytes: Uint8Array, functions: number): void {
    this.#functions.raw(bytes);
    this.#count += functions;
  }

  /** Writes the section, which must precede the code; writes nothing if there are no hints. */
  write(out: Writer): void {
    if (!this.#count) return;
    const count = new Writer().unsigned(this.#count);
    const length = 1 + NAME.length + count.length + this.#functions.length;
    out.byte(Id.custom).unsigned(length).put(NAME.length).raw(NAME).raw(count.view())
      .raw(this.#functions.view());
  }
}

/** Copies a run of custom sections without the guest's hints, whose offsets are wrong in the new code. */
export function copyWithoutHints(out: Writer, bytes: Uint8Array, { start, end }: Section): void {
  let copied = start;
  for (const hints of hintSections(bytes, start, end)) {
    out.copy(bytes, copied, hints.start);
    copied = hints.end;
  }
  out.copy(bytes, copied, end);
}

/** Finds the hints of each function. Malformed hints are ignored, since V8 accepts any bytes in a custom section. */
function startsOf(bytes: Uint8Array, sections: readonly Section[]): Map<number, number> {
  const starts = new Map<number, number>();
  for (const { id, start, end } of sections) {
    if (id !== Id.custom) continue;
    for (const { body, end: last } of hintSections(bytes, start, end)) {
      try {
        readStarts(new Reader(bytes.subarray(0, last), body), starts);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
  }
  return starts;
}

/** @throws {RangeError} If the section ends too early. */
function readStarts(r: Reader, starts: Map<number, number>): void {
  for (let functions = r.unsigned(); functions > 0; functions--) {
    const index = r.unsigned();
    const start = r.at;
    for (let left = r.unsigned(); left > 0; left--) {
      r.skipNumber(); // the offset
      const size = r.unsigned();
      r.at += size;
    }
    if (r.at > r.bytes.length) return;
    starts.set(index, start);
  }
}

/**
 * Finds the hints of a rewritten module's own functions.
 *
 * @returns Start of each function's hints and the end of the last, and the number of functions before each that have some.
 */
export function hintsOf(
  bytes: Uint8Array,
  sections: readonly Section[],
  imported: number,
  count: number,
): [starts: Uint32Array, functions: Uint32Array] {
  const starts = new Uint32Array(count + 1);
  const functions = new Uint32Array(count + 1);
  const custom = sections.filter(({ id }) => id === Id.custom);
  const [section] = custom.flatMap(({ start, end }) => [...hintSections(bytes, start, end)]);
  if (!section) return [starts, functions];
  const r = new Reader(bytes, section.body);
  const total = r.unsigned();
  let next = 0;
  const reach = (index: number, read: number) => {
    for (; next <= index; next++) {
      starts[next] = r.at;
      functions[next] = read;
    }
  };
  for (let read = 0; read < total; read++) {
    const { at } = r;
    const index = r.unsigned() - imported;
    const after = r.at;
    r.at = at;
    reach(index, read);
    r.at = after;
    for (let left = r.unsigned(); left > 0; left--) {
      r.skipNumber(); // the offset
      r.at += 2; // its size, which is 1, and the value
    }
  }
  reach(count, total);
  return [starts, functions];
}

/** Finds the sections with hints in a run of custom sections. `body` is the offset behind their name. */
function* hintSections(
  bytes: Uint8Array,
  start: number,
  end: number,
): Generator<Omit<Section, "id">> {
  const r = new Reader(bytes, start);
  while (r.at < end) {
    const start = r.at;
    r.at++; // the id
    const length = r.unsigned();
    const body = r.at;
    r.at = body + length;
    const name = body + 1;
    if (bytes[body] !== NAME.length) continue;
    if (!NAME.every((byte, i) => bytes[name + i] === byte)) continue;
    yield { start, body: name + NAME.length, end: r.at };
  }
}
