import { assemble } from "../../cli/wat.ts";
import { ROOT } from "../_graph.ts";

const TARGET = new URL("wasm/embedded.ts", ROOT);

/** Makes the text of `wasm/embedded.ts` from the sources that it embeds. */
export async function embedded(): Promise<string> {
  const thread = await Deno.readTextFile(new URL("wasm/watchdog_thread.js", ROOT));
  // Under `deno test` Deno would check the types of the thread at each of its starts, and print its text.
  const unchecked = thread.replace("// @ts-check\n", "");
  const lines = unchecked.replace(/[\\`]|\$\{/g, "\\$&");
  return `/**
 * Sources in other languages as text, so that the library loads without reading files. Written by \`deno task embed\`.
 *
 * @module
 */

/** Source text of \`watchdog_thread.js\`, without \`@ts-check\`. */
export const WATCHDOG_THREAD =
  \`${lines}\`;

/** Digest of the rewriter's sources, so that code that another version has rewritten is not used. */
export const REWRITER = "${await rewriterDigest()}";

/** Compiled \`stack.wat\`, in Base64. */
export const STACK_MODULE =
  "${await assembled("stack")}";

/** Compiled \`host_function.wat\`, in Base64. */
export const HOST_FUNCTION_MODULE =
  "${await assembled("host_function")}";

/** Compiled \`restore.wat\`, in Base64. */
export const RESTORE_MODULE =
  "${await assembled("restore")}";

/** Compiles a module that is embedded in Base64. */
export function moduleOf(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)));
}
`;
}

/** Makes one digest of all sources that decide how a module is rewritten. */
async function rewriterDigest(): Promise<string> {
  const names = ["wasm/tag_names.ts"];
  for await (const { name } of Deno.readDir(new URL("wasm/rewrite/", ROOT))) {
    if (name.endsWith(".ts")) names.push(`wasm/rewrite/${name}`);
  }
  const texts = [];
  for (const name of names.sort()) texts.push(await Deno.readTextFile(new URL(name, ROOT)));
  const bytes = new TextEncoder().encode(texts.join("\0"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 32);
}

async function assembled(name: string): Promise<string> {
  const text = await Deno.readTextFile(new URL(`wasm/${name}.wat`, ROOT));
  return btoa(String.fromCharCode(...await assemble(`${name}.wat`, text)));
}

if (import.meta.main) await Deno.writeTextFile(TARGET, await embedded());
