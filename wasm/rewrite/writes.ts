import type { Reader } from "./binary.ts";
import { Op } from "./instructions.ts";

/** Value types. */
export const I32 = 0x7f;
export const I64 = 0x7e;
const F32 = 0x7d;
const F64 = 0x7c;
const V128 = 0x7b;

/** Operands of an instruction that writes memory. */
export interface MemoryWrite {
  /** Types of the operands, the address first. */
  readonly operands: readonly number[];
  /** Whether the last operand is a length; if not, at most 16 bytes are written at the address plus the offset. */
  readonly range: boolean;
}

/** Instructions that write memory, by opcode. */
export const WRITES: ReadonlyMap<number, MemoryWrite> = new Map([
  ...[Op.i32Store, Op.i32Store8, Op.i32Store16].map((op) => [op, store(I32)] as const),
  ...[Op.i64Store, Op.i64Store8, Op.i64Store16, Op.i64Store32]
    .map((op) => [op, store(I64)] as const),
  [Op.f32Store, store(F32)],
  [Op.f64Store, store(F64)],
  [Op.v128Store, store(V128)],
  ...span(Op.v128Store8Lane, Op.v128Store64Lane).map((op) => [op, store(V128)] as const),
  ...span(Op.atomicStore, Op.lastAtomic).map((op) => [op, atomic(op)] as const),
  ...[Op.memoryInit, Op.memoryCopy, Op.memoryFill]
    .map((op) => [op, { operands: [I32, I32, I32], range: true }] as const),
]);

function store(...values: number[]): MemoryWrite {
  return { operands: [I32, ...values], range: false };
}

/** Operands of an atomic instruction; each operation has seven, by width. */
function atomic(op: number): MemoryWrite {
  const type = [0, 2, 3].includes((op - Op.atomicStore) % 7) ? I32 : I64;
  return op >= Op.atomicCompareExchange ? store(type, type) : store(type);
}

function span(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Returns the offset immediate of the store at `start`. The reader is not moved. */
export function offsetOf(r: Reader, start: number): number {
  const after = r.at;
  r.at = start;
  if (r.byte() >= 0xfd) r.skipNumber();
  if (r.unsigned() & 0x40) r.skipNumber();
  const offset = r.unsigned();
  r.at = after;
  return offset;
}

/** Instructions whose effects a reset does not undo, by opcode, with the reason in words that complete "because". */
export const OBSTACLES: ReadonlyMap<number, string> = new Map([
  [Op.tableSet, "it writes a table (table.set)"],
  [Op.tableInit, "it writes a table (table.init)"],
  [Op.tableCopy, "it writes a table (table.copy)"],
  [Op.tableGrow, "it grows a table (table.grow)"],
  [Op.tableFill, "it writes a table (table.fill)"],
  [Op.dataDrop, "it drops a data segment (data.drop)"],
  [Op.elemDrop, "it drops an element segment (elem.drop)"],
]);
