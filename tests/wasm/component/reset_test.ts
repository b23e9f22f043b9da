import { bindFunction, dropResource, interfaceOf } from "../../../abi/components/mod.ts";
import { componentLoader } from "../../../drivers/components.ts";
import type { ComponentInstance } from "../../../service/util/component_loader.ts";
import { Bench } from "../../abi/_bench.ts";
import { atOnce } from "../../../wasm/turns.ts";
import { assert, assertEquals } from "../../assert.ts";

const BUILT = new URL("../../../testdata/built/rust-component.wasm", import.meta.url);

/** Everything with a state that instances of core modules export, in the order of their making. */
class Exported {
  readonly memories: WebAssembly.Memory[] = [];
  readonly tables: WebAssembly.Table[] = [];
  readonly globals: WebAssembly.Global[] = [];

  /** Calls `make`, and collects the exports of the instances that it makes. */
  static of<T>(make: () => T): [T, Exported] {
    const exported = new Exported();
    const { Instance } = WebAssembly;
    WebAssembly.Instance = new Proxy(Instance, {
      construct(target, args) {
        const instance = Reflect.construct(target, args);
        for (const item of Object.values(instance.exports)) exported.#add(item);
        return instance;
      },
    });
    try {
      return [make(), exported];
    } finally {
      WebAssembly.Instance = Instance;
    }
  }

  #add(item: unknown): void {
    if (item instanceof WebAssembly.Memory) this.memories.push(item);
    else if (item instanceof WebAssembly.Table) this.tables.push(item);
    else if (item instanceof WebAssembly.Global) this.globals.push(item);
  }

  state() {
    return {
      // Pages that were added stay, with zeros in them.
      memories: this.memories.map(({ buffer }) => new Uint8Array(buffer).slice()),
      tables: this.tables.map((table) =>
        Array.from({ length: table.length }, (_, i) => table.get(i))
      ),
      globals: this.globals.map(({ value }) => value),
    };
  }
}

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
  Deno.test(`every byte of a component's memories, its tables and its globals are put back, by ${reuse}`, async () => {
    const bytes = await Deno.readFile(BUILT);
    const terms = { memory: 2 ** 27, reuse, watch: false, allowUnlimited: false };
    const compiled = await componentLoader.compile(bytes, terms);
    assertEquals(compiled.resetting, true);
    using first = new Bench({}, {});
    const context = { sandbox: first.sandbox };
    const [instance, exported] = Exported.of(() =>
      atOnce(compiled.instantiate({
        watch: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
        ask() {},
        bind: (from, name, type) => bindFunction(context, from, name, type, false),
        nameOf: (from, name) => `${interfaceOf(from)}.${name}`,
        drop: (number) => dropResource(context, number),
        failed: (error) => error,
        whileRunning: (run) => run(),
        resumeOn: (result) => result,
      }))
    );
    assert(exported.memories.length > 0 && exported.tables.length > 0);
    const asMade = exported.state();
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
      const { memories, tables, globals } = exported.state();
      for (const [i, bytes] of asMade.memories.entries()) {
        assert(bytes.every((byte, at) => byte === memories[i]![at]), `memory ${i} has changed`);
      }
      for (const [i, items] of asMade.tables.entries()) {
        assertEquals(tables[i]!.length, items.length);
        assert(items.every((item, at) => item === tables[i]![at]), `table ${i} has changed`);
      }
      assertEquals(globals, asMade.globals);
    }
  });
}
