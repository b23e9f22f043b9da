import { assemble } from "../../cli/wat.ts";
import { Fastlike } from "../../mod.ts";
import { assertEquals } from "../assert.ts";

const LONG = "(i32.const 1024) (i32.const 0x100001)";
const OUT = "(i32.const 0)";

/** Hostcalls with a text of more than 1 MiB: module, name, and the words of the call. */
const CALLS: readonly (readonly [module: string, name: string, words: string])[] = [
  ["fastly_log", "endpoint_get", `${LONG} ${OUT}`],
  ["fastly_config_store", "open", `${LONG} ${OUT}`],
  ["fastly_kv_store", "open", `${LONG} ${OUT}`],
  ["fastly_backend", "exists", `${LONG} ${OUT}`],
  ["fastly_purge", "purge_surrogate_key", `${LONG} ${OUT} ${OUT}`],
  ["fastly_device_detection", "lookup", `${LONG} ${OUT} ${OUT} ${OUT}`],
  ["fastly_uap", "parse", LONG + ` ${OUT}`.repeat(12)],
  ["fastly_erl", "ratecounter_increment", `${LONG} ${LONG} ${OUT}`],
];

for (const [module, name, words] of CALLS) {
  Deno.test(`${module}.${name} refuses a text of more than 1 MiB, whatever it would do with it`, async () => {
    const count = words.split("i32.const").length - 1;
    const guest = await assemble(
      "long.wat",
      `(module
        (import "${module}" "${name}" (func $call (param ${"i32 ".repeat(count)}) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 32)
        (func (export "_start") (call $exit (call $call ${words}))))`,
    );
    await using app = await Fastlike.load(guest);
    assertEquals(await app.run(), 2, "inval");
  });
}
