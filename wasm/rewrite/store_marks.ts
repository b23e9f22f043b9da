import { Addresses, UNKNOWN } from "./addresses.ts";
import type { Reader, Writer } from "./binary.ts";
import { type BranchHints, Hint } from "./branch_hints.ts";
import { Op } from "./instructions.ts";
import { isSequential, type Loop } from "./loop.ts";
import { MarkedPlaces } from "./marked_places.ts";
import { DIRTY_PAGE_OF, markAddress, markPage, type ResetPlan } from "./reset_code.ts";
import { I32, type MemoryWrite, offsetOf } from "./writes.ts";

/** Pages of a memory whose last address is that of 32 bits. */
const ALL_PAGES = 65536;
/** Maximum number of stores of a loop that remember the page that they have marked last. */
const REMEMBERED = 4;
const NONE = 0x40;
/** Number that is that of no page. */
const NO_PAGE = -1;

/**
 * Code by which the stores of a function body mark dirty pages. Where a store is known to be near one that has marked its
 * page ({@linkcode MarkedPlaces}), it has no mark; so the stores to one frame of the shadow stack mostly share one. Where
 * a store is in a loop and its address mostly stays near that of the round before, a local has the number of the page that
 * it has marked last, and it marks another page only: comparing takes half of the instructions and no load. Whether
 * addresses do stay near is a guess that only costs time where it is wrong.
 */
export class StoreMarks {
  readonly #r: Reader;
  readonly #plan: ResetPlan;
  readonly #markAddress: Uint8Array;
  readonly #markPage: Uint8Array;
  readonly #hints: BranchHints;
  readonly #addresses: Addresses;
  readonly #places = new MarkedPlaces();
  /** Whether a sum of 32 bits that wraps around is beyond the memory's end. */
  readonly #sums: boolean;
  #locals = 0;
  /** Types of the locals that are added to the current body. */
  added: number[] = [];
  /** Added locals of the current body, by the operands of the writes that use them. */
  readonly #known = new Map<readonly number[], readonly number[]>();

  /** Innermost open loop, if it is known and no loop inside it has ended. */
  #loop: Loop | undefined;
  /** Number of open blocks, that loop's included. */
  #depth = 0;
  /** Added local that has the number of a page while it is compared. */
  #page: number | undefined;
  /** Added locals that have the number of the page that a store has marked last. */
  readonly #pages: number[] = [];
  /** Number of these locals that stores of the innermost loop use. */
  #remembering = 0;

  constructor(r: Reader, plan: ResetPlan, hints: BranchHints) {
    this.#r = r;
    this.#hints = hints;
    this.#markPage = markPage(plan);
    this.#plan = plan;
    this.#markAddress = markAddress(plan);
    this.#sums = plan.budget === undefined && plan.max < ALL_PAGES;
    this.#addresses = new Addresses(r, this.#sums);
  }

  /** Begins a function body with so many locals. */
  begin(locals: number): void {
    this.#locals = locals;
    this.added = [];
    if (this.#known.size) this.#known.clear();
    this.#addresses.reset();
    this.#places.reset();
    this.#page = undefined;
    this.#pages.length = 0;
    this.#loop = undefined;
  }

  /** Skips and takes plain instructions. Returns the offset of the first other one, or at least `end`. */
  skipPlain(from: number, end: number): number {
    return this.#addresses.skipPlain(from, end, this.#places);
  }

  /** Takes the next instruction, which is not plain and begins at `start`; for a loop {@linkcode StoreMarks.openLoop} follows. */
  take(op: number, start: number): void {
    this.#addresses.take(start);
    switch (op) {
      case Op.block:
      case Op.if:
      case Op.try:
      case Op.tryTable:
        this.#places.open();
        break;
      case Op.else:
      case Op.catch:
      case Op.catchAll:
        this.#places.next();
        break;
      case Op.end:
      case Op.delegate:
        this.#places.end();
        if (this.#places.depth < this.#depth) this.#loop = undefined;
    }
  }

  openLoop(loop: Loop | undefined): void {
    this.#places.openLoop(loop?.sets);
    this.#loop = loop;
    this.#depth = this.#places.depth;
    this.#remembering = 0;
  }

  /** Tells whether the instruction at `start` writes near to a marked place. If not, its place is noted if it is known. */
  isMarked({ operands, range }: MemoryWrite, start: number): boolean {
    if (range) return false;
    const addresses = this.#addresses;
    addresses.find(operands.length - 1);
    const { base, plus } = addresses;
    if (base === UNKNOWN || plus !== 0 && !this.#sums) return false;
    const at = plus + offsetOf(this.#r, start);
    if (this.#places.has(base, at)) return true;
    this.#places.add(base, at);
    return false;
  }

  /** Writes code that marks the pages that the instruction at `start` writes to, and leaves its operands on the stack. */
  write(code: Writer, { operands, range }: MemoryWrite, start: number): void {
    const locals = this.#localsFor(operands);
    for (let i = locals.length - 1; i > 0; i--) code.put(Op.localSet).unsigned(locals[i]!);
    code.put(Op.localTee).unsigned(locals[0]!);
    if (range) {
      code.put(Op.localGet).unsigned(locals.at(-1)!).put(Op.call).unsigned(this.#plan.mark);
    } else {
      const offset = offsetOf(this.#r, start);
      if (offset) code.put(Op.i32Const).signed(offset | 0).put(Op.i32Add);
      if (this.#staysNear()) this.#markAnew(code);
      else code.raw(this.#markAddress);
    }
    for (let i = 0; i < locals.length; i++) code.put(Op.localGet).unsigned(locals[i]!);
  }

  /** Whether the store writes mostly to the page that it wrote to in the loop's round before. */
  #staysNear(): boolean {
    if (!this.#loop || this.#remembering === REMEMBERED) return false;
    const { first, second } = this.#addresses;
    return first !== UNKNOWN && isSequential(this.#loop, [first, second]);
  }

  /** Writes code that marks the page of the address on the stack unless the store has marked it last. */
  #markAnew(code: Writer): void {
    const page = this.#page ??= this.#addLocal(I32);
    const last = this.#pages[this.#remembering++] ??= this.#addLocal(I32);
    code.byte(...DIRTY_PAGE_OF, Op.localTee).unsigned(page).put(Op.localGet).unsigned(last);
    code.put(Op.i32NotEqual);
    this.#hints.add(code.length, Hint.unlikely);
    code.byte(Op.if, NONE, Op.localGet).unsigned(page).put(Op.localTee).unsigned(last);
    code.raw(this.#markPage).put(Op.end);
  }

  /** Writes the start of the function: no store has marked a page. */
  writeStart(head: Writer): void {
    for (const page of this.#pages) {
      head.put(Op.i32Const).signed(NO_PAGE).put(Op.localSet).unsigned(page);
    }
  }

  /** Returns the indices of distinct added locals of these types. */
  #localsFor(types: readonly number[]): readonly number[] {
    const known = this.#known.get(types);
    if (known) return known;
    const added = this.added;
    const taken: number[] = [];
    this.#known.set(types, taken);
    for (const type of types) {
      let at = added.indexOf(type);
      while (at >= 0 && this.#isTaken(taken, at)) at = added.indexOf(type, at + 1);
      taken.push(at < 0 ? this.#addLocal(type) : this.#locals + at);
    }
    return taken;
  }

  #isTaken(taken: readonly number[], added: number): boolean {
    const local = this.#locals + added;
    return taken.includes(local) || local === this.#page || this.#pages.includes(local);
  }

  #addLocal(type: number): number {
    return this.#locals + this.added.push(type) - 1;
  }
}
