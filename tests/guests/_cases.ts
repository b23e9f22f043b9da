import { assemble } from "../../cli/wat.ts";

const FOLDER = new URL("../../testdata/cases/", import.meta.url);

/** Expected result for a hostile guest. */
interface Case {
  /** Response to its requests, or the reason why it is not loaded. */
  readonly expected: { readonly status: number | number[]; readonly text: RegExp } | RegExp;
  /** Reads or makes the module. */
  module(): Promise<Uint8Array>;
}

function file(name: string, expected: Case["expected"]): [string, Case] {
  const module = name.endsWith(".wasm")
    ? () => Deno.readFile(new URL(name, FOLDER))
    : async () => await assemble(name, await Deno.readTextFile(new URL(name, FOLDER)));
  return [name, { expected, module }];
}

/** Straight-line code: the same bulk instruction or hostcall again and again. */
function straight(name: string, act: string, table = ""): [string, Case] {
  const text = `(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1024) ${table}
    (func (export "_start") ${act.repeat(5000)}))`;
  return [`straight ${name}`, { expected: STOPPED, module: () => assemble(`${name}.wat`, text) }];
}

const STOPPED = { status: 500, text: /cpu_time/ };
const TRAPPED = { status: 500, text: /^The guest trapped/ };
const CLEAN = { status: 200, text: /^$/ };

/** Guests that have hurt a process, its machine or other requests once. */
export const CASES: readonly (readonly [name: string, Case])[] = [
  file("exit-catch2.wat", { status: 500, text: /^The guest exited with status 3/ }),
  file("gap.wat", TRAPPED),
  file("gc-array.wasm", /garbage collection/),
  file("loop-catch.wat", STOPPED),
  file("memories.wasm", TRAPPED),
  file("pollute.wat", CLEAN),
  // It makes its list first, which may take all of its time.
  file("select.wat", { status: [200, 500], text: /^$|cpu_time/ }),
  file("spin2.wat", STOPPED),
  file("start-spin.wat", STOPPED),
  file("tables.wat", STOPPED),
  file("throwloop.wat", STOPPED),
  straight("fill", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000))"),
  straight("copy", "(memory.copy (i32.const 0) (i32.const 1) (i32.const 0x3ffffff))"),
  straight(
    "table",
    "(table.fill (i32.const 0) (ref.null extern) (i32.const 1000000))",
    "(table 1000000 externref)",
  ),
  straight("random", "(drop (call $random (i32.const 0) (i32.const 0x4000000)))"),
];
