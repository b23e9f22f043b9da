import { join } from "node:path";
import type { SqliteStorage } from "../drivers/sqlite.ts";
import { CommandError, reasonOf } from "./errors.ts";

/** Name of the file in the folder. */
const FILE = "fastlike.sqlite";

/**
 * Opens the SQLite file of a folder, which is made if there is none: it holds KV stores, the cache and rate counters.
 *
 * @throws {CommandError} If it cannot be made or opened.
 */
export async function persistIn(folder: string): Promise<SqliteStorage> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw new CommandError(`Cannot make the folder ${folder}: ${reasonOf(error)}`);
  }
  const { openSqlite } = await import("../drivers/sqlite.ts"); // most starts need no SQLite
  try {
    return await openSqlite(join(folder, FILE));
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}
