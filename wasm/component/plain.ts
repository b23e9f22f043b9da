import {
  allocate,
  checkAligned,
  type CoreType,
  type CoreValue,
  type LiftLowerContext,
  memoryOf,
  spend,
  type Type,
} from "./types.ts";
import { trap } from "./trap.ts";

/** Encoding of a primitive type: in memory (`get`, `set`) and as a core value (`lift`, `lower`). */
interface PrimitiveEncoding {
  readonly size: number;
  readonly flat: CoreType;
  get(view: DataView, at: number): unknown;
  set(view: DataView, at: number, value: never): void;
  lift(word: never): unknown;
  lower(value: never): CoreValue;
}

function primitive(kind: string, { size, flat, get, set, lift, lower }: PrimitiveEncoding): Type {
  return {
    kind,
    size,
    align: size,
    flat: [flat],
    load: (cx, at) => get(memoryOf(cx).from(at, size), at),
    store: (cx, at, value) => set(memoryOf(cx).to(at, size), at, value as never),
    lift: (_, words) => lift(words.values[words.at++] as never),
    lower: (_, value, out) => void out.push(lower(value as never)),
  };
}

const same = (value: number) => value;

function char(code: number): string {
  if (code >= 0x110000 || (code >= 0xd800 && code <= 0xdfff)) {
    trap(`Cannot use ${code} as a character`);
  }
  return String.fromCodePoint(code);
}

/** Primitive types by name, without `string`. */
export const PRIMITIVES = {
  bool: primitive("bool", {
    size: 1,
    flat: "i32",
    get: (v, at) => v.getUint8(at) !== 0,
    set: (v, at, x: boolean) => v.setUint8(at, x ? 1 : 0),
    lift: (x: number) => x !== 0,
    lower: (x: boolean) => x ? 1 : 0,
  }),
  s8: primitive("s8", {
    size: 1,
    flat: "i32",
    get: (v, at) => v.getInt8(at),
    set: (v, at, x: number) => v.setInt8(at, x),
    lift: (x: number) => x << 24 >> 24,
    lower: same,
  }),
  u8: primitive("u8", {
    size: 1,
    flat: "i32",
    get: (v, at) => v.getUint8(at),
    set: (v, at, x: number) => v.setUint8(at, x),
    lift: (x: number) => x & 0xff,
    lower: same,
  }),
  s16: primitive("s16", {
    size: 2,
    flat: "i32",
    get: (v, at) => v.getInt16(at, true),
    set: (v, at, x: number) => v.setInt16(at, x, true),
    lift: (x: number) => x << 16 >> 16,
    lower: same,
  }),
  u16: primitive("u16", {
    size: 2,
    flat: "i32",
    get: (v, at) => v.getUint16(at, true),
    set: (v, at, x: number) => v.setUint16(at, x, true),
    lift: (x: number) => x & 0xffff,
    lower: same,
  }),
  s32: primitive("s32", {
    size: 4,
    flat: "i32",
    get: (v, at) => v.getInt32(at, true),
    set: (v, at, x: number) => v.setInt32(at, x, true),
    lift: same,
    lower: same,
  }),
  u32: primitive("u32", {
    size: 4,
    flat: "i32",
    get: (v, at) => v.getUint32(at, true),
    set: (v, at, x: number) => v.setUint32(at, x, true),
    lift: (x: number) => x >>> 0,
    lower: (x: number) => x | 0,
  }),
  s64: primitive("s64", {
    size: 8,
    flat: "i64",
    get: (v, at) => v.getBigInt64(at, true),
    set: (v, at, x: bigint) => v.setBigInt64(at, x, true),
    lift: (x: bigint) => x,
    lower: (x: bigint) => x,
  }),
  u64: primitive("u64", {
    size: 8,
    flat: "i64",
    get: (v, at) => v.getBigUint64(at, true),
    set: (v, at, x: bigint) => v.setBigUint64(at, x, true),
    lift: (x: bigint) => BigInt.asUintN(64, x),
    lower: (x: bigint) => x,
  }),
  f32: primitive("f32", {
    size: 4,
    flat: "f32",
    get: (v, at) => v.getFloat32(at, true),
    set: (v, at, x: number) => v.setFloat32(at, x, true),
    lift: same,
    lower: same,
  }),
  f64: primitive("f64", {
    size: 8,
    flat: "f64",
    get: (v, at) => v.getFloat64(at, true),
    set: (v, at, x: number) => v.setFloat64(at, x, true),
    lift: same,
    lower: same,
  }),
  char: primitive("char", {
    size: 4,
    flat: "i32",
    get: (v, at) => char(v.getUint32(at, true)),
    set: (v, at, x: string) => v.setUint32(at, x.codePointAt(0)!, true),
    lift: (x: number) => char(x >>> 0),
    lower: (x: string) => x.codePointAt(0)!,
  }),
} satisfies Record<string, Type>;

// Strings and lists: an address and a length

function pair(
  kind: string,
  take: (cx: LiftLowerContext, at: number, length: number) => unknown,
  give: (cx: LiftLowerContext, value: unknown) => readonly [at: number, length: number],
  parts: readonly Type[] = [],
): Type {
  return {
    kind,
    size: 8,
    align: 4,
    flat: ["i32", "i32"],
    parts,
    load(cx, at) {
      const view = memoryOf(cx).from(at, 8);
      return take(cx, view.getUint32(at, true), view.getUint32(at + 4, true));
    },
    store(cx, at, value) {
      const [start, length] = give(cx, value);
      const view = memoryOf(cx).to(at, 8);
      view.setUint32(at, start, true);
      view.setUint32(at + 4, length, true);
    },
    lift(cx, words) {
      const at = words.values[words.at++] as number >>> 0;
      return take(cx, at, words.values[words.at++] as number >>> 0);
    },
    lower: (cx, value, out) => void out.push(...give(cx, value)),
  };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();
/** Bit in the length of a `latin1+utf16` string: set if the string is UTF-16. */
const IS_UTF16 = 0x8000_0000;

function decode(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return trap(`Cannot decode ${bytes.length} bytes as ${decoder.encoding}`);
  }
}

/** Counts the bytes of a text or list. */
function spent(cx: LiftLowerContext, bytes: Uint8Array): Uint8Array {
  spend(cx, bytes.length);
  return bytes;
}

function takeString(cx: LiftLowerContext, at: number, length: number): string {
  const memory = memoryOf(cx);
  if (cx.encoding === "utf8") return decode(UTF8, spent(cx, memory.span(at, length)));
  if (cx.encoding === "utf16" || length & IS_UTF16) {
    const units = (length & ~IS_UTF16) >>> 0;
    const bytes = spent(cx, memory.span(checkAligned(at, 2), units * 2));
    return decode(new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true }), bytes);
  }
  let text = "";
  for (const byte of spent(cx, memory.span(checkAligned(at, 2), length))) {
    text += String.fromCharCode(byte);
  }
  return text;
}

function giveString(cx: LiftLowerContext, value: unknown): readonly [number, number] {
  const text = value as string;
  if (cx.encoding === "utf8") {
    const bytes = ENCODER.encode(text);
    const at = allocate(cx, 1, bytes.length);
    memoryOf(cx).setBytes(at, bytes);
    return [at, bytes.length];
  }
  // deno-lint-ignore no-control-regex -- Latin-1 begins with them
  if (cx.encoding === "latin1+utf16" && /^[\x00-\xff]*$/.test(text)) {
    const at = allocate(cx, 2, text.length);
    memoryOf(cx).setBytes(at, Uint8Array.from(text, (character) => character.charCodeAt(0)));
    return [at, text.length];
  }
  const at = allocate(cx, 2, text.length * 2);
  const view = memoryOf(cx).to(at, text.length * 2);
  for (let i = 0; i < text.length; i++) view.setUint16(at + i * 2, text.charCodeAt(i), true);
  return [at, cx.encoding === "utf16" ? text.length : (text.length | IS_UTF16) >>> 0];
}

/** Type of strings. */
export const STRING: Type = pair("string", takeString, giveString);

const BYTES: Type = pair(
  "list",
  (cx, at, length) => spent(cx, memoryOf(cx).span(at, length)).slice(),
  (cx, value) => {
    const bytes = value as Uint8Array;
    const at = allocate(cx, 1, bytes.length);
    memoryOf(cx).setBytes(at, bytes);
    return [at, bytes.length];
  },
  [PRIMITIVES.u8],
);

/** Bytes that a value in a list counts besides its size, for its object in JavaScript. */
const VALUE = 24;

/** Makes the type of a list. A list of `u8` is a `Uint8Array`. */
export function list(element: Type): Type {
  if (element === PRIMITIVES.u8) return BYTES;
  const { size, align, weight = 1 } = element;
  return pair(
    "list",
    (cx, start, length) => {
      const at = checkAligned(start, align);
      memoryOf(cx).span(at, length * size);
      spend(cx, length * (size + weight * VALUE));
      return Array.from({ length }, (_, i) => element.load(cx, at + i * size));
    },
    (cx, value) => {
      const items = value as readonly unknown[];
      const at = allocate(cx, align, items.length * size);
      items.forEach((item, i) => element.store(cx, at + i * size, item));
      return [at, items.length];
    },
    [element],
  );
}
