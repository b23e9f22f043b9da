/**
 * The executable: `deno run -A cli.ts [serve] [flags] [guest.wasm]`.
 *
 * @module
 */
import { main } from "./cli/main.ts";

if (import.meta.main) {
  Error.stackTraceLimit = 100; // a guest's own frames come on top of the host's
  Deno.exit(
    await main(Deno.args, async (wasm, options) => {
      const { Fastlike } = await import("./mod.ts"); // `--version`, `--help` and wrong flags need no host
      return await Fastlike.load(wasm, options);
    }),
  );
}
