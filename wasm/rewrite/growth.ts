import type { Additions } from "./additions.ts";
import { Writer } from "./binary.ts";
import { type Budget, ELEMENT, MAX_ELEMENTS } from "./budget.ts";
import { BYTES_LEFT, ELEMENTS_LEFT, PAGE, REFUSED } from "./control.ts";
import { Op, UnknownForm } from "./instructions.ts";
import { I32, I64 } from "./writes.ts";

/** Maximum number of pages of an imported memory, whose maximum is not known. */
const MAX_OWN = 65536;
export const NO_RESULT = 0x40;
export const MINUS_ONE = [Op.i32Const, 0x7f];
const TABLE_GROW = [0xfc, 15];
const TABLE_SIZE = [0xfc, 16];
/** Binary logarithms of the sizes of a page and of an element, in bytes. */
const BITS = { page: Math.log2(PAGE), element: Math.log2(ELEMENT) };

/** Functions by which memories and tables of a module grow within one budget. Each is added when code first needs it. */
export class Growth {
  readonly #budget: Budget;
  readonly #added: Additions;
  readonly #watch: number;
  readonly #byInstruction = new Map<string, number>();
  readonly #shared: SharedBudget | undefined;
  #bytes: Remaining | undefined;
  #elements: Remaining | undefined;

  /**
   * @param watch Index of the watchdog's memory.
   * @param shared Budget of a component, for a module of one.
   */
  constructor(budget: Budget, added: Additions, watch: number, shared?: SharedBudget) {
    this.#budget = budget;
    this.#added = added;
    this.#watch = watch;
    this.#shared = shared;
  }

  /** Returns the index of the function to call in place of `memory.grow` or `table.grow`. */
  functionFor(op: number, index: number): number {
    const key = `${op} ${index}`;
    const known = this.#byInstruction.get(key);
    if (known !== undefined) return known;
    this.#bytes ??= this.#left(this.#budget.left, BYTES_LEFT);
    const added = op === Op.memoryGrow ? this.#addForMemory(index) : this.#addForTable(index);
    this.#byInstruction.set(key, added);
    return added;
  }

  /** @param at Offset in the `budget` memory of a component. */
  #left(first: number, at: number): Remaining {
    if (this.#shared) return new SharedRemaining(this.#shared.budget, at);
    return new OwnRemaining(this.#added.global(Uint8Array.of(I64), i64Const(first)));
  }

  #addForMemory(index: number): number {
    const own = this.#budget.memories[index - (this.#shared?.memories ?? 0)]?.own ?? MAX_OWN;
    const size = new Writer().byte(Op.memorySize).unsigned(index).view();
    const grow = new Writer().byte(Op.localGet, 0, Op.memoryGrow).unsigned(index).view();
    const parts = { delta: 0, bits: BITS.page, own, size, grow };
    return this.#added.function([[I32]], [I32], (body) => this.#write(body, parts));
  }

  #addForTable(index: number): number {
    const table = this.#budget.tables[index - (this.#shared?.tables ?? 0)];
    if (!table) throw new UnknownForm("it grows a table that it imports");
    const { max: own, type } = table;
    this.#elements ??= this.#left(MAX_ELEMENTS - this.#budget.elements, ELEMENTS_LEFT);
    const size = new Writer().byte(...TABLE_SIZE).unsigned(index).view();
    const grow = new Writer().byte(Op.localGet, 0, Op.localGet, 1, ...TABLE_GROW)
      .unsigned(index).view();
    const parts = { delta: 1, bits: BITS.element, own, size, grow, elements: this.#elements };
    return this.#added.function([[...type], [I32]], [I32], (body) => this.#write(body, parts));
  }

  /** Writes `grow(…, delta)`: grows and takes the bytes from the budget; returns -1 if the budget or growth itself fails. */
  #write(body: Writer, { delta, bits, own, size, grow, elements }: GrowerParts): void {
    const old = delta + 1;
    const left = this.#bytes!;
    const count = [Op.localGet, delta, Op.i64ExtendI32U];
    const bytes = [...count, Op.i64Const, bits, Op.i64ShiftLeft];
    body.byte(1, 1, I32);
    if (elements) {
      body.byte(...count).raw(elements.load()).byte(Op.i64GreaterU, Op.if, NO_RESULT);
      body.byte(...MINUS_ONE, Op.return, Op.end);
    }
    body.byte(...bytes).raw(left.load()).byte(Op.i64GreaterU, Op.if, NO_RESULT);
    const limit = new Writer().byte(Op.i32Const).signed(own | 0).view();
    noteRefusal(body, { watch: this.#watch, delta, own: limit, size });
    body.byte(...MINUS_ONE, Op.return, Op.end);
    body.raw(grow).byte(Op.localTee, old, ...MINUS_ONE, Op.i32NotEqual, Op.if, NO_RESULT);
    left.take(body, bytes);
    elements?.take(body, count);
    body.byte(Op.end, Op.localGet, old, Op.end);
  }
}

/** Counter of the bytes or elements by which an instance may still grow. */
interface Remaining {
  /** Returns code that pushes the count. */
  load(): Uint8Array;
  /** Writes code that subtracts the number that the code `amount` pushes. */
  take(body: Writer, amount: readonly number[]): void;
}

/** Counter in a global of the module. */
class OwnRemaining implements Remaining {
  readonly #global: number;

  constructor(global: number) {
    this.#global = global;
  }

  load(): Uint8Array {
    return new Writer().byte(Op.globalGet).unsigned(this.#global).view();
  }

  take(body: Writer, amount: readonly number[]): void {
    body.raw(this.load()).byte(...amount, Op.i64Sub, Op.globalSet).unsigned(this.#global);
  }
}

/** Counter in the `budget` memory, which all modules of a component share. */
class SharedRemaining implements Remaining {
  readonly #memory: number;
  readonly #at: number;

  constructor(memory: number, at: number) {
    this.#memory = memory;
    this.#at = at;
  }

  load(): Uint8Array {
    const w = new Writer().byte(Op.i32Const, 0, Op.i64Load, 0x43).unsigned(this.#memory);
    return w.unsigned(this.#at).view();
  }

  take(body: Writer, amount: readonly number[]): void {
    body.byte(Op.i32Const, 0).raw(this.load()).byte(...amount, Op.i64Sub, Op.i64Store, 0x43);
    body.unsigned(this.#memory).unsigned(this.#at);
  }
}

/** Budget that all modules of a component share. */
export interface SharedBudget {
  /** Index of the `budget` memory. */
  readonly budget: number;
  /** Numbers of memories and tables that the module imports, which belong to other modules. */
  readonly memories: number;
  readonly tables: number;
}

/** Parts in which the growing functions of memories and tables differ. */
interface GrowerParts {
  /** Index of the local with the number to grow by. */
  readonly delta: number;
  /** Binary logarithm of the size of a page or element, in bytes. */
  readonly bits: number;
  /** The module's own maximum of the memory or table. */
  readonly own: number;
  /** Code that pushes the size. */
  readonly size: Uint8Array;
  /** Code that grows the memory or table, and pushes the old size or -1. */
  readonly grow: Uint8Array;
  /** Counter of elements, for a table. Its refusals are not reported, as it is not the limit `memory`. */
  readonly elements?: Remaining;
}

/** Returns an initializer with the value, `end` included. */
function i64Const(value: number): Uint8Array {
  const w = new Writer().put(Op.i64Const);
  for (; value >= 0x40; value = Math.floor(value / 0x80)) w.put(value % 0x80 | 0x80);
  return w.byte(value, Op.end).view();
}

/** Writes code that tells the host of refused growth, unless the module's own maximum would have refused it as well. */
export function noteRefusal(
  body: Writer,
  { watch, delta, own, size }: Pick<GrowerParts, "delta" | "size"> & {
    readonly watch: number;
    /** Code that pushes the module's own maximum. */
    readonly own: Uint8Array;
  },
): void {
  body.byte(Op.localGet, delta).raw(own).raw(size).byte(Op.i32Sub);
  body.byte(Op.i32LessEqualU, Op.if, NO_RESULT, Op.i32Const, 0, Op.i32Const, 1, Op.i32Store, 0x42);
  body.unsigned(watch).byte(REFUSED, Op.end);
}
