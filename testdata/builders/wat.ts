// Assembles every `testdata/wat/*.wat` into `testdata/built/*.wasm`.

import { BUILT, TESTDATA } from "./common.ts";

const SOURCES = new URL("wat/", TESTDATA);

export async function build(): Promise<void> {
  const wabt = await loadWabt();
  await Deno.mkdir(BUILT, { recursive: true });
  for await (const entry of Deno.readDir(SOURCES)) {
    if (!entry.name.endsWith(".wat")) continue;
    const source = await Deno.readTextFile(new URL(entry.name, SOURCES));
    const module = wabt.parseWat(entry.name, source);
    try {
      module.validate();
      // The names: tests look for them in the trace of a trap.
      const { buffer } = module.toBinary({ write_debug_names: true });
      await Deno.writeFile(new URL(entry.name.replace(/\.wat$/, ".wasm"), BUILT), buffer);
    } catch (error) {
      throw new Error(`Cannot build wat: ${entry.name} is not valid`, { cause: error });
    } finally {
      module.destroy();
    }
  }
}

/** Imported here and not at the top, so that its absence is one line and not a stack trace. */
async function loadWabt() {
  try {
    const { default: init } = await import("npm:wabt@1.0.39");
    return await init();
  } catch (error) {
    throw new Error("Cannot build wat: npm:wabt@1.0.39 is not available", { cause: error });
  }
}
