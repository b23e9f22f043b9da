import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "../assert.ts";
import type { Mode } from "./writer.ts";

const WRITER = new URL("writer.ts", import.meta.url).pathname;

/** A folder for one test, with the path of a file that is not there yet. */
export async function folder(): Promise<AsyncDisposable & { readonly file: string }> {
  const path = await Deno.makeTempDir();
  return {
    file: `${path}/stores.sqlite`,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Asserts that SQLite finds no fault in the file, and that each piece has its value or content. */
export function assertWhole(file: string): void {
  using database = new DatabaseSync(file);
  assertEquals({ ...database.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  assertEquals(database.prepare("PRAGMA foreign_key_check").all(), []);
}

/** Starts a process that writes to the file. */
export function startWriter(file: string, mode: Mode, name: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", WRITER, file, mode, name],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/**
 * Has a process write to the file, and kills it when it has told `enough` writes.
 *
 * @returns How many it has told when it was dead.
 */
export async function killed(
  file: string,
  mode: Mode,
  name: string,
  enough: number,
): Promise<number> {
  const child = startWriter(file, mode, name);
  let printed = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    // The child writes on meanwhile: the signal meets it anywhere. Lines that it printed before are acknowledged.
    printed += chunk;
    if (printed.split("\n").length > enough) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It is dead, and its last lines are read.
      }
    }
  }
  assertEquals((await child.status).signal, "SIGKILL");
  const told = printed.split("\n").length - 1;
  assert(told >= enough);
  return told;
}

/** Whether a value is that of some pieces. */
export function isSame(whole: Uint8Array, pieces: readonly Uint8Array[]): boolean {
  let at = 0;
  for (const piece of pieces) for (const byte of piece) if (byte !== whole[at++]) return false;
  return at === whole.length;
}
