import type { Reader } from "./binary.ts";

/** Form of the binary format that the rewriter does not know, so that the module is left unchanged. */
export class UnknownForm extends Error {
  override name = "UnknownForm";
}

/** First opcodes behind each prefix byte, which are represented as `prefix << 12 | code`. */
const OBJECT = 0xfb << 12;
const BULK = 0xfc << 12;
const VECTOR = 0xfd << 12;
const ATOMIC = 0xfe << 12;

/** Opcodes that the rewriter handles or writes. */
export const Op = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  rethrow: 0x09,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  branchTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  lastCall: 0x15,
  delegate: 0x18,
  catchAll: 0x19,
  drop: 0x1a,
  tryTable: 0x1f,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  tableSet: 0x26,
  i32Load: 0x28,
  i64Load: 0x29,
  i32Load8U: 0x2d,
  i32Store: 0x36,
  i64Store: 0x37,
  f32Store: 0x38,
  f64Store: 0x39,
  i32Store8: 0x3a,
  i32Store16: 0x3b,
  i64Store8: 0x3c,
  i64Store16: 0x3d,
  i64Store32: 0x3e,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i32EqualZero: 0x45,
  i32Equal: 0x46,
  i32NotEqual: 0x47,
  i32LessU: 0x49,
  i32GreaterU: 0x4b,
  i32LessEqualU: 0x4d,
  i64Const: 0x42,
  i64GreaterU: 0x56,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32And: 0x71,
  i32Or: 0x72,
  i32ShiftLeft: 0x74,
  i32ShiftRightU: 0x76,
  i64Sub: 0x7d,
  i64ShiftLeft: 0x86,
  i64ExtendI32U: 0xad,
  branchOnNull: 0xd5,
  branchOnNonNull: 0xd6,
  branchOnCast: OBJECT | 24,
  branchOnCastFail: OBJECT | 25,
  arrayNew: OBJECT | 6,
  arrayNewDefault: OBJECT | 7,
  arrayNewData: OBJECT | 9,
  arrayNewElem: OBJECT | 10,
  arrayFill: OBJECT | 16,
  arrayCopy: OBJECT | 17,
  arrayInitData: OBJECT | 18,
  arrayInitElem: OBJECT | 19,
  memoryInit: BULK | 8,
  dataDrop: BULK | 9,
  memoryCopy: BULK | 10,
  memoryFill: BULK | 11,
  tableInit: BULK | 12,
  elemDrop: BULK | 13,
  tableCopy: BULK | 14,
  tableGrow: BULK | 15,
  tableFill: BULK | 17,
  v128Store: VECTOR | 11,
  v128Store8Lane: VECTOR | 88,
  v128Store64Lane: VECTOR | 91,
  atomicWait32: ATOMIC | 1,
  atomicWait64: ATOMIC | 2,
  atomicFence: ATOMIC | 3,
  /** First atomic that writes. Each operation has seven: i32, i64, i32 of 8 and 16 bits, i64 of 8, 16 and 32 bits. */
  atomicStore: ATOMIC | 0x17,
  atomicCompareExchange: ATOMIC | 0x48,
  lastAtomic: ATOMIC | 0x4e,
} as const;

/** Tells whether an instruction takes time in proportion to a number on the stack. */
export function isBulk(op: number): boolean {
  if (op < OBJECT) return op === Op.memoryGrow;
  switch (op) {
    case Op.memoryInit:
    case Op.memoryCopy:
    case Op.memoryFill:
    case Op.tableInit:
    case Op.tableCopy:
    case Op.tableGrow:
    case Op.tableFill:
    case Op.arrayNew:
    case Op.arrayNewDefault:
    case Op.arrayNewData:
    case Op.arrayNewElem:
    case Op.arrayFill:
    case Op.arrayCopy:
    case Op.arrayInitData:
    case Op.arrayInitElem:
      return true;
    default:
      return false;
  }
}

/** Forms of the immediates of plain instructions; 0 stands for all other instructions. */
export const Plain = {
  none: 1,
  number: 2,
  memoryArgument: 3,
  fourBytes: 4,
  eightBytes: 5,
} as const;

/** Form of each one-byte opcode that the rewriter always copies unchanged. */
export const PLAIN: Uint8Array = plainForms();

function plainForms(): Uint8Array {
  const forms = new Uint8Array(256);
  for (const op of [0x00, 0x01, 0x0f, 0x1a, 0x1b, 0xd1, 0xd3, 0xd4]) forms[op] = Plain.none;
  forms.fill(Plain.number, Op.localGet, 0x26); // locals, globals, table.get
  forms.fill(Plain.memoryArgument, Op.i32Load, Op.i32Store);
  forms.fill(Plain.number, Op.i32Const, 0x43);
  forms[0x43] = Plain.fourBytes;
  forms[0x44] = Plain.eightBytes;
  forms.fill(Plain.none, Op.i32EqualZero, 0xc5); // numeric
  return forms;
}

/**
 * Skips plain instructions, which the rewriter always copies unchanged. Most are plain, so that most of the time of
 * rewriting is spent here.
 *
 * @returns Offset of the first other instruction; at least `end` if there is none before.
 */
export function skipPlain(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const form = PLAIN[bytes[at]!]!;
    if (form === 0) return at;
    at++;
    if (form === Plain.none) continue;
    if (form === Plain.number) {
      while (bytes[at++]! >= 0x80);
    } else if (form === Plain.memoryArgument) {
      const alignment = bytes[at]!;
      while (bytes[at++]! >= 0x80);
      if (alignment & 0x40) { while (bytes[at++]! >= 0x80); } // a memory index
      while (bytes[at++]! >= 0x80);
    } else at += form === Plain.fourBytes ? 4 : 8;
  }
  return at;
}

/**
 * Reads one instruction with its immediates.
 *
 * @returns Its opcode; `prefix << 12 | code` for one behind a prefix byte.
 * @throws {UnknownForm} If the opcode is not known.
 */
export function instruction(r: Reader): number {
  const op = r.byte();
  if (op >= 0x45 && op <= 0xc4) return op; // numeric
  switch (op) {
    case 0x00: // unreachable, nop, else, throw_ref, end, return, catch_all, drop, select, ref.is_null, ref.eq, ref.as_non_null
    case 0x01:
    case 0x05:
    case 0x0a:
    case 0x0b:
    case 0x0f:
    case 0x19:
    case 0x1a:
    case 0x1b:
    case 0xd1:
    case 0xd3:
    case 0xd4:
      return op;
    case 0x02: // block, loop, if, try
    case 0x03:
    case 0x04:
    case 0x06:
      blockType(r);
      return op;
    case 0x07: // catch, throw, rethrow, br, br_if, call, return_call, call_ref, return_call_ref, delegate
    case 0x08:
    case 0x09:
    case 0x0c:
    case 0x0d:
    case 0x10:
    case 0x12:
    case 0x14:
    case 0x15:
    case 0x18:
    case 0x20: // locals, globals, tables
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x24:
    case 0x25:
    case 0x26:
    case 0x3f: // memory.size, memory.grow, i32.const, i64.const, ref.func, br_on_null, br_on_non_null
    case 0x40:
    case 0x41:
    case 0x42:
    case 0xd2:
    case 0xd5:
    case 0xd6:
      r.skipNumber();
      return op;
    case 0x11: // call_indirect, return_call_indirect
    case 0x13:
      r.skipNumber();
      r.skipNumber();
      return op;
    case 0x0e: // br_table
      for (let labels = r.unsigned(); labels >= 0; labels--) r.skipNumber();
      return op;
    case 0x1c: // select with types
      for (let types = r.unsigned(); types > 0; types--) valueType(r);
      return op;
    case 0x1f: // try_table
      blockType(r);
      for (let catches = r.unsigned(); catches > 0; catches--) {
        if (r.byte() < 2) r.skipNumber();
        r.skipNumber();
      }
      return op;
    case 0x43:
      r.at += 4;
      return op;
    case 0x44:
      r.at += 8;
      return op;
    case 0xd0: // ref.null
      heapType(r);
      return op;
    case 0xfb:
      return OBJECT | object(r);
    case 0xfc:
      return BULK | bulk(r);
    case 0xfd:
      return VECTOR | vector(r);
    case 0xfe:
      return ATOMIC | atomic(r);
    default:
      if (op < 0x28 || op > 0x3e) throw unknown(`0x${op.toString(16)}`);
      memoryArgument(r);
      return op;
  }
}

/** Reads a value type: one byte, or a byte and a heap type. */
export function valueType(r: Reader): void {
  const type = r.byte();
  if (type === 0x63 || type === 0x64) heapType(r);
}

function heapType(r: Reader): void {
  r.skipNumber();
}

export function blockType(r: Reader): void {
  const next = r.bytes[r.at]!;
  if (next === 0x63 || next === 0x64) valueType(r);
  else r.skipNumber(); // empty, a one-byte type or a type index: one LEB128 each
}

function memoryArgument(r: Reader): void {
  const alignment = r.unsigned();
  if (alignment & 0x40) r.skipNumber(); // a memory index
  r.skipNumber();
}

/** Number of indices behind each opcode of garbage collection before the casts. */
const OBJECT_INDICES = [1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1, 1, 1, 1, 0, 1, 2, 2, 2];

function object(r: Reader): number {
  const code = r.unsigned();
  const indices = OBJECT_INDICES[code];
  if (indices !== undefined) { for (let left = indices; left > 0; left--) r.skipNumber(); }
  else if (code <= 23) heapType(r); // ref.test, ref.cast
  else if (code <= 25) { // br_on_cast
    r.at++;
    r.skipNumber();
    heapType(r);
    heapType(r);
  } else if (code > 30) throw unknown(`0xfb ${code}`);
  return code;
}

function bulk(r: Reader): number {
  const code = r.unsigned();
  if (code <= 7 || (code >= 19 && code <= 22)) return code; // saturating truncation, wide arithmetic
  if (code === 8 || code === 10 || code === 12 || code === 14) {
    r.skipNumber();
    r.skipNumber();
  } else if (code <= 17) r.skipNumber();
  else throw unknown(`0xfc ${code}`);
  return code;
}

function vector(r: Reader): number {
  const code = r.unsigned();
  if (code <= 11 || code === 92 || code === 93) memoryArgument(r);
  else if (code === 12 || code === 13) r.at += 16;
  else if (code >= 21 && code <= 34) r.at++;
  else if (code >= 84 && code <= 91) {
    memoryArgument(r);
    r.at++;
  } else if (code > 0x113) throw unknown(`0xfd ${code}`); // the last of relaxed SIMD
  return code;
}

function atomic(r: Reader): number {
  const code = r.unsigned();
  if (code === 3) r.at++;
  else if (code <= 2 || (code >= 0x10 && code <= 0x4e)) memoryArgument(r);
  else throw unknown(`0xfe ${code}`);
  return code;
}

function unknown(opcode: string): UnknownForm {
  return new UnknownForm(`it has the opcode ${opcode}, which this host does not know`);
}
