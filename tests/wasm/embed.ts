import { assemble } from "../../cli/wat.ts";
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

/** Module of \`stack.wat\`, in Base64. */
export const STACK_MODULE =
  "${await assembled("stack")}";

/** Module of \`host_function.wat\`, in Base64. */
export const HOST_FUNCTION_MODULE =
  "${await assembled("host_function")}";

/** Compiles one of the modules. */
export function moduleOf(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)));
}
`;
}

async function assembled(name: string): Promise<string> {
  const text = await Deno.readTextFile(new URL(`wasm/${name}.wat`, ROOT));
  return btoa(String.fromCharCode(...await assemble(`${name}.wat`, text)));
}

if (import.meta.main) await Deno.writeTextFile(TARGET, await embedded());
