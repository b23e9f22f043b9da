import { Writer } from "./binary.ts";
import { Op } from "./instructions.ts";

/** What the code of a module does so that it can be stopped. */
export interface WatchPlan {
  /** The index of the memory whose first word is 0 when the code has to ask whether it may go on. */
  readonly memory: number;
  /** The index of the function that asks, and traps if not. */
  readonly ask: number;
}

const NONE = 0x40;

function loadWatched(w: Writer, memory: number): Writer {
  return w.byte(Op.i32Const, 0, Op.i32Load, 0x42).unsigned(memory).byte(0);
}

/** Code with one branch. */
export interface BranchCode {
  readonly code: Uint8Array;
  /** Where the branch is in it. */
  readonly branch: number;
}

/** Asks whether to go on when the watched word is 0: the branch is taken when it is not. */
export function checkOf({ memory, ask }: WatchPlan): BranchCode {
  const w = loadWatched(new Writer().byte(Op.block, NONE), memory);
  const branch = w.length;
  w.byte(Op.branchIf, 0).byte(Op.call).unsigned(ask).byte(Op.end);
  return { code: w.view(), branch };
}

/** Leaves a loop, and the block around it, when the watched word is 0: {@linkcode askAnew} has it begin again. */
export function exitOf({ memory }: WatchPlan): BranchCode {
  const w = loadWatched(new Writer(), memory).byte(Op.i32EqualZero);
  const branch = w.length;
  return { code: w.byte(Op.branchIf, 1).view(), branch };
}

/** Follows a loop that {@linkcode exitOf} may have left, and ends the blocks that are around it. */
export function askAnew({ ask }: WatchPlan): Uint8Array {
  return new Writer().byte(Op.branch, 2, Op.end, Op.call).unsigned(ask)
    .byte(Op.branch, 0, Op.end, Op.unreachable, Op.end).view();
}

/**
 * `ask()`: has the host set the watched word anew, and traps if it is still 0. The host does not throw, for a `catch_all`
 * of the guest would get hold of that, but not of a trap.
 *
 * @param type The index of the function's type, which takes and gives nothing.
 * @param table The index of the table with the host's function.
 */
export function askBody(w: Writer, memory: number, type: number, table: number): void {
  w.byte(0, Op.i32Const, 0, Op.callIndirect).unsigned(type).unsigned(table);
  loadWatched(w, memory).byte(Op.i32EqualZero, Op.if, NONE, Op.unreachable, Op.end, Op.end);
}
