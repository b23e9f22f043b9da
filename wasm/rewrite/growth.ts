import type { Additions } from "./additions.ts";
import { Writer } from "./binary.ts";
import { type Budget, ELEMENT } from "./budget.ts";
import { PAGE, REFUSED } from "./control.ts";
import { Op } from "./instructions.ts";
import { I32, I64 } from "./writes.ts";

export const NO_RESULT = 0x40;
export const MINUS_ONE = [Op.i32Const, 0x7f];
const TABLE_GROW = [0xfc, 15];
const TABLE_SIZE = [0xfc, 16];
/** How many bytes a page and an element have, as powers of 2. */
const BITS = { page: Math.log2(PAGE), element: Math.log2(ELEMENT) };

/** The functions by which memories and tables of a module grow within one budget: added as its code asks for them. */
export class Growth {
  readonly #budget: Budget;
  readonly #added: Additions;
  readonly #watch: number;
  readonly #byInstruction = new Map<string, number>();
  /** The index of the global that has the bytes left, as an `i64`. */
  #left: number | undefined;

  /** @param watch The index of the memory that the host watches. */
  constructor(budget: Budget, added: Additions, watch: number) {
    this.#budget = budget;
    this.#added = added;
    this.#watch = watch;
  }

  /** Returns the index of the function to call in the place of `memory.grow` or `table.grow`. */
  functionFor(op: number, index: number): number {
    const key = `${op} ${index}`;
    const known = this.#byInstruction.get(key);
    if (known !== undefined) return known;
    this.#left ??= this.#added.global(Uint8Array.of(I64), i64Const(this.#budget.left));
    const added = op === Op.memoryGrow ? this.#addForMemory(index) : this.#addForTable(index);
    this.#byInstruction.set(key, added);
    return added;
  }

  #addForMemory(index: number): number {
    const { own } = this.#budget.memories[index]!;
    const size = new Writer().byte(Op.memorySize).unsigned(index).view();
    const grow = new Writer().byte(Op.localGet, 0, Op.memoryGrow).unsigned(index).view();
    const parts = { delta: 0, bits: BITS.page, own, size, grow };
    return this.#added.function([[I32]], [I32], (body) => this.#write(body, parts));
  }

  #addForTable(index: number): number {
    const { most: own, type } = this.#budget.tables[index]!;
    const size = new Writer().byte(...TABLE_SIZE).unsigned(index).view();
    const grow = new Writer().byte(Op.localGet, 0, Op.localGet, 1, ...TABLE_GROW)
      .unsigned(index).view();
    const parts = { delta: 1, bits: BITS.element, own, size, grow };
    return this.#added.function([[...type], [I32]], [I32], (body) => this.#write(body, parts));
  }

  /** `grow(…, delta)`: takes the bytes from those that are left, or answers -1; it does so too if growth itself fails. */
  #write(body: Writer, { delta, bits, own, size, grow }: GrowerParts): void {
    const left = this.#left!;
    const old = delta + 1;
    const bytes = [Op.localGet, delta, Op.i64ExtendI32U, Op.i64Const, bits, Op.i64ShiftLeft];
    body.byte(1, 1, I32);
    body.byte(...bytes, Op.globalGet).unsigned(left).byte(Op.i64GreaterU, Op.if, NO_RESULT);
    noteRefusal(body, { watch: this.#watch, delta, own, size });
    body.byte(...MINUS_ONE, Op.return, Op.end);
    body.raw(grow).byte(Op.localTee, old, ...MINUS_ONE, Op.i32NotEqual, Op.if, NO_RESULT);
    body.byte(Op.globalGet).unsigned(left).byte(...bytes, Op.i64Sub, Op.globalSet).unsigned(left);
    body.byte(Op.end, Op.localGet, old, Op.end);
  }
}

/** How a grower's body is about its memory or its table. */
interface GrowerParts {
  /** The local that has by how much it grows. */
  readonly delta: number;
  /** How many bytes a page or an element has, as a power of 2. */
  readonly bits: number;
  /** Its own maximum. */
  readonly own: number;
  /** Code that leaves its size, and code that grows it and leaves the old size or -1. */
  readonly size: Uint8Array;
  readonly grow: Uint8Array;
}

/** An expression for a number of bytes. */
function i64Const(value: number): Uint8Array {
  const w = new Writer().put(Op.i64Const);
  for (; value >= 0x40; value = Math.floor(value / 0x80)) w.put(value % 0x80 | 0x80);
  return w.byte(value, Op.end).view();
}

/** Tells the host that the limit has refused growth, if the module's own maximum would have allowed it. */
export function noteRefusal(
  body: Writer,
  { watch, delta, own, size }: Pick<GrowerParts, "delta" | "own" | "size"> & { watch: number },
): void {
  body.byte(Op.localGet, delta, Op.i32Const).signed(own | 0).raw(size).byte(Op.i32Sub);
  body.byte(Op.i32LessEqualU, Op.if, NO_RESULT, Op.i32Const, 0, Op.i32Const, 1, Op.i32Store, 0x42);
  body.unsigned(watch).byte(REFUSED, Op.end);
}
