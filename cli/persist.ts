import { join } from "node:path";
import type { SqliteStorage } from "../drivers/sqlite.ts";
import type { ServiceOptions } from "../service/options.ts";
import { CommandError, reasonOf } from "./errors.ts";

/** Name of the SQLite file in the folder. */
const FILE = "fastlike.sqlite";

/**
 * Opens the SQLite file of a folder, which is created if need be. It holds KV stores, the cache and rate counters.
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

/** Options that a folder is for. */
export type KeptIn = Pick<ServiceOptions, "kvDriver" | "cacheDriver" | "rateDriver">;

/** Folder of persistent stores, which is opened once for a process; a reload does not change it. */
export class PersistentStorage implements Disposable {
  readonly #common: string | undefined;
  #open: { readonly folder: string; readonly storage: SqliteStorage } | undefined;

  /**
   * @param common Folder where none is named, for KV stores and rate counters alone: what processes have in common.
   */
  constructor(common?: string) {
    this.#common = common;
  }

  /**
   * Returns the options that the folder is for; none if no folder is named.
   *
   * @param note Called if another folder is named than at the start.
   * @throws {CommandError} If the folder cannot be made or opened.
   */
  async in(named: string | undefined, note: (line: string) => void): Promise<KeptIn> {
    const folder = named ?? this.#common;
    if (!this.#open) {
      if (folder === undefined) return {};
      this.#open = { folder, storage: await persistIn(folder) };
    } else if (folder !== this.#open.folder) {
      note(`Stores stay in ${this.#open.folder}: another folder needs a new start`);
    }
    const { kvDriver, cacheDriver, rateDriver } = this.#open.storage;
    return { kvDriver, rateDriver, ...this.#open.folder !== this.#common && { cacheDriver } };
  }

  [Symbol.dispose](): void {
    this.#open?.storage[Symbol.dispose]();
  }
}
