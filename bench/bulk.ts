// Shows how long V8 takes for one instruction that writes a lot of memory, during which nothing can stop it:
//
//   deno run -A bench/bulk.ts
import { assemble } from "../cli/wat.ts";

const PAGES = 16_384; // 1 GiB
const BYTES = PAGES * 65_536;

const module = await assemble(
  "bulk.wat",
  `(module (memory ${PAGES})
    (func (export "fill") (param i32)
      (memory.fill (i32.const 0) (local.get 0) (i32.const ${BYTES})))
    (func (export "copy")
      (memory.copy (i32.const 0) (i32.const ${BYTES / 2}) (i32.const ${BYTES / 2}))))`,
);
const { instance } = await WebAssembly.instantiate(module as Uint8Array<ArrayBuffer>);
const { fill, copy } = instance.exports as Record<string, (value?: number) => void>;
show("memory.fill of 1 GiB, which the system has not given yet", () => fill!(1));
show("memory.fill of 1 GiB again", () => fill!(2));
show("memory.copy of 512 MiB", () => copy!());

function show(what: string, run: () => void): void {
  const began = performance.now();
  run();
  const line = `${what}: ${Math.round(performance.now() - began)} ms\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}
