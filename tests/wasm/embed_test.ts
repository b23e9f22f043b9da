import { ROOT } from "../_graph.ts";
import { assert } from "../assert.ts";
import { embedded } from "./embed.ts";

Deno.test("embedded sources are up to date (deno task embed)", async () => {
  const text = await Deno.readTextFile(new URL("wasm/embedded.ts", ROOT));
  assert(text === await embedded(), "wasm/embedded.ts is out of date: run deno task embed");
});
