import { Writer } from "./binary.ts";
import { ADDED_PAGES, BYTES_LEFT, DIRTY_PAGE_BITS, MAX_PAGES, PAGE } from "./control.ts";
import { MINUS_ONE, NO_RESULT, noteRefusal } from "./growth.ts";
import { Op } from "./instructions.ts";
import { I32 } from "./writes.ts";

/** Parameters of the code by which instances of a module can be reset. */
export interface ResetPlan {
  /** Initial size of the memory, in pages. */
  readonly min: number;
  /** Largest size under the memory limit, in pages. */
  readonly max: number;
  /** The module's own maximum, in pages. */
  readonly own: number;
  /**
   * Index of the `budget` memory, for a module of a component; undefined otherwise. With it the largest size of the memory
   * is in `control` ({@linkcode MAX_PAGES}), and `min` is 0.
   */
  readonly budget: number | undefined;
  /** Number of parameters of each of the module's own functions. */
  readonly parameters: readonly number[];
  /** Whether writes mark dirty pages. */
  readonly dirtyPages: boolean;
  /** Index of the watchdog's memory. */
  readonly watch: number;
  /** Index of the `control` memory. */
  readonly control: number;
  /** Index of the function that grows the memory. */
  readonly grow: number;
  /** Index of the function that marks a range. */
  readonly mark: number;
}

/** Code that replaces the address on the stack by the number of its dirty page. */
export const DIRTY_PAGE_OF = [Op.i32Const, DIRTY_PAGE_BITS, Op.i32ShiftRightU] as const;

/** Returns code that marks the page of the address on the stack as dirty. */
export function markAddress(plan: ResetPlan): Uint8Array {
  return new Writer().byte(...DIRTY_PAGE_OF).raw(markPage(plan)).view();
}

/** Returns code that marks the page whose number is on the stack; beyond the memory's end, where the write traps, as well. */
export function markPage({ control }: ResetPlan): Uint8Array {
  return new Writer().byte(Op.i32Const, 1, Op.i32Store8, 0x40).unsigned(control).byte(0).view();
}

/** Returns code that pushes the number of added pages. */
export function loadAdded({ control }: ResetPlan): Uint8Array {
  return new Writer().byte(Op.i32Const, 0, Op.i32Load, 0x42).unsigned(control).unsigned(ADDED_PAGES)
    .view();
}

/**
 * Writes `grow(delta)`, in place of `memory.grow`: it raises the size that the guest sees, and grows the real memory only
 * if that is smaller.
 */
export function growBody(w: Writer, plan: ResetPlan): void {
  if (plan.budget !== undefined) return growPartBody(w, plan, plan.budget);
  const { min, max, own, watch, control } = plan;
  const delta = [Op.localGet, 0];
  const size = [Op.localGet, 1];
  const fail = [...MINUS_ONE, Op.return, Op.end];
  w.byte(1, 1, I32); // the size
  w.raw(loadAdded(plan)).byte(Op.i32Const).signed(min).byte(Op.i32Add, Op.localSet, 1);
  w.byte(...delta, Op.i32Const).signed(max).byte(...size, Op.i32Sub, Op.i32GreaterU);
  w.byte(Op.if, NO_RESULT);
  if (max < own) {
    const limit = new Writer().byte(Op.i32Const).signed(own | 0).view();
    noteRefusal(w, { watch, delta: 0, own: limit, size: Uint8Array.from(size) });
  }
  w.byte(...fail);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32GreaterU, Op.if, NO_RESULT);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32Sub, Op.memoryGrow, 0);
  w.byte(...MINUS_ONE, Op.i32Equal, Op.if, NO_RESULT, ...fail, Op.end);
  w.byte(Op.i32Const, 0, ...size, ...delta, Op.i32Add, Op.i32Const).signed(min);
  w.byte(Op.i32Sub, Op.i32Store, 0x42).unsigned(control).unsigned(ADDED_PAGES);
  w.byte(...size, Op.end);
}

/** Writes `grow(delta)` for a module of a component, which also takes the bytes from the shared budget. */
function growPartBody(w: Writer, { watch, control }: ResetPlan, budget: number): void {
  const delta = [Op.localGet, 0];
  const size = [Op.localGet, 1];
  const fail = [...MINUS_ONE, Op.return, Op.end];
  const bytes = [...delta, Op.i64ExtendI32U, Op.i64Const, Math.log2(PAGE), Op.i64ShiftLeft];
  const load = (op: number, memory: number, at: number) =>
    new Writer().byte(Op.i32Const, 0, op, op === Op.i32Load ? 0x42 : 0x43).unsigned(memory)
      .unsigned(at).view();
  const max = load(Op.i32Load, control, MAX_PAGES);
  const left = load(Op.i64Load, budget, BYTES_LEFT);
  w.byte(1, 1, I32); // the size
  w.raw(load(Op.i32Load, control, ADDED_PAGES)).byte(Op.localSet, 1);
  w.byte(...delta).raw(max).byte(...size, Op.i32Sub, Op.i32GreaterU, Op.if, NO_RESULT, ...fail);
  w.byte(...bytes).raw(left).byte(Op.i64GreaterU, Op.if, NO_RESULT);
  noteRefusal(w, { watch, delta: 0, own: max, size: Uint8Array.from(size) });
  w.byte(...fail);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32GreaterU, Op.if, NO_RESULT);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32Sub, Op.memoryGrow, 0);
  w.byte(...MINUS_ONE, Op.i32Equal, Op.if, NO_RESULT, ...fail, Op.end);
  w.byte(Op.i32Const, 0).raw(left).byte(...bytes, Op.i64Sub, Op.i64Store, 0x43).unsigned(budget);
  w.unsigned(BYTES_LEFT);
  w.byte(Op.i32Const, 0, ...size, ...delta, Op.i32Add, Op.i32Store, 0x42).unsigned(control);
  w.unsigned(ADDED_PAGES).byte(...size, Op.end);
}

/** Writes `mark(to, length)`, which marks the pages of a range as dirty. */
export function markBody(w: Writer, plan: ResetPlan): void {
  const to = [Op.localGet, 0];
  const length = [Op.localGet, 1];
  const page = 2;
  const last = 3;
  w.byte(1, 2, I32);
  w.byte(...length, Op.if, 0x40);
  w.byte(...to, ...DIRTY_PAGE_OF, Op.localSet, page);
  w.byte(
    ...to,
    ...length,
    Op.i32Add,
    Op.i32Const,
    1,
    Op.i32Sub,
    ...DIRTY_PAGE_OF,
    Op.localSet,
    last,
  );
  w.byte(Op.loop, 0x40, Op.localGet, page).raw(markPage(plan));
  w.byte(Op.localGet, page, Op.i32Const, 1, Op.i32Add, Op.localTee, page);
  w.byte(Op.localGet, last, Op.i32LessEqualU, Op.branchIf, 0, Op.end, Op.end, Op.end);
}

/** Writes a function that copies globals, each from the first index of a pair to the second. */
export function copyGlobalsBody(w: Writer, pairs: readonly (readonly [number, number])[]): void {
  w.byte(0);
  for (const [from, to] of pairs) {
    w.byte(Op.globalGet).unsigned(from).byte(Op.globalSet).unsigned(to);
  }
  w.byte(Op.end);
}
