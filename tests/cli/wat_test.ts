import { assemble } from "../../cli/wat.ts";
import { assert } from "../assert.ts";

Deno.test("a program in WebAssembly text may have several memories", async () => {
  const text = `(module
    (memory $one 1)
    (memory $other 1)
    (func (memory.copy $one $other (i32.const 0) (i32.const 0) (i32.const 1))))`;
  assert(WebAssembly.validate(await assemble("main.wat", text) as Uint8Array<ArrayBuffer>));
});
