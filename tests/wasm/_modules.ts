import { assemble } from "../../cli/wat.ts";
import { Id, Writer } from "../../wasm/rewrite/binary.ts";
import { MACHINE, withMemories, withSecondMemory, withSharedMemory } from "./_machine.ts";

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const [FUNCTION, TABLE, MEMORY] = [0, 1, 2];
const END = 0x0b;

/** Content of a section after its id and length. */
type Fill = (w: Writer) => void;

/** A module of these sections, in their order. */
export function moduleOf(...parts: readonly (readonly [id: number, fill: Fill])[]): Uint8Array {
  const w = new Writer().byte(...MAGIC);
  for (const [id, fill] of parts) w.byte(id).sized(fill);
  return w.view();
}

/** Sections of a module that exports a function `_start`, the first, of the first type, with this body. */
export function startingWith(
  body: Fill,
  types: Fill = (w) => w.byte(1, 0x60, 0, 0),
  between: readonly (readonly [id: number, fill: Fill])[] = [[Id.memory, (w) => w.byte(1, 0, 1)]],
): Uint8Array {
  return moduleOf(
    [Id.type, types],
    [Id.function, (w) => w.byte(1, 0)],
    ...between,
    [Id.export, (w) => {
      const hasMemory = between.some(([id]) => id === Id.memory);
      w.byte(hasMemory ? 2 : 1).name("_start").byte(FUNCTION, 0);
      if (hasMemory) w.name("memory").byte(MEMORY, 0);
    }],
    [Id.code, (w) => w.byte(1).sized(body)],
  );
}

const EMPTY: Fill = (w) => w.byte(0, END);

/** A module with this in its table section, and a body that grows the table with a null of a type. */
function withTable(table: readonly number[], nullType: readonly number[]): Uint8Array {
  return startingWith(
    (w) => w.byte(0, 0xd0, ...nullType, 0x41, 1, 0xfc, 15, 0, 0x1a, END),
    (w) => w.byte(1, 0x60, 0, 0),
    [[Id.table, (w) => w.byte(1, ...table)], [Id.memory, (w) => w.byte(1, 0, 1)]],
  );
}

/** Valid modules of every form that the text assembler does not write, and some that it does. */
export async function modules(): Promise<readonly Uint8Array[]> {
  const text = (wat: string) => assemble("guest.wat", `(module ${wat})`);
  const start = '(func $_start (export "_start"))';
  const memory = '(memory (export "memory") 1)';
  const hello = await text(
    `(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
     (import "env" "no" (func)) ${memory} (data (i32.const 8) "x") (func (export "_start")
       (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 4))))`,
  );
  return [
    hello,
    MACHINE,
    withSecondMemory(hello),
    withMemories(hello, [[0, 0], [1, 1, 2], [0, 3]]),
    withSharedMemory(MACHINE),
    await text(`${start}`),
    await text(`${memory} ${start} (global (mut i32) (i32.const 1)) (global i64 (i64.const 1))
      (table 1 3 funcref) (table 2 externref) (elem (i32.const 0) $_start) (elem func $_start)
      (data $d "passive") (tag $e (param i32)) (start $s) (export "e" (tag $e))
      (func $s (local i32 f64 v128)
        (try (do (throw $e (i32.const 2))) (catch $e drop) (catch_all))
        (block $a (loop $b (br_if $b (i32.const 0)) (br_table $a $b $a (i32.const 0))))
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d)
        (drop (memory.grow (i32.const 1))) (drop (table.grow 1 (ref.null extern) (i32.const 1)))
        (if (ref.is_null (ref.null func)) (then (return_call $s)))
        (v128.store (i32.const 0) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
          (local.get 2) (v128.const i64x2 1 2)))
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
        (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 3))))`),
    await text(`${memory} ${start} (type $s (struct (field i32) (field (mut f64))))`),
    await text(`${memory} ${start} (type $a (array (mut i32)))`),
    // Recursion groups and subtypes of functions, of structures and of arrays.
    startingWith(
      EMPTY,
      (w) => w.byte(2, 0x4e, 2, 0x60, 0, 0, 0x50, 0, 0x60, 1, 0x7f, 0, 0x60, 0, 0),
    ),
    startingWith(
      EMPTY,
      (w) =>
        w.byte(
          2,
          0x60,
          0,
          0,
          0x4e,
          2,
          0x50,
          0,
          0x5f,
          1,
          0x78,
          1,
          0x4f,
          1,
          1,
          0x5f,
          2,
          0x78,
          1,
          0x63,
          2,
          0,
        ),
    ),
    startingWith(
      EMPTY,
      (w) => w.byte(3, 0x60, 0, 0, 0x5e, 0x77, 0, 0x60, 1, 0x64, 1, 1, 0x63, 0x6e),
    ),
    // Tables of typed references, with a first value, and of 64-bit indices.
    withTable([0x70, 0, 1], [0x70]),
    withTable([0x63, 0, 1, 1, 3], [0]),
    withTable([0x40, 0, 0x63, 0, 0, 1, 0xd0, 0, END], [0]),
    startingWith(EMPTY, undefined, [[
      Id.table,
      (w) => w.byte(1, 0x40, 0, 0x64, 0, 0, 1, 0xd2, 0, END),
    ]]),
    startingWith(EMPTY, undefined, [[Id.table, (w) => w.byte(1, 0x70, 4, 1)]]),
    startingWith(EMPTY, undefined, [[Id.memory, (w) => w.byte(1, 5, 1, 2)]]),
    // Imports of every kind.
    ...[[FUNCTION, 0], [TABLE, 0x70, 0, 1], [MEMORY, 0, 1], [3, 0x7f, 0], [4, 0, 0]].map((kind) =>
      moduleOf(
        [Id.type, (w) => w.byte(1, 0x60, 0, 0)],
        [Id.import, (w) => w.byte(2, 1, 109, 1, 110, ...kind, 1, 109, 1, 111, FUNCTION, 0)],
        [Id.export, (w) => w.byte(1).name("_start").byte(FUNCTION, 0)],
      )
    ),
    // No function but an exported import; custom sections at every place.
    moduleOf(
      [0, (w) => w.name("a")],
      [0, (w) => w.name("b").byte(1, 2, 3)],
      [Id.type, (w) => w.byte(1, 0x60, 0, 0)],
      [0, (w) => w.name("")],
      [
        Id.import,
        (w) => w.byte(1).name("wasi_snapshot_preview1").name("sched_yield").byte(FUNCTION, 0),
      ],
      [0, (w) => w.name("name")],
      [Id.export, (w) => w.byte(1).name("_start").byte(FUNCTION, 0)],
      [0, (w) => w.name("a")],
    ),
    // Constant expressions that compute, references, and casts.
    startingWith(
      (w) => w.byte(0, 0xd2, 0, 0xd4, 0x1a, 0x02, 0x40, 0xd0, 0, 0xd5, 0, 0x1a, END, END),
      undefined,
      [[Id.global, (w) => w.byte(1, 0x7f, 1, 0x41, 1, 0x41, 2, 0x6a, END)]],
    ),
  ];
}
