// Builds the JavaScript guest with the command line tool of its SDK.

import { BUILT, run, toPath } from "./common.ts";
import { install } from "./npm.ts";

export async function build(): Promise<void> {
  const cwd = await install("javascript");
  await Deno.mkdir(BUILT, { recursive: true });
  const output = toPath(new URL("javascript.wasm", BUILT));
  // `--no-install`: npx must not fetch another version when the directory has none.
  const args = ["--no-install", "js-compute-runtime", "src/index.js", output];
  await run("javascript", "npx", args, { cwd });
}
