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

/** Small loop without inner loops and calls, as it is known before its code is rewritten. */
export interface Loop {
  readonly counter: Counter | undefined;
  /** Locals that the loop sets, with the locals that each is computed from. */
  readonly sets: ReadonlyMap<number, readonly number[] | undefined>;
}

/**
 * Tells whether an address that is computed from these locals mostly stays near the one of the round before: they are
 * sums of locals that do so and of locals that the loop does not set.
 */
export function isSequential({ sets }: Loop, locals: readonly number[]): boolean {
  const seen = new Set<number>();
  const look = (local: number): boolean => {
    if (seen.has(local) || !sets.has(local)) return true;
    seen.add(local);
    return sets.get(local)?.every(look) ?? false;
  };
  return locals.every(look);
}

/**
 * Reads the loop whose body begins at the reader, which is not moved. A local is a counter if one instruction sequence
 * outside of the loop's inner blocks adds a constant to it, nothing else in the loop sets it, and no branch starts another
 * round before.
 *
 * @param end End of the function's body.
 * @returns Undefined for a loop that is too long, calls, or has inner loops or handlers of exceptions.
 */
export function loopAt(r: Reader, end: number): Loop | undefined {
  const start = r.at;
  const found = read(r, Math.min(end, start + MAX_LENGTH));
  r.at = start;
  return found;
}

function read(r: Reader, end: number): Loop | undefined {
  const steps = new Map<number, number>();
  const sets = new Map<number, readonly number[] | undefined>();
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
        if (--depth < 0) return { counter: again ? counterFrom(steps) : undefined, sets };
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
        const known = sets.has(local) ? sets.get(local) : [];
        sets.set(local, known && sum.terms?.concat(known));
        break;
      }
      default:
        if (!isPlain(op)) return undefined;
    }
    sum.take(op, r, start);
  }
  return undefined;
}

/** Tells whether an instruction neither calls, nor handles exceptions, nor opens a loop, nor has a label in a way of its own. */
function isPlain(op: number): boolean {
  if (op < Op.drop) return op === Op.return || op === Op.else || op <= Op.nop;
  if (op >= FIRST_OF_BULK) return op < FIRST_OF_ATOMIC;
  return op < Op.branchOnNull;
}

/** Value that the last instructions have left on the stack, if it is a sum. */
class Sum {
  /** Local to which a constant was added; -1 if that is not all. */
  local = -1;
  step = 0;
  /** Locals of a sum, with more that were read right before; undefined if there is more to it. */
  terms: number[] | undefined;
  /** Number of instructions of `local.get`, `i32.const` and `i32.add` that have been seen. */
  #seen = 0;
  #first = 0;

  take(op: number, r: Reader, start: number): void {
    this.local = -1;
    switch (op) {
      case Op.localGet:
        this.#seen = 1;
        this.#first = immediate(r, start);
        (this.terms ??= []).push(this.#first);
        return;
      case Op.i32Const:
        this.#seen = this.#seen === 1 ? 2 : 0;
        this.step = signed(r, start);
        this.terms ??= [];
        return;
      case Op.i32Add:
      case Op.i32Sub:
        if (this.#seen === 2) this.local = this.#first;
        break;
      case Op.i32ShiftLeft:
      case Op.localTee:
        break;
      default:
        this.terms = undefined;
    }
    this.#seen = 0;
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
