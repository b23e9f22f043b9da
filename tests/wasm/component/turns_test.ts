import { clearImmediate, setImmediate } from "node:timers";
import { componentLoader } from "../../../drivers/components.ts";
import { Fastlike } from "../../../mod.ts";
import { assert } from "../../assert.ts";
import { guestUrl } from "../../guests/serving.ts";

/** Milliseconds that making an instance takes here at least: longer than a step of long work may hold others up. */
const SLOW = 11;

/** Calls a function before each instance of a component's core module is made. */
function onCoreInstance(call: () => void): Disposable {
  const original = WebAssembly.Instance;
  WebAssembly.Instance = new Proxy(original, {
    construct(target, args) {
      const [module] = args as [WebAssembly.Module];
      if (WebAssembly.Module.imports(module).some(({ name }) => name === "watch")) call();
      return Reflect.construct(target, args);
    },
  });
  return { [Symbol.dispose]: () => void (WebAssembly.Instance = original) };
}

Deno.test("others get a turn between the core modules of a component that is loaded or reloaded", async () => {
  const bytes = await Deno.readFile(guestUrl("rust-component"));
  let turns = 0;
  let next: NodeJS.Immediate;
  const turn = () => {
    turns++;
    next = setImmediate(turn);
  };
  turn();
  let seen: number[] = [];
  using _ = onCoreInstance(() => {
    seen.push(turns);
    const end = performance.now() + SLOW;
    while (performance.now() < end);
  });
  try {
    await using app = await Fastlike.load(bytes, { components: componentLoader });
    for (const _ of ["loaded", "reloaded"]) {
      assert(seen.length > 2, `${seen.length} core modules`);
      assert(new Set(seen).size === seen.length, `made in turns ${seen}`);
      seen = [];
      await app.reload(bytes);
    }
  } finally {
    clearImmediate(next!);
  }
});
