import { bindFunction, dropResource, interfaceOf } from "../../abi/components/mod.ts";
import { componentLoader } from "../../drivers/components.ts";
import type { ComponentInstance } from "../../service/util/component_loader.ts";
import { Bench } from "../abi/_bench.ts";
import { assert, assertEquals } from "../assert.ts";

const BUILT = new URL("../../testdata/built/rust-component.wasm", import.meta.url);

/** Has an instance answer one request of a sandbox of its own. */
async function answer(
  instance: ComponentInstance,
  context: { sandbox: Bench["sandbox"] },
  path: string,
): Promise<void> {
  using bench = new Bench({}, { url: `http://guest.test/${path}` });
  context.sandbox = bench.sandbox;
  const { request, body } = bench.sandbox.requests.downstream;
  assertEquals(await instance.run([request, body]), true);
}

for (const reuse of ["dirty-pages", "snapshot"] as const) {
  Deno.test(`every byte of a component's memory is put back, by ${reuse}`, async () => {
    const bytes = await Deno.readFile(BUILT);
    const terms = { memory: 2 ** 27, reuse, watch: false, allowUnlimited: false };
    const compiled = await componentLoader.compile(bytes, terms);
    assertEquals(compiled.resetting, true);
    using first = new Bench({}, {});
    const context = { sandbox: first.sandbox };
    const instance = compiled.instantiate({
      watch: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
      ask() {},
      bind: (from, name, type) => bindFunction(context, from, name, type, false),
      nameOf: (from, name) => `${interfaceOf(from)}.${name}`,
      drop: (number) => dropResource(context, number),
      failed: (error) => error,
      whileRunning: (run) => run(),
      resumeOn: (result) => result,
    });
    const { memory } = instance;
    const [size, before] = [memory.size, new Uint8Array(memory.buffer).slice()];
    for (const path of ["leave", "headers", "hello", "random", "leave"]) {
      await answer(instance, context, path);
      const written = new Uint8Array(memory.buffer, 0, before.length);
      assert(!written.every((byte, i) => byte === before[i]), `${path} has written nothing`);
      assert(instance.reset());
      assertEquals(memory.size, size);
      const after = new Uint8Array(memory.buffer);
      assert(before.every((byte, i) => byte === after[i]), `${path} has left something`);
      assert(after.subarray(before.length).every((byte) => byte === 0), "what grew is not empty");
    }
  });
}
