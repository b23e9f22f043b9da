// Builds the Rust components: `rust-component`, which handles requests, and `rust-command`, which is run.

import { BUILT, TESTDATA, toPath } from "./common.ts";
import { buildCargo } from "./rust.ts";
import { writeWit } from "./wit.ts";

export async function build(): Promise<void> {
  for (const name of ["rust-component", "rust-command"]) {
    const project = new URL(`${name}/`, TESTDATA);
    await writeWit(new URL("wit/", project));
    const artifact = name.replace("-", "_");
    await buildCargo(name, "wasm32-wasip2", artifact, toPath(project), BUILT);
  }
}
