import type { Reader } from "./binary.ts";
import { Op, PLAIN, Plain } from "./instructions.ts";
import { CONSTANT, type MarkedPlaces } from "./marked_places.ts";

/** Number of instructions that are kept; a power of two. */
const KEPT = 32;
const VECTOR_PREFIX = 0xfd;
/** Codes behind that prefix. */
const LAST_VECTOR_LOAD = 10;
const V128_CONST = 12;
const ENDS = 255;
/** `pops << 4 | pushes` of each opcode of one byte; {@linkcode ENDS} for one after which the stack is unknown. */
const EFFECTS = new Uint8Array(256).fill(ENDS);
for (
  const [first, last, pops, pushes] of [
    [0x01, 0x01, 0, 0], // nop
    [0x1a, 0x1a, 1, 0], // drop
    [0x1b, 0x1c, 3, 1], // select
    [0x20, 0x20, 0, 1], // local.get, local.set, local.tee, global.get, global.set
    [0x21, 0x21, 1, 0],
    [0x22, 0x22, 1, 1],
    [0x23, 0x23, 0, 1],
    [0x24, 0x24, 1, 0],
    [0x28, 0x35, 1, 1], // loads
    [0x36, 0x3e, 2, 0], // stores
    [0x3f, 0x3f, 0, 1], // memory.size, memory.grow, constants
    [0x40, 0x40, 1, 1],
    [0x41, 0x44, 0, 1],
    [0x45, 0x45, 1, 1], // comparisons
    [0x46, 0x4f, 2, 1],
    [0x50, 0x50, 1, 1],
    [0x51, 0x66, 2, 1],
    [0x67, 0x69, 1, 1], // of i32, i64, f32 and f64
    [0x6a, 0x78, 2, 1],
    [0x79, 0x7b, 1, 1],
    [0x7c, 0x8a, 2, 1],
    [0x8b, 0x91, 1, 1],
    [0x92, 0x98, 2, 1],
    [0x99, 0x9f, 1, 1],
    [0xa0, 0xa6, 2, 1],
    [0xa7, 0xc4, 1, 1], // conversions
  ] as const
) {
  EFFECTS.fill(pops << 4 | pushes, first, last + 1);
}

const LOADS = EFFECTS[Op.i32Load]!;
const CONSTANTS = EFFECTS[Op.i32Const]!;

/** Base of an address that is neither a constant nor a local plus a constant. */
export const UNKNOWN = -2;

/**
 * The last instructions of a function body, by which the address of a store is known where it is a local, or a local plus
 * a constant, or a constant.
 */
export class Addresses {
  readonly #r: Reader;
  readonly #sums: boolean;
  readonly #starts = new Int32Array(KEPT);
  #count = 0;
  /** Local of the address that was found; or {@linkcode CONSTANT} or {@linkcode UNKNOWN}. */
  base = UNKNOWN;
  /** Constant of the address that was found. */
  plus = 0;
  /** Locals of which the address is a sum, each like {@linkcode Addresses.base}; unknown if it is another expression. */
  first = UNKNOWN;
  second = CONSTANT;

  /** @param sums Whether a sum of 32 bits that wraps around is beyond the memory's end. */
  constructor(r: Reader, sums: boolean) {
    this.#r = r;
    this.#sums = sums;
  }

  /** Begins a function body. */
  reset(): void {
    this.#count = 0;
  }

  /** Takes the next instruction, which begins at `start`. */
  take(start: number): void {
    this.#starts[this.#count++ & (KEPT - 1)] = start;
  }

  /** Skips plain instructions as the function of that name does, takes them, and tells which locals they set. */
  skipPlain(from: number, end: number, places: MarkedPlaces): number {
    const { bytes } = this.#r;
    const starts = this.#starts;
    let count = this.#count;
    let at = from;
    while (at < end) {
      const op = bytes[at]!;
      const form = PLAIN[op]!;
      if (form === 0) break;
      const index = count++ & (KEPT - 1);
      starts[index] = at++;
      if (form === Plain.none) continue;
      if (form === Plain.number) {
        while (bytes[at++]! >= 0x80);
        if (places.some && (op === Op.localSet || op === Op.localTee)) {
          const local = this.#immediateAt(index);
          places.set(local, this.#stepBefore(count - 1, local));
        }
      } else if (form === Plain.memoryArgument) {
        const alignment = bytes[at]!;
        while (bytes[at++]! >= 0x80);
        if (alignment & 0x40) { while (bytes[at++]! >= 0x80); } // a memory index
        while (bytes[at++]! >= 0x80);
      } else at += form === Plain.fourBytes ? 4 : 8;
    }
    this.#count = count;
    return at;
  }

  /** Returns the constant that is added to a local right before it is set at an index; undefined if that is not so. */
  #stepBefore(at: number, local: number): number | undefined {
    const sum = at - 1;
    if (!this.#sums || this.#op(sum) !== Op.i32Add || this.#op(sum - 1) !== Op.i32Const) return;
    const taken = this.#isLocal(sum - 2) && this.#immediate(sum - 2) === local;
    return taken ? this.#immediate(sum - 1) : undefined;
  }

  /** Finds the address below so many values, before the instruction that was taken last. */
  find(values: number): void {
    this.base = UNKNOWN;
    this.first = UNKNOWN;
    this.second = CONSTANT;
    const last = this.#count - 2;
    const at = this.#before(last, values);
    if (at === undefined) return;
    const op = this.#op(at);
    if (op === Op.i32Const) {
      this.base = CONSTANT;
      this.plus = this.#immediate(at) >>> 0;
      this.first = CONSTANT;
      return;
    }
    if (this.#isLocal(at)) {
      this.base = this.#immediate(at);
      this.plus = 0;
    } else if (op === Op.i32Add && this.#isLocal(at - 2)) {
      const first = this.#immediate(at - 2);
      const other = this.#op(at - 1);
      if (other === Op.localGet) {
        this.first = first;
        this.second = this.#immediate(at - 1);
      }
      if (other !== Op.i32Const) return;
      this.base = first;
      this.plus = this.#immediate(at - 1);
    } else return;
    this.first = this.base;
    for (let between = at + 1; between <= last; between++) {
      const op = this.#op(between);
      if (op !== Op.localSet && op !== Op.localTee) continue;
      if (this.#immediate(between) === this.base) this.base = UNKNOWN; // the address is the local's former value
    }
  }

  /** Returns the index of the instruction before those that leave so many values; undefined if it is not kept. */
  #before(last: number, values: number): number | undefined {
    let at = last;
    for (let missing = values; missing > 0; at--) {
      const effect = this.#effect(at);
      if (effect === ENDS) return undefined;
      missing += (effect >> 4) - (effect & 15);
      if (missing < 0) return undefined;
    }
    return at;
  }

  #isLocal(at: number): boolean {
    const op = this.#op(at);
    return op === Op.localGet || op === Op.localTee;
  }

  /** Returns the first byte of the opcode at an index; that of one without a known effect if it is not kept. */
  #op(at: number): number {
    return at < 0 || this.#count - at > KEPT
      ? Op.unreachable
      : this.#r.bytes[this.#starts[at & (KEPT - 1)]!]!;
  }

  #effect(at: number): number {
    const op = this.#op(at);
    if (op !== VECTOR_PREFIX) return EFFECTS[op]!;
    const code = this.#r.bytes[this.#starts[at & (KEPT - 1)]! + 1]!;
    return code <= LAST_VECTOR_LOAD ? LOADS : code === V128_CONST ? CONSTANTS : ENDS;
  }

  /** Returns the immediate of a local instruction, or of `i32.const`, as a signed number. */
  #immediate(at: number): number {
    return this.#immediateAt(at & (KEPT - 1));
  }

  #immediateAt(index: number): number {
    const { bytes } = this.#r;
    let result = 0;
    let shift = 0;
    for (let i = this.#starts[index]! + 1;; i++) {
      const byte = bytes[i]!;
      result |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte >= 0x80) continue;
      const signed = bytes[this.#starts[index]!] === Op.i32Const && byte & 0x40 && shift < 32;
      return signed ? result | (-1 << shift) : result;
    }
  }
}
