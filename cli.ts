/**
 * The executable: `deno run -A cli.ts [serve] [flags] [guest.wasm]`.
 *
 * @module
 */
import { load } from "./cli/load.ts";
import { main } from "./cli/main.ts";

if (import.meta.main) {
  Error.stackTraceLimit = 100; // a guest's own frames come on top of the host's
  Deno.exit(await main(Deno.args, load));
}
