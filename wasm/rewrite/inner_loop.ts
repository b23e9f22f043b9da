import type { Reader } from "./binary.ts";
import { instruction, Op } from "./instructions.ts";

/** Number of rounds of a counted loop of which one looks at the watched word; a power of two. */
export const ROUNDS = 256;
/** Maximum number of bytes of a counted loop, so that its rounds between two checks take less than a millisecond. */
const MAX_LENGTH = 1024;
const FIRST_OF_BULK = Op.memoryInit & ~0xfff;
const FIRST_OF_ATOMIC = Op.atomicFence & ~0xfff;

/** Local that each round of a loop changes by the same number, so that it counts the rounds. */
export interface Counter {
  readonly local: number;
  /** Bits of the local that are all 0 in one of {@linkcode ROUNDS} rounds. */
  readonly mask: number;
}

/**
 * Finds a counter of the loop whose body begins at the reader, which is not moved. A local counts if one instruction
 * sequence outside of the loop's inner blocks adds a constant to it, nothing else in the loop sets it, and no branch
 * starts another round before. Only loops without inner loops and calls have one here.
 *
 * @param end End of the function's body.
 */
export function counterOf(r: Reader, end: number): Counter | undefined {
  const start = r.at;
  const found = search(r, Math.min(end, start + MAX_LENGTH));
  r.at = start;
  return found;
}

function search(r: Reader, end: number): Counter | undefined {
  const steps = new Map<number, number>();
  const sum = new Sum();
  let depth = 0;
  let again = false;
  while (r.at < end) {
    const start = r.at;
    const op = instruction(r);
    switch (op) {
      case Op.block:
      case Op.if:
        depth++;
        break;
      case Op.end:
        if (--depth < 0) return again ? counterFrom(steps) : undefined;
        break;
      case Op.branch:
      case Op.branchIf:
        again ||= immediate(r, start) === depth;
        break;
      case Op.branchTable:
        if (hasLabel(r, start, depth)) return undefined;
        break;
      case Op.localSet:
      case Op.localTee: {
        const local = immediate(r, start);
        const once = !again && depth === 0 && !steps.has(local);
        steps.set(local, once && sum.local === local ? sum.step : 0);
        break;
      }
      default:
        if (!isPlain(op)) return undefined;
    }
    sum.take(op, r, start);
  }
  return undefined;
}

/** Tells whether an instruction neither calls, opens an inner loop, nor handles exceptions. */
function isPlain(op: number): boolean {
  if (op < Op.drop) return op === Op.return || op === Op.else || op <= Op.nop;
  if (op >= FIRST_OF_BULK) return op < FIRST_OF_ATOMIC;
  return op !== Op.tryTable && op < Op.branchOnNull;
}

/** Sum of a local and a constant that the last instructions have left on the stack. */
class Sum {
  /** -1 if there is none. */
  local = -1;
  step = 0;
  /** Number of instructions of the sequence that have been seen. */
  #seen = 0;
  #first = 0;

  take(op: number, r: Reader, start: number): void {
    this.local = -1;
    if (op === Op.localGet) {
      this.#seen = 1;
      this.#first = immediate(r, start);
    } else if (op === Op.i32Const && this.#seen === 1) {
      this.#seen = 2;
      this.step = signed(r, start);
    } else if ((op === Op.i32Add || op === Op.i32Sub) && this.#seen === 2) {
      this.#seen = 0;
      this.local = this.#first;
    } else this.#seen = 0;
  }
}

/** Takes the first local that is set in one place, by a step. */
function counterFrom(steps: ReadonlyMap<number, number>): Counter | undefined {
  for (const [local, step] of steps) {
    // Of a step of an odd number times 2^n, the bits from n on run through all values.
    const lowest = step & -step;
    const mask = Math.imul(lowest, ROUNDS - 1);
    if (mask / lowest === ROUNDS - 1) return { local, mask };
  }
  return undefined;
}

/** Returns the first immediate of the instruction at `start`, whose opcode is one byte. */
function immediate(r: Reader, start: number): number {
  const after = r.at;
  r.at = start + 1;
  const value = r.unsigned();
  r.at = after;
  return value;
}

function signed(r: Reader, start: number): number {
  let result = 0;
  let shift = 0;
  for (let at = start + 1;; at++) {
    const byte = r.bytes[at]!;
    result |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte < 0x80) return shift < 32 && byte & 0x40 ? result | (-1 << shift) : result;
  }
}

function hasLabel(r: Reader, start: number, label: number): boolean {
  const after = r.at;
  r.at = start + 1;
  let found = false;
  for (let left = r.unsigned(); left >= 0; left--) found = r.unsigned() === label || found;
  r.at = after;
  return found;
}
