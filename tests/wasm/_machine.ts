import { assemble } from "../../cli/wat.ts";
import { Id, sections, Writer } from "../../wasm/rewrite/binary.ts";

/** An instruction that writes memory at an address: its name, and the types of its values. */
interface StoreOp {
  /** The export that runs it. */
  readonly name: string;
  readonly values: readonly ("i32" | "i64" | "f32" | "f64" | "v128")[];
}

type Kind = StoreOp["values"][number];

const OFFSETS = [0, 1, 4095, 70_000];
const PLAIN: readonly (readonly [string, Kind])[] = [
  ["i32.store", "i32"],
  ["i32.store8", "i32"],
  ["i32.store16", "i32"],
  ["i64.store", "i64"],
  ["i64.store8", "i64"],
  ["i64.store16", "i64"],
  ["i64.store32", "i64"],
  ["f32.store", "f32"],
  ["f64.store", "f64"],
  ["v128.store", "v128"],
];
const LANES = [8, 16, 32, 64];
const READ_WRITES = ["add", "sub", "and", "or", "xor", "xchg", "cmpxchg"];
const WIDTHS: readonly (readonly [string, string, Kind])[] = [
  ["i32.atomic", "", "i32"],
  ["i64.atomic", "", "i64"],
  ["i32.atomic", "8", "i32"],
  ["i32.atomic", "16", "i32"],
  ["i64.atomic", "8", "i64"],
  ["i64.atomic", "16", "i64"],
  ["i64.atomic", "32", "i64"],
];

interface Text {
  readonly op: StoreOp;
  readonly wat: string;
}

/** The function takes the address and an i64 from which every value is made. */
function storeText(mnemonic: string, values: readonly Kind[], offset: number, result = ""): Text {
  const name = `${mnemonic}+${offset}`;
  const made = values.map((type) => MAKE[type]).join(" ");
  const [instruction, lane = ""] = mnemonic.split("#");
  const drop = result && "drop";
  return {
    op: { name, values },
    wat: `(func (export "${name}") (param i32 i64)
      local.get 0 ${made} ${instruction} offset=${offset} ${lane} ${drop})`,
  };
}

const MAKE: Readonly<Record<Kind, string>> = {
  i32: "(i32.wrap_i64 (local.get 1))",
  i64: "(local.get 1)",
  f32: "(f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))",
  f64: "(f64.reinterpret_i64 (local.get 1))",
  v128: "(i64x2.splat (local.get 1))",
};

const TEXTS: readonly Text[] = OFFSETS.flatMap((offset) => [
  ...PLAIN.map(([name, type]) => storeText(name, [type], offset)),
  ...LANES.map((bits) => storeText(`v128.store${bits}_lane#1`, ["v128"], offset)),
  ...WIDTHS.map(([type, bits, kind]) => storeText(`${type}.store${bits}`, [kind], offset)),
  ...READ_WRITES.flatMap((name) =>
    WIDTHS.map(([type, bits, kind]) =>
      storeText(
        `${type}.rmw${bits}.${name}${bits && "_u"}`,
        name === "cmpxchg" ? [kind, kind] : [kind],
        offset,
        "drop",
      )
    )
  ),
]);

/** Every instruction that writes at an address, each with several offsets. */
export const STORES: readonly StoreOp[] = TEXTS.map(({ op }) => op);

/** Pages that the machine starts with, and may have at the most. */
export const LEAST = 3;
export const MOST = 12;

/** Module whose functions change its state in every way. */
export const MACHINE: Uint8Array = await assemble(
  "machine.wat",
  `(module
  (memory (export "memory") ${LEAST} ${MOST})
  (func (export "_start"))
  (data (i32.const 100) "first")
  (data (i32.const 4090) "across a page's border")
  (data (i32.const 65530) "across a page's border")
  (data (i32.const 150000) "last")
  (data $passive "${"a passive segment ".repeat(600)}")
  (global $a (mut i32) (i32.const -7))
  (global $b (mut i64) (i64.const 0x1234567890abcdef))
  (global $c (mut f32) (f32.const nan:0x200001))
  (global $d (mut f64) (f64.const nan:0x4000000000001))
  (global $e (mut v128) (v128.const i64x2 5 -6))
  (global $f (mut funcref) (ref.func $one))
  (global $g (mut externref) (ref.null extern))
  (func $one (result i32) (i32.const 1))
  (func (export "globals") (param i64)
    (global.set $a (i32.wrap_i64 (local.get 0)))
    (global.set $b (local.get 0))
    (global.set $c (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))
    (global.set $d (f64.reinterpret_i64 (local.get 0)))
    (global.set $e (i64x2.splat (local.get 0)))
    (global.set $f (ref.null func)))
  (func (export "extern") (param externref) (global.set $g (local.get 0)))
  (func (export "a") (result i32) (global.get $a))
  (func (export "b") (result i64) (global.get $b))
  (func (export "c") (result i32) (i32.reinterpret_f32 (global.get $c)))
  (func (export "d") (result i64) (i64.reinterpret_f64 (global.get $d)))
  (func (export "e0") (result i64) (i64x2.extract_lane 0 (global.get $e)))
  (func (export "e1") (result i64) (i64x2.extract_lane 1 (global.get $e)))
  (func (export "f") (result i32) (ref.is_null (global.get $f)))
  (func (export "g") (result externref) (global.get $g))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32)
    (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
  ${TEXTS.map(({ wat }) => wat).join("\n")})`,
);

/** A module with one more memory, which the assembler does not write. */
export function withSecondMemory(bytes: Uint8Array): Uint8Array {
  const { start, body, end } = sections(bytes).find(({ id }) => id === Id.memory)!;
  return new Writer().raw(bytes.subarray(0, start)).byte(Id.memory)
    .sized((w) => w.byte(2).raw(bytes.subarray(body + 1, end)).byte(0, 1))
    .raw(bytes.subarray(end)).view();
}

/**
 * A module with more memories, which the assembler does not write: the `i32.const 1 memory.grow` of its code are each of
 * another memory, in order.
 *
 * @param limits Of the memories beyond its first, as the section has them.
 */
export function withMemories(
  bytes: Uint8Array,
  limits: readonly (readonly number[])[],
): Uint8Array {
  const all = sections(bytes);
  const { start, body, end } = all.find(({ id }) => id === Id.memory)!;
  const code = bytes.slice(end);
  let index = 0;
  for (let at = 0; at < code.length && index <= limits.length; at++) {
    if (GROW_BY_ONE.every((byte, i) => code[at + i] === byte)) code[at + 3] = index++;
  }
  return new Writer().raw(bytes.subarray(0, start)).byte(Id.memory)
    .sized((w) => {
      w.unsigned(1 + limits.length).raw(bytes.subarray(body + 1, end));
      for (const each of limits) w.byte(...each);
    })
    .raw(code).view();
}

const GROW_BY_ONE = [0x41, 1, 0x40, 0];

/** A module whose only memory, which has a maximum, is shared: the assembler does not write that. */
export function withSharedMemory(bytes: Uint8Array): Uint8Array {
  const { body } = sections(bytes).find(({ id }) => id === Id.memory)!;
  const shared = bytes.slice();
  shared[body + 1] = 3;
  return shared;
}
