import { Writer } from "./binary.ts";
import { ADDED_PAGES, BYTES_LEFT, DIRTY_MAP, DIRTY_PAGE_BITS, MAX_PAGES, PAGE } from "./control.ts";
import { MINUS_ONE, NO_RESULT, noteRefusal } from "./growth.ts";
import { Op } from "./instructions.ts";
import { I32 } from "./writes.ts";

/** What the code of a module does so that its instances can be put back. */
export interface ResetPlan {
  /** Pages that its memory starts with, may have, and might have without a limit. */
  readonly least: number;
  readonly most: number;
  readonly own: number;
  /**
   * Of a module of a component the index of the memory with what its modules may have together. How many pages its
   * memory may have is in the memory of its state then.
   */
  readonly budget: number | undefined;
  /** How many parameters each of its own functions has. */
  readonly parameters: readonly number[];
  /** Whether writes mark dirty pages. */
  readonly dirtyPages: boolean;
  /** The indices of the memory that the host watches, and of the one in which the instance's state is kept. */
  readonly watch: number;
  readonly control: number;
  /** The indices of the functions that grow the memory and mark a range. */
  readonly grow: number;
  readonly mark: number;
}

/** Replaces the address on the stack by the number of its dirty page. */
const DIRTY_PAGE_OF = [Op.i32Const, DIRTY_PAGE_BITS, Op.i32ShiftRightU] as const;

/** Marks the page of the address on the stack as dirty. */
export function markAddress(plan: ResetPlan): Uint8Array {
  return new Writer().byte(...DIRTY_PAGE_OF).raw(markPage(plan)).view();
}

/** Marks the page whose number is on the stack as dirty; beyond the dirty map that traps, as the write itself would. */
function markPage({ control }: ResetPlan): Uint8Array {
  return new Writer().byte(Op.i32Const, 1, Op.i32Store8, 0x40).unsigned(control).unsigned(DIRTY_MAP)
    .view();
}

/** The count of added pages. */
export function loadAdded({ control }: ResetPlan): Uint8Array {
  return new Writer().byte(Op.i32Const, 0, Op.i32Load, 0x42).unsigned(control).byte(ADDED_PAGES)
    .view();
}

/** `grow(delta)` of a module that is put back: the guest's size goes up, the real one only when it must. */
export function growBody(w: Writer, plan: ResetPlan): void {
  if (plan.budget !== undefined) return growPartBody(w, plan, plan.budget);
  const { least, most, own, watch, control } = plan;
  const delta = [Op.localGet, 0];
  const size = [Op.localGet, 1];
  const fail = [...MINUS_ONE, Op.return, Op.end];
  w.byte(1, 1, I32); // the size
  w.raw(loadAdded(plan)).byte(Op.i32Const).signed(least).byte(Op.i32Add, Op.localSet, 1);
  w.byte(...delta, Op.i32Const).signed(most).byte(...size, Op.i32Sub, Op.i32GreaterU);
  w.byte(Op.if, NO_RESULT);
  if (most < own) {
    const limit = new Writer().byte(Op.i32Const).signed(own | 0).view();
    noteRefusal(w, { watch, delta: 0, own: limit, size: Uint8Array.from(size) });
  }
  w.byte(...fail);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32GreaterU, Op.if, NO_RESULT);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32Sub, Op.memoryGrow, 0);
  w.byte(...MINUS_ONE, Op.i32Equal, Op.if, NO_RESULT, ...fail, Op.end);
  w.byte(Op.i32Const, 0, ...size, ...delta, Op.i32Add, Op.i32Const).signed(least);
  w.byte(Op.i32Sub, Op.i32Store, 0x42).unsigned(control).byte(ADDED_PAGES, ...size, Op.end);
}

/** `grow(delta)` of a module of a component: takes from what its modules may have together, too. */
function growPartBody(w: Writer, { watch, control }: ResetPlan, budget: number): void {
  const delta = [Op.localGet, 0];
  const size = [Op.localGet, 1];
  const fail = [...MINUS_ONE, Op.return, Op.end];
  const bytes = [...delta, Op.i64ExtendI32U, Op.i64Const, Math.log2(PAGE), Op.i64ShiftLeft];
  const load = (op: number, memory: number, at: number) =>
    new Writer().byte(Op.i32Const, 0, op, op === Op.i32Load ? 0x42 : 0x43).unsigned(memory)
      .unsigned(at).view();
  const most = load(Op.i32Load, control, MAX_PAGES);
  const left = load(Op.i64Load, budget, BYTES_LEFT);
  w.byte(1, 1, I32); // the size
  w.raw(load(Op.i32Load, control, ADDED_PAGES)).byte(Op.localSet, 1);
  w.byte(...delta).raw(most).byte(...size, Op.i32Sub, Op.i32GreaterU, Op.if, NO_RESULT, ...fail);
  w.byte(...bytes).raw(left).byte(Op.i64GreaterU, Op.if, NO_RESULT);
  noteRefusal(w, { watch, delta: 0, own: most, size: Uint8Array.from(size) });
  w.byte(...fail);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32GreaterU, Op.if, NO_RESULT);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32Sub, Op.memoryGrow, 0);
  w.byte(...MINUS_ONE, Op.i32Equal, Op.if, NO_RESULT, ...fail, Op.end);
  w.byte(Op.i32Const, 0).raw(left).byte(...bytes, Op.i64Sub, Op.i64Store, 0x43).unsigned(budget);
  w.unsigned(BYTES_LEFT);
  w.byte(Op.i32Const, 0, ...size, ...delta, Op.i32Add, Op.i32Store, 0x42).unsigned(control);
  w.byte(ADDED_PAGES, ...size, Op.end);
}

/** `mark(to, length)`: marks the pages of a range as dirty. */
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

/** A function that copies globals, each from the first index to the second. */
export function copyGlobalsBody(w: Writer, pairs: readonly (readonly [number, number])[]): void {
  w.byte(0);
  for (const [from, to] of pairs) {
    w.byte(Op.globalGet).unsigned(from).byte(Op.globalSet).unsigned(to);
  }
  w.byte(Op.end);
}
