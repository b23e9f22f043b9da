/**
 * The executable: `deno run -A cli.ts [serve] [flags] [guest.wasm]`.
 *
 * @module
 */
import { main } from "./cli/main.ts";
import { Fastlike } from "./mod.ts";

if (import.meta.main) {
  Error.stackTraceLimit = 100; // a guest's own frames come on top of the host's
  Deno.exit(await main(Deno.args, (wasm, options) => Fastlike.load(wasm, options)));
}
