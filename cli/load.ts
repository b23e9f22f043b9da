import type { Load } from "./program.ts";

/**
 * Loads a program by the library, whose modules are loaded while V8 compiles it. `--version`, `--help` and wrong
 * flags need none of them.
 */
export const load: Load = async (reading, options) => {
  const { compileAhead } = await import("../engine/ahead.ts");
  const wasm = await reading;
  const programs = await compileAhead(wasm, options);
  const { Fastlike } = await import("../mod.ts");
  return await Fastlike.load(wasm, { ...options, programs });
};
