import { ROOT } from "../_graph.ts";

const TARGET = new URL("wasm/embedded.ts", ROOT);

/** Makes the text of `wasm/embedded.ts` from the sources that it embeds. */
export async function embedded(): Promise<string> {
  const thread = await Deno.readTextFile(new URL("wasm/watchdog_thread.js", ROOT));
  const lines = thread.replace(/[\\`]|\$\{/g, "\\$&");
  return `/**
 * Sources in other languages, as the library has them without reading a file. Made by \`deno task embed\`.
 *
 * @module
 */

/** Text of \`watchdog_thread.js\`. */
export const WATCHDOG_THREAD = \`${lines}\`;
`;
}

if (import.meta.main) await Deno.writeTextFile(TARGET, await embedded());
