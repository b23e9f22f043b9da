import type { Sandbox } from "../handles/sandbox.ts";
import type { HandleClass } from "../handles/table.ts";
import { Waitable } from "../handles/waitable.ts";
import { refuse } from "../service/errors.ts";
import { checkName, checkValue } from "../service/http/headers.ts";
import type { CoreValue, Input } from "./_define.ts";

/** Returns an argument as an unsigned number; 0 for an argument that an older guest does not pass. */
export function unsigned(args: readonly CoreValue[], at: number): number {
  return Number(args[at]) >>> 0;
}

export const u32: Input<number> = {
  coreTypes: ["i32"],
  read: (_, args, at) => unsigned(args, at),
};
/** Pointer that the body of the hostcall follows. */
export const pointer: Input<number> = { ...u32, points: true };
export const u64: Input<bigint> = {
  coreTypes: ["i64"],
  read: (_, args, at) => BigInt.asUintN(64, args[at] as bigint),
};
/** Longest text in bytes, unless a limit allows longer header fields or URLs. It bounds the time for decoding. */
const MAX_TEXT = 2 ** 20;

function textLength(sandbox: Sandbox, args: readonly CoreValue[], at: number): number {
  const { limits } = sandbox.service;
  const length = unsigned(args, at);
  if (length > MAX_TEXT && length > limits.header_bytes && length > limits.url_bytes) {
    refuse("invalid", `Cannot take a text of ${length} bytes: ${MAX_TEXT} is the most`);
  }
  sandbox.handles.countText(length);
  return length;
}

/** Text in UTF-8. */
export const text: Input<string> = {
  coreTypes: ["i32", "i32"],
  read: (sandbox, args, at) =>
    sandbox.memory.text(unsigned(args, at), textLength(sandbox, args, at + 1)),
};
/** Byte string, which has one character for each byte. */
export const byteString: Input<string> = {
  coreTypes: ["i32", "i32"],
  read: (sandbox, args, at) =>
    sandbox.memory.byteString(unsigned(args, at), textLength(sandbox, args, at + 1)),
};
/** Valid header name. */
export const headerName: Input<string> = {
  coreTypes: byteString.coreTypes,
  read: (sandbox, args, at) => checkName(byteString.read(sandbox, args, at)),
};
/** Valid header value. */
export const headerValue: Input<string> = {
  coreTypes: byteString.coreTypes,
  read: (sandbox, args, at) => checkValue(byteString.read(sandbox, args, at)),
};
export const bytes: Input<Uint8Array<ArrayBuffer>> = {
  coreTypes: ["i32", "i32"],
  read: ({ memory }, args, at) => memory.bytes(unsigned(args, at), unsigned(args, at + 1)),
};
/** List of handles. It may have one more than are open, so that a list with a wrong handle is refused as that. */
export const list: Input<number[]> = {
  coreTypes: ["i32", "i32"],
  read({ memory, handles }, args, at) {
    const ptr = unsigned(args, at);
    const count = unsigned(args, at + 1);
    if (ptr + count * 4 > memory.size) {
      refuse("invalid", `Cannot reach a list of ${count} at ${ptr}`);
    }
    if (count > handles.size + 1) {
      refuse("bad-handle", `Cannot use a list of ${count} handles: ${handles.size} are open`);
    }
    return Array.from({ length: count }, (_, i) => memory.u32(ptr + i * 4));
  },
};
export const ip: Input<Uint8Array<ArrayBuffer>> = {
  coreTypes: bytes.coreTypes,
  read(sandbox, args, at) {
    const octets = bytes.read(sandbox, args, at);
    if (octets.length === 4 || octets.length === 16) return octets;
    refuse("invalid", `Cannot read an IP address of ${octets.length} bytes`);
  },
};

/** Buffer in guest memory to be filled, which can be kept across an `await`. */
export interface Span {
  readonly length: number;
  /** Writes bytes to the start of the buffer, and returns their number. */
  fill(bytes: Uint8Array): number;
}
export const span: Input<Span> = {
  coreTypes: ["i32", "i32"],
  read({ memory }, args, at) {
    const ptr = unsigned(args, at);
    const length = unsigned(args, at + 1);
    if (ptr + length > memory.size) refuse("invalid", `Cannot reach ${length} bytes at ${ptr}`);
    return {
      length,
      fill(bytes) {
        memory.setBytes(ptr, bytes);
        return bytes.length;
      },
    };
  },
};

/** `enum` of witx, by its cases in order. */
export function oneOf<const C extends readonly string[]>(...cases: C): Input<C[number]> {
  return {
    coreTypes: ["i32"],
    read(_, args, at) {
      return cases[unsigned(args, at)] ??
        refuse("invalid", `Cannot choose ${args[at]} among ${cases}`);
    },
  };
}

/** Object of a handle, which stays open. */
export function ref<T extends object>(type: HandleClass<T>): Input<T> {
  return {
    coreTypes: ["i32"],
    read: ({ handles }, args, at) => handles.get(type, unsigned(args, at)),
  };
}

/** Object of a handle, which is consumed. */
export function take<T extends object>(type: HandleClass<T>): Input<T> {
  return {
    coreTypes: ["i32"],
    read: ({ handles }, args, at) => handles.take(type, unsigned(args, at)),
    release: (item) => item instanceof Waitable && item.drop(),
  };
}

/** Field of an options record: always read, or only if its bit of the mask is set. */
type Field = Input<unknown> | readonly [bit: number, input: Input<unknown>];
type ValueOf<F> = F extends Input<infer T> ? T
  : F extends readonly [number, Input<infer T>] ? T
  : never;
type Options<F extends Record<string, Field>> =
  & { [K in keyof F as F[K] extends Input<unknown> ? K : never]: ValueOf<F[K]> }
  & {
    [K in keyof F as F[K] extends Input<unknown> ? never : K]?: ValueOf<F[K]>;
  };

/**
 * `(mask, *record)` pair with C's layout. Only fields in the mask are read, so that shorter records of older SDKs, and a
 * null pointer with an empty mask, are accepted. A mask with unknown bits is refused.
 *
 * @param fields Fields in the order of the record, with their bits.
 * @param flags Bits without a field, by name; each becomes a boolean.
 */
export function options<
  const F extends Record<string, Field>,
  const B extends Record<string, number> = Record<never, number>,
>(fields: F, flags: B = {} as B): Input<Options<F> & { [K in keyof B]: boolean }> {
  const layout = layOut(fields);
  const flagBits = Object.entries(flags);
  let known = 0;
  for (const { bit } of layout) if (bit !== undefined) known |= 1 << bit;
  for (const [, bit] of flagBits) known |= 1 << bit;
  return {
    coreTypes: ["i32", "i32"],
    read(sandbox, args, at) {
      const mask = unsigned(args, at);
      const ptr = unsigned(args, at + 1);
      if (mask & ~known) refuse("invalid", `Cannot use options 0x${mask.toString(16)}`);
      const result: Record<string, unknown> = {};
      const { memory } = sandbox;
      for (const { name, bit, input, offsets } of layout) {
        if (bit !== undefined && !(mask >>> bit & 1)) continue;
        const values: CoreValue[] = [];
        for (let i = 0; i < offsets.length; i++) {
          const field = ptr + offsets[i]!;
          values.push(input.coreTypes[i] === "i64" ? memory.u64(field) : memory.u32(field));
        }
        result[name] = input.read(sandbox, values, 0);
      }
      for (const [name, bit] of flagBits) result[name] = (mask >>> bit & 1) === 1;
      return result as Options<F> & { [K in keyof B]: boolean };
    },
  };
}

function layOut(fields: Record<string, Field>) {
  let end = 0;
  return Object.entries(fields).map(([name, field]) => {
    const [bit, input] = "coreTypes" in field ? [undefined, field] : field;
    const offsets = input.coreTypes.map((type) => {
      const size = type === "i64" ? 8 : 4;
      end = Math.ceil(end / size) * size + size;
      return end - size;
    });
    return { name, bit, input, offsets };
  });
}
