import { ROOT } from "../_graph.ts";
import { assert } from "../assert.ts";
import { command } from "../cli/commands.ts";
import { CliServer, Process, type ProcessOptions } from "../process.ts";

/** Path of the built Rust guest. */
export const GUEST = new URL("testdata/built/rust.wasm", ROOT).pathname;

/** An empty folder, which is removed in the end. */
export async function emptyFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Runs a command that has to succeed; returns its output. */
export async function succeed(...parameters: Parameters<typeof command>): Promise<string> {
  const { code, stdout, stderr } = await command(...parameters);
  if (code) {
    throw new Error(`${parameters.slice(0, 2).flat().join(" ")}: ${code}\n${stdout}${stderr}`);
  }
  return stdout;
}

/** Asserts that a folder takes less room on its disk than so many KiB. */
export async function assertBelow(kib: number, folder: string): Promise<void> {
  const taken = await succeed("du", ["-sk", folder]);
  assert(parseInt(taken) < kib, `${taken.trim()}: not below ${kib} KiB`);
}

/** Starts a command that serves, and waits until it listens. */
export function serving(
  program: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<CliServer> {
  // SIGKILL would leave the process behind that node has started.
  return CliServer.of(new Process(program, args, { last: "SIGTERM", ...options }));
}
