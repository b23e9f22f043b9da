import { assemble } from "../../cli/wat.ts";
import { Fastlike } from "../../mod.ts";
import { assertEquals, assertMatch } from "../assert.ts";

/** Repeats of an act: all of them take several times the limit on the quickest machines. */
const COUNT = 3000;
const ACTS: Readonly<Record<string, { readonly act: string; readonly parts?: string }>> = {
  "memory.fill": { act: "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000))" },
  "memory.copy": { act: "(memory.copy (i32.const 0) (i32.const 1) (i32.const 0x3ffffff))" },
  "memory.init": {
    act: "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0x400000))",
    parts: `(data $d "${"x".repeat(0x400000)}")`,
  },
  "table.fill": {
    act: "(table.fill (i32.const 0) (ref.null extern) (i32.const 1000000))",
    parts: "(table 1000000 externref)",
  },
  "table.copy": {
    act: "(table.copy (i32.const 0) (i32.const 1) (i32.const 999999))",
    parts: "(table 1000000 externref)",
  },
  "random_get": { act: "(drop (call $random (i32.const 0) (i32.const 0x4000000)))" },
  "fd_write": {
    act: "(drop (call $print (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))",
  },
};

for (const [name, { act, parts = "" }] of Object.entries(ACTS)) {
  for (const reuse of ["auto", "never"] as const) {
    Deno.test(`straight-line code of ${name} is stopped at the limit (reuse ${reuse})`, async () => {
      const guest = await assemble(
        "straight.wat",
        `(module
          (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $print (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1024)
          ${parts}
          (func (export "_start")
            (i32.store (i32.const 8) (i32.const 16)) (i32.store (i32.const 12) (i32.const 0x2000000))
            ${act.repeat(COUNT)}))`,
      );
      await using app = await Fastlike.load(guest, {
        reuse,
        stdio() {},
        limits: { cpu_time: 50, log_bytes: Infinity },
      });
      const response = await app.handler(new Request("http://guest.test/"));
      assertEquals(response.status, 500);
      assertMatch(await response.text(), /^The guest was stopped: cpu_time 50ms is used up/);
    });
  }
}
