import { Writer } from "./binary.ts";
import { Op } from "./instructions.ts";
import type { Counter } from "./loop.ts";

/** Parameters of the checks by which code can be stopped. */
export interface WatchPlan {
  /** Index of the watchdog's memory, whose first word is 0 when code has to ask whether it may go on. */
  readonly memory: number;
  /** Index of the function that asks, and traps if code may not go on. */
  readonly ask: number;
}

const NONE = 0x40;

function loadWatched(w: Writer, memory: number): Writer {
  return w.byte(Op.i32Const, 0, Op.i32Load, 0x42).unsigned(memory).byte(0);
}

/** Code with one branch, for which there is a branch hint. */
export interface BranchCode {
  readonly code: Uint8Array;
  /** Offset of the branch in the code. */
  readonly branch: number;
}

/** Returns code that asks whether to go on if the watched word is 0. The branch is taken if it is not. */
export function checkOf({ memory, ask }: WatchPlan): BranchCode {
  const w = loadWatched(new Writer().byte(Op.block, NONE), memory);
  const branch = w.length;
  w.byte(Op.branchIf, 0).byte(Op.call).unsigned(ask).byte(Op.end);
  return { code: w.view(), branch };
}

/**
 * Returns code that leaves a loop, and the block around it, if the watched word is 0. {@linkcode askAnew} enters it
 * again.
 */
export function exitOf({ memory }: WatchPlan): BranchCode {
  const w = loadWatched(new Writer(), memory).byte(Op.i32EqualZero);
  const branch = w.length;
  return { code: w.byte(Op.branchIf, 1).view(), branch };
}

/**
 * Writes code that leaves a loop as {@linkcode exitOf} does, in one of some hundred rounds.
 *
 * @param label Label of the block around the loop.
 * @returns Offset of the branch.
 */
export function writeCountedExit(w: Writer, { local, mask }: Counter, label: number): number {
  w.put(Op.localGet).unsigned(local).put(Op.i32Const).signed(mask).byte(Op.i32And, Op.i32EqualZero);
  const branch = w.length;
  w.put(Op.branchIf).unsigned(label);
  return branch;
}

/** Returns code to follow a loop that {@linkcode exitOf} may have left. It ends the blocks around the loop. */
export function askAnew({ ask }: WatchPlan): Uint8Array {
  return new Writer().byte(Op.branch, 2, Op.end, Op.call).unsigned(ask)
    .byte(Op.branch, 0, Op.end, Op.unreachable, Op.end).view();
}

/**
 * Writes `ask()`, which calls the host if the watched word is 0, to set it again, and traps if it is still 0. The host
 * does not throw instead, since a `catch_all` of the guest would catch an exception, but no trap.
 *
 * @param type Index of the type of the host's function, without parameters and results.
 * @param table Index of the table with the host's function.
 */
export function askBody(w: Writer, memory: number, type: number, table: number): void {
  loadWatched(w.byte(0), memory).byte(Op.i32EqualZero, Op.if, NONE);
  w.byte(Op.i32Const, 0, Op.callIndirect).unsigned(type).unsigned(table);
  loadWatched(w, memory).byte(Op.i32EqualZero, Op.if, NONE, Op.unreachable, Op.end, Op.end, Op.end);
}
