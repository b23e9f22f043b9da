// Builds the two guests that make the same calls in both spellings: `calls-component`, `calls-module`.

import { BUILT, TESTDATA, toPath } from "./common.ts";
import { buildCargo } from "./rust.ts";
import { writeWit } from "./wit.ts";

export async function build(): Promise<void> {
  const component = new URL("rust-calls/component/", TESTDATA);
  const module = new URL("rust-calls/module/", TESTDATA);
  await writeWit(new URL("wit/", component));
  const [inComponent, inModule] = [toPath(component), toPath(module)];
  await buildCargo("calls-component", "wasm32-wasip2", "calls_component", inComponent, BUILT);
  await buildCargo("calls-module", "wasm32-wasip1", "calls_module", inModule, BUILT);
}
