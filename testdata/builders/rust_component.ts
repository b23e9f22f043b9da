// Builds the Rust component: `rust-component`.

import { BUILT, TESTDATA, toPath } from "./common.ts";
import { buildCargo } from "./rust.ts";
import { writeWit } from "./wit.ts";

export async function build(): Promise<void> {
  const project = new URL("rust-component/", TESTDATA);
  await writeWit(new URL("wit/", project));
  await buildCargo("rust-component", "wasm32-wasip2", "rust_component", toPath(project), BUILT);
}
