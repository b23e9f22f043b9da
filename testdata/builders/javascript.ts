// Builds the JavaScript guests with the command line tool of their SDK.

import { BUILT, run, toPath } from "./common.ts";
import { install } from "./npm.ts";

export async function build(): Promise<void> {
  const cwd = await install("javascript");
  await Deno.mkdir(BUILT, { recursive: true });
  await compile(cwd, "src/index.js", "javascript");
  await compile(cwd, "src/serve.js", "javascript-serve");
  await compile(cwd, "src/http-cache.js", "javascript-http-cache", "--enable-http-cache");
}

async function compile(
  cwd: string,
  source: string,
  name: string,
  ...flags: string[]
): Promise<void> {
  const output = toPath(new URL(`${name}.wasm`, BUILT));
  // `--no-install`: npx must not fetch another version when the directory has none.
  const args = ["--no-install", "js-compute-runtime", ...flags, source, output];
  await run("javascript", "npx", args, { cwd });
}
