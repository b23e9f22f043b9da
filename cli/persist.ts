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
async function persistIn(folder: string): Promise<SqliteStorage> {
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

/** The folder that keeps stores: opened once for a process, whatever a reload says. */
export class PersistentStorage implements Disposable {
  #open: { readonly folder: string; readonly storage: SqliteStorage } | undefined;

  /**
   * What keeps stores; undefined if none is named.
   *
   * @param note Told that another folder is named now than at the start.
   * @throws {CommandError} If the folder cannot be made or opened.
   */
  async in(
    folder: string | undefined,
    note: (line: string) => void,
  ): Promise<SqliteStorage | undefined> {
    if (!this.#open) {
      if (folder === undefined) return undefined;
      this.#open = { folder, storage: await persistIn(folder) };
    } else if (folder !== this.#open.folder) {
      note(`Stores stay in ${this.#open.folder}: another folder needs a new start`);
    }
    return this.#open.storage;
  }

  [Symbol.dispose](): void {
    this.#open?.storage[Symbol.dispose]();
  }
}
