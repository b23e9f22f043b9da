import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "../assert.ts";

/** A folder for one test, with the path of a file that is not there yet. */
export async function folder(): Promise<AsyncDisposable & { readonly file: string }> {
  const path = await Deno.makeTempDir();
  return {
    file: `${path}/stores.sqlite`,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Asserts that SQLite finds no fault in the file, and that no piece is without what it is a piece of. */
export function assertWhole(file: string): void {
  using database = new DatabaseSync(file);
  assertEquals({ ...database.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  assertEquals(database.prepare("PRAGMA foreign_key_check").all(), []);
}
