import { fromFileUrl } from "npm:deno-std@1.4.0/path/from_file_url.js";

const ROOT = new URL("../", import.meta.url);
/** The compiler; `.ci/compile` names another Deno. */
export const COMPILER: string = Deno.env.get("DENO_COMPILER") ?? Deno.execPath();
const decoder = new TextDecoder();

/** Makes V8 optimise a guest's functions sooner than by default (bench/README.md, "The first requests"). */
const V8_FLAGS = "--wasm-tiering-budget=1000000";

/**
 * Compiles the executable.
 *
 * @param output Path of the executable.
 * @param target Platform; by default this machine's.
 * @returns Why it could not be compiled, in one line; undefined if it was.
 */
export async function compile(output: string, target?: string): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(COMPILER, {
    args: [
      ...["compile", "--quiet", "--no-check", "--lock=deno.lock", "--frozen", "-A"],
      `--v8-flags=${V8_FLAGS}`,
      ...(target ? ["--target", target] : []),
      ...["--output", output, "cli.ts"],
    ],
    cwd: fromFileUrl(ROOT),
    env: { NO_COLOR: "1" },
  }).output();
  return success ? undefined : errorIn(stderr);
}

/**
 * Ends the process if DENORT_BIN names a whole Deno: in the place of its runtime it makes a program that opens a prompt
 * with all permissions.
 */
export async function refuseWholeDeno(): Promise<void> {
  const runtime = Deno.env.get("DENORT_BIN");
  if (!runtime || !/^deno \d/.test(await versionOf(runtime))) return;
  say("DENORT_BIN is a whole Deno: name the runtime denort of the same version");
  Deno.exit(2);
}

/** Returns what a program says of its version; nothing if it cannot be started, as the compiler only reads it. */
export async function versionOf(path: string): Promise<string> {
  try {
    const command = new Deno.Command(path, { args: ["--version"], stdin: "null", stderr: "null" });
    return decoder.decode((await command.output()).stdout);
  } catch {
    return "";
  }
}

export function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Returns the error of what the compiler has written: its first cause that names one. */
function errorIn(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  return /^ +1: (.*)$/m.exec(text)?.[1] ?? /^error: (.*)$/m.exec(text)?.[1] ?? text.trim();
}
