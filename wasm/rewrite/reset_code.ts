import { Writer } from "./binary.ts";
import { ADDED_PAGES, CARD_BITS, CARDS } from "./control.ts";
import { MINUS_ONE, NO_RESULT, noteRefusal } from "./growth.ts";
import { Op } from "./instructions.ts";
import { I32 } from "./writes.ts";

/** What the code of a module does so that its instances can be put back. */
export interface ResetPlan {
  /** Pages that its memory starts with, may have, and might have without a limit. */
  readonly least: number;
  readonly most: number;
  readonly own: number;
  /** How many parameters each of its own functions has. */
  readonly parameters: readonly number[];
  /** Whether writes mark their cards. */
  readonly cards: boolean;
  /** The indices of the memory that the host watches, and of the one in which the instance's state is kept. */
  readonly watch: number;
  readonly control: number;
  /** The indices of the functions that grow the memory and mark a range. */
  readonly grow: number;
  readonly mark: number;
}

/** Takes an address off the stack and leaves its card's. */
const CARD_OF = [Op.i32Const, CARD_BITS, Op.i32ShiftRightU] as const;

/** Marks the card of the address on the stack. */
export function markAddress(plan: ResetPlan): Uint8Array {
  return new Writer().byte(...CARD_OF).raw(markCard(plan)).view();
}

/** Marks the card on the stack; what lies beyond the cards traps, as the write itself would. */
function markCard({ control }: ResetPlan): Uint8Array {
  return new Writer().byte(Op.i32Const, 1, Op.i32Store8, 0x40).unsigned(control).unsigned(CARDS)
    .view();
}

/** The count of added pages. */
export function loadAdded({ control }: ResetPlan): Uint8Array {
  return new Writer().byte(Op.i32Const, 0, Op.i32Load, 0x42).unsigned(control).byte(ADDED_PAGES)
    .view();
}

/** `grow(delta)` of a module that is put back: the guest's size goes up, the real one only when it must. */
export function growBody(w: Writer, plan: ResetPlan): void {
  const { least, most, own, watch, control } = plan;
  const delta = [Op.localGet, 0];
  const size = [Op.localGet, 1];
  const fail = [...MINUS_ONE, Op.return, Op.end];
  w.byte(1, 1, I32); // the size
  w.raw(loadAdded(plan)).byte(Op.i32Const).signed(least).byte(Op.i32Add, Op.localSet, 1);
  w.byte(...delta, Op.i32Const).signed(most).byte(...size, Op.i32Sub, Op.i32GreaterU);
  w.byte(Op.if, NO_RESULT);
  if (most < own) noteRefusal(w, { watch, delta: 0, own, size: Uint8Array.from(size) });
  w.byte(...fail);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32GreaterU, Op.if, NO_RESULT);
  w.byte(...size, ...delta, Op.i32Add, Op.memorySize, 0, Op.i32Sub, Op.memoryGrow, 0);
  w.byte(...MINUS_ONE, Op.i32Equal, Op.if, NO_RESULT, ...fail, Op.end);
  w.byte(Op.i32Const, 0, ...size, ...delta, Op.i32Add, Op.i32Const).signed(least);
  w.byte(Op.i32Sub, Op.i32Store, 0x42).unsigned(control).byte(ADDED_PAGES, ...size, Op.end);
}

/** `mark(to, length)`: marks the cards of a range. */
export function markBody(w: Writer, plan: ResetPlan): void {
  const to = [Op.localGet, 0];
  const length = [Op.localGet, 1];
  const card = 2;
  const last = 3;
  w.byte(1, 2, I32);
  w.byte(...length, Op.if, 0x40);
  w.byte(...to, ...CARD_OF, Op.localSet, card);
  w.byte(...to, ...length, Op.i32Add, Op.i32Const, 1, Op.i32Sub, ...CARD_OF, Op.localSet, last);
  w.byte(Op.loop, 0x40, Op.localGet, card).raw(markCard(plan));
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
