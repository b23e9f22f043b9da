import { Id, Reader, type Section, sections, type Writer } from "./binary.ts";
import { type BranchHints, hintsOf } from "./branch_hints.ts";
import type { Plan } from "./code.ts";
import { type Layout, layoutOf, stateOf } from "./layout.ts";
import type { Offsets } from "./offsets.ts";

/** An earlier build of a program, in both forms. The next build has most of its functions, too. */
export interface EarlierCode {
  readonly bytes: Uint8Array;
  readonly rewritten: RewrittenCode;
}

/** Parts of `Rewritten` from which functions are copied. */
interface RewrittenCode {
  readonly bytes: Uint8Array;
  readonly offsets: Offsets;
  readonly plan: string;
  readonly pieces: readonly (readonly number[])[];
}

/** Numbers of an edit in the map of offsets. */
const EDIT = 4;
/** Most bytes of functions that are copied at once, so that the event loop has its turns. */
const MOST = 1 << 20;

/** Returns all that the rewritten form of a function depends on besides the function, as a text to compare. */
export function planText({ imported, watch, reset, growth, bulk }: Plan): string {
  const { parameters: _, ...rest } = reset ?? { parameters: [] };
  return JSON.stringify([imported, watch, rest, growth !== undefined, bulk !== undefined]);
}

/** Functions of an earlier build, whose rewritten form is copied where the next build has the same function. */
export class EarlierFunctions {
  readonly #bytes: Uint8Array;
  readonly #rewritten: Uint8Array;
  readonly #edits: Uint32Array;
  readonly #parameters: readonly [earlier: readonly number[], now: readonly number[]];
  /** Start of each function in the original and in the rewritten module, and the end of the last. */
  readonly #starts: Uint32Array;
  readonly #newStarts: Uint32Array;
  /** Index of each function's first number in the map of offsets. */
  readonly #firstEdits: Uint32Array;
  /** Start of each function's branch hints, and the number of functions before it that have some. */
  readonly #hints: Uint32Array;
  readonly #hinted: Uint32Array;

  private constructor(
    { bytes, rewritten }: EarlierCode,
    earlier: Layout,
    parameters: readonly number[],
  ) {
    this.#bytes = bytes;
    this.#rewritten = rewritten.bytes;
    this.#edits = rewritten.offsets.edits;
    this.#parameters = [stateOf(earlier).parameters, parameters];
    const count = earlier.count(Id.code);
    const all = sections(rewritten.bytes);
    this.#starts = startsOf(bytes, earlier.find(Id.code)!, count);
    this.#newStarts = startsOf(rewritten.bytes, all.find(({ id }) => id === Id.code)!, count);
    this.#firstEdits = firstEditsOf(this.#edits, this.#starts);
    [this.#hints, this.#hinted] = hintsOf(rewritten.bytes, all, earlier.imported.function, count);
  }

  /**
   * Returns the functions of an earlier build, or undefined if they cannot be used: functions are rewritten differently
   * now, or have branch hints of their own.
   */
  static of(
    earlier: EarlierCode | undefined,
    plan: Plan,
    hints: BranchHints,
  ): EarlierFunctions | undefined {
    if (!earlier || !plan.reset || plan.growth || hints.some) return undefined;
    if (earlier.rewritten.plan !== planText(plan)) return undefined;
    const layout = layoutOf(earlier.bytes);
    if (!layout.find(Id.code)) return undefined;
    // The functions that copied code calls are added in the same order, so that they have the same indices.
    for (const [op, ...instruction] of earlier.rewritten.pieces) {
      plan.bulk?.functionFor(op!, Uint8Array.from(instruction));
    }
    return new EarlierFunctions(earlier, layout, plan.reset.parameters);
  }

  /**
   * Copies functions from the reader's place on that are as they were, up to the first other one.
   *
   * @param index Index of the function at the reader among the module's own.
   * @param count Number of the module's own functions.
   * @returns Number of functions that were copied, after which the reader is.
   */
  copy(
    index: number,
    count: number,
    r: Reader,
    out: Writer,
    { offsets, hints }: { readonly offsets: Offsets; readonly hints: BranchHints },
  ): number {
    const starts = this.#starts;
    const start = starts[index]!;
    let last = index;
    const end = Math.min(count, starts.length - 1);
    while (last < end && starts[last]! - start < MOST && this.#isSame(last, r, start)) last++;
    if (last === index) return 0;
    const from = this.#newStarts[index]!;
    const by = out.length - from;
    out.copy(this.#rewritten, from, this.#newStarts[last]!);
    const edits = this.#edits.subarray(this.#firstEdits[index], this.#firstEdits[last]);
    offsets.addAll(edits, by, r.at - start);
    const hinted = this.#hinted[last]! - this.#hinted[index]!;
    hints.addAll(this.#rewritten.subarray(this.#hints[index], this.#hints[last]), hinted);
    r.at += starts[last]! - start;
    return last - index;
  }

  /** Tells whether a function is unchanged. `start` is the earlier offset of the function that the reader is at. */
  #isSame(index: number, r: Reader, start: number): boolean {
    const [earlier, now] = this.#parameters;
    if (earlier[index] !== now[index]) return false;
    const [from, to] = [this.#starts[index]!, this.#starts[index + 1]!];
    const at = r.at + from - start;
    if (at + to - from > r.bytes.length) return false;
    const [one, other] = [this.#bytes, r.bytes];
    for (let i = 0; i < to - from; i++) if (one[from + i] !== other[at + i]) return false;
    return true;
  }
}

/** Returns the start of the first functions of a code section, and the end of the last of them. */
function startsOf(bytes: Uint8Array, section: Section, count: number): Uint32Array {
  const starts = new Uint32Array(count + 1);
  const r = new Reader(bytes, section.body);
  r.skipNumber(); // the number of functions
  for (let i = 0; i < count; i++) {
    starts[i] = r.at;
    const length = r.unsigned();
    r.at += length;
  }
  starts[count] = r.at;
  return starts;
}

function firstEditsOf(edits: Uint32Array, starts: Uint32Array): Uint32Array {
  const first = new Uint32Array(starts.length);
  let at = 0;
  for (let i = 0; i < starts.length; i++) {
    while (at < edits.length && edits[at + 2]! < starts[i]!) at += EDIT;
    first[i] = at;
  }
  return first;
}
