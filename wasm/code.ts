import { type Reader, Writer } from "./binary.ts";
import { ADDED_PAGES, CARD_BITS, CARDS } from "./control.ts";
import { instruction, Op, valueType } from "./instructions.ts";
import type { Offsets } from "./offsets.ts";
import { I32, OBSTACLES, offsetOf, type Write, WRITES } from "./writes.ts";

/** What function bodies are rewritten for. */
export interface Plan {
  /** Pages that the memory starts with, and may have at the most. */
  readonly least: number;
  readonly most: number;
  /** The index of the function that grows the memory; the one after it marks a range. */
  readonly grow: number;
  /** Whether writes mark their cards. */
  readonly cards: boolean;
}

/** The count of added pages, from the second memory. */
const LOAD_ADDED = [Op.i32Const, 0, Op.i32Load, 0x42, 1, ADDED_PAGES] as const;
/** Takes an address off the stack and leaves its card's. */
const CARD_OF = [Op.i32Const, CARD_BITS, Op.i32ShiftRightU] as const;
/** Marks the card on the stack; what lies beyond the second memory traps, as the write itself would. */
const MARK_CARD: readonly number[] = [
  ...new Writer().byte(Op.i32Const, 1, Op.i32Store8, 0x40, 1).unsigned(CARDS).view(),
];
const FIRST_OF_INTEREST = Op.tableSet;
const LAST_OF_ONE_BYTE = Op.memoryGrow;
const FIRST_OF_PREFIXED = 0xfc << 12;

/** Rewrites one function body after another. */
export class CodeRewriter {
  /** What stands in the way of a reset. */
  obstacle: string | undefined;
  readonly #r: Reader;
  readonly #plan: Plan;
  readonly #offsets: Offsets;
  readonly #code = new Writer();
  readonly #head = new Writer();
  /** The types of the locals that the current body needs beyond its own. */
  #added: number[] = [];
  #locals = 0;

  constructor(reader: Reader, plan: Plan, offsets: Offsets) {
    this.#r = reader;
    this.#plan = plan;
    this.#offsets = offsets;
  }

  /** Reads the next body and writes it, with its length before it. */
  rewrite(out: Writer, parameters: number): void {
    const r = this.#r;
    const code = this.#code.reset();
    const length = r.unsigned();
    const end = r.at + length;
    const groups = r.unsigned();
    const declarations = r.at;
    this.#added = [];
    this.#locals = parameters;
    for (let left = groups; left > 0; left--) {
      this.#locals += r.unsigned();
      valueType(r);
    }
    const declared = r.bytes.subarray(declarations, r.at);
    this.#offsets.add(0, 0, r.at, r.at);
    this.#walk(end);
    const head = this.#head.reset().unsigned(groups + this.#added.length).raw(declared);
    for (const type of this.#added) head.byte(1, type);
    out.unsigned(head.length + code.length).raw(head.view());
    this.#offsets.place(out.length);
    out.raw(code.view());
  }

  #walk(end: number): void {
    const r = this.#r;
    const code = this.#code;
    let copied = r.at;
    while (r.at < end) {
      const start = r.at;
      const op = instruction(r);
      if (op < FIRST_OF_INTEREST || (op > LAST_OF_ONE_BYTE && op < FIRST_OF_PREFIXED)) continue;
      const write = this.#plan.cards ? WRITES.get(op) : undefined;
      if (!write && op !== Op.memorySize && op !== Op.memoryGrow) {
        this.obstacle ??= OBSTACLES.get(op);
        continue;
      }
      code.raw(r.bytes.subarray(copied, start));
      const from = code.length;
      if (write) this.#write(write, r.bytes.subarray(start, r.at));
      else if (op === Op.memoryGrow) code.byte(Op.call).unsigned(this.#plan.grow);
      else code.byte(...LOAD_ADDED, Op.i32Const).signed(this.#plan.least).byte(Op.i32Add);
      this.#offsets.add(from, code.length, start, r.at);
      copied = r.at;
    }
    code.raw(r.bytes.subarray(copied, end));
  }

  /** Marks what an instruction is about to write, then has it written. */
  #write({ operands, range }: Write, bytes: Uint8Array): void {
    const code = this.#code;
    const locals = this.#localsFor(operands);
    for (let i = locals.length - 1; i > 0; i--) code.byte(Op.localSet).unsigned(locals[i]!);
    code.byte(Op.localTee).unsigned(locals[0]!);
    if (range) {
      code.byte(Op.localGet).unsigned(locals.at(-1)!).byte(Op.call).unsigned(this.#plan.grow + 1);
    } else {
      const offset = offsetOf(bytes);
      if (offset) code.byte(Op.i32Const).signed(offset | 0).byte(Op.i32Add);
      code.byte(...CARD_OF).byte(...MARK_CARD);
    }
    for (const index of locals) code.byte(Op.localGet).unsigned(index);
    code.raw(bytes);
  }

  /** Indices of locals of these types, each another. */
  #localsFor(types: readonly number[]): number[] {
    const added = this.#added;
    const taken: number[] = [];
    for (const type of types) {
      let at = added.indexOf(type);
      while (at >= 0 && taken.includes(this.#locals + at)) at = added.indexOf(type, at + 1);
      if (at < 0) at = added.push(type) - 1;
      taken.push(this.#locals + at);
    }
    return taken;
  }
}

/** `grow(delta)`: the guest's size goes up, the real one only when it must; answers the old size or -1. */
export function growBody(w: Writer, { least, most }: Plan): void {
  const delta = [Op.localGet, 0];
  const size = [Op.localGet, 1];
  const fail = [Op.if, 0x40, Op.i32Const, 0x7f, Op.return, Op.end];
  w.byte(1, 1, I32); // the size
  w.byte(...LOAD_ADDED, Op.i32Const).signed(least).byte(Op.i32Add, Op.localSet, 1);
  w.byte(...delta, Op.i32Const).signed(most).byte(...size, Op.i32Sub, Op.i32GreaterU, ...fail);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32GreaterU, Op.if, 0x40);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32Sub, Op.memoryGrow, 0);
  w.byte(Op.i32Const, 0x7f, Op.i32Eq, ...fail, Op.end);
  w.byte(Op.i32Const, 0, ...size, ...delta, Op.i32Add, Op.i32Const).signed(least);
  w.byte(Op.i32Sub, Op.i32Store, 0x42, 1, ADDED_PAGES, ...size, Op.end);
}

/** `mark(to, length)`: marks the cards of a range. */
export function markBody(w: Writer): void {
  const to = [Op.localGet, 0];
  const length = [Op.localGet, 1];
  const card = 2;
  const last = 3;
  w.byte(1, 2, I32);
  w.byte(...length, Op.if, 0x40);
  w.byte(...to, ...CARD_OF, Op.localSet, card);
  w.byte(...to, ...length, Op.i32Add, Op.i32Const, 1, Op.i32Sub, ...CARD_OF, Op.localSet, last);
  w.byte(Op.loop, 0x40, Op.localGet, card, ...MARK_CARD);
  w.byte(Op.localGet, card, Op.i32Const, 1, Op.i32Add, Op.localTee, card);
  w.byte(Op.localGet, last, Op.i32LessEqualU, Op.branchIf, 0, Op.end, Op.end, Op.end);
}

/** A function that copies globals, each from the first index to the second. */
export function copyGlobalsBody(w: Writer, pairs: readonly (readonly [number, number])[]): void {
  w.byte(0);
  for (const [from, to] of pairs) {
    w.byte(Op.globalGet).unsigned(from).byte(Op.globalSet).unsigned(to);
  }
  w.byte(Op.end);
}
