// Builds the AssemblyScript guest.

import { BUILT, run, toPath } from "./common.ts";
import { install } from "./npm.ts";

export async function build(): Promise<void> {
  const cwd = await install("assemblyscript");
  await Deno.mkdir(BUILT, { recursive: true });
  const output = toPath(new URL("assemblyscript.wasm", BUILT));
  // `--debug` keeps the function names; only `--sourceMap` would add paths of this machine.
  const flags = ["--optimize", "--debug", "-b", output];
  // `--no-install`: npx must not fetch another version when the directory has none.
  await run("assemblyscript", "npx", ["--no-install", "asc", "assembly/index.ts", ...flags], {
    cwd,
  });
}
