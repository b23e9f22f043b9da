import { join } from "node:path";
import type { SqliteOptions, SqliteStorage } from "../drivers/sqlite.ts";
import type { ServiceOptions } from "../service/options.ts";
import { DATABASE_FILE } from "./database_file.ts";
import { CommandError, reasonOf } from "./errors.ts";
import type { SharedStore } from "./manifest/shared_store.ts";
import { openStore } from "./store.ts";
import type { Terminal } from "./telemetry/terminal.ts";

/**
 * Opens the SQLite file of a folder, which is created if need be. It holds KV stores, the cache and rate counters.
 *
 * @throws {CommandError} If it cannot be made or opened.
 */
async function persistIn(folder: string, options?: SqliteOptions): Promise<SqliteStorage> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw new CommandError(`Cannot make the folder ${folder}: ${reasonOf(error)}`);
  }
  const { openSqlite } = await import("../drivers/sqlite.ts"); // most starts need no SQLite
  try {
    return await openSqlite(join(folder, DATABASE_FILE), options);
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}

/** Options that a folder, or a store, is for. */
type KeptIn = Pick<
  ServiceOptions,
  "kvDriver" | "cacheDriver" | "rateDriver" | "purgeFeed"
>;

/** Place of stores by flags and fastly.toml: a folder, a store that hosts share, or neither. */
export interface NamedStorage {
  readonly folder: string | undefined;
  readonly store: SharedStore | undefined;
}

/** Open storage, and the settings that it was opened by. */
interface Opened {
  /** Path of the folder, or settings of the store. */
  readonly named: string;
  /** The same for messages. */
  readonly shown: string;
  readonly storage: KeptIn & Disposable;
}

/** Folder of persistent stores, or shared store, which is opened once for a process; a reload does not change it. */
export class PersistentStorage implements Disposable {
  readonly #common: string | undefined;
  readonly #storeNote: Terminal["note"] | undefined;
  #open: Opened | undefined;
  /** Bound on the KV stores of the common folder, by the newest options. */
  #kvBytes = Infinity;

  /**
   * @param common Folder that processes share if none is named, for KV stores and rate counters alone.
   * @param storeNote Called with a note when a store is gone or back. By default these notes go where all others go.
   */
  constructor(common?: string, storeNote?: Terminal["note"]) {
    this.#common = common;
    this.#storeNote = storeNote;
  }

  /**
   * Returns the drivers of the folder or store, as options; no options if neither is named.
   *
   * @param kvBytes Bound on KV stores where neither is named.
   * @param ca Certificates in PEM to trust, for a store with TLS.
   * @param note Called with a note if another folder or store is named than at the start, and when a store is gone or back.
   * @throws {CommandError} If the folder cannot be made or opened, or the store not be reached.
   */
  async in(
    { folder = this.#common, store }: NamedStorage,
    kvBytes: number,
    ca: string | undefined,
    note: Terminal["note"],
  ): Promise<KeptIn> {
    this.#kvBytes = kvBytes;
    const named = store ? JSON.stringify(store) : folder;
    if (!this.#open) {
      if (named === undefined) return {};
      const storage = store
        ? await openStore(store, ca, this.#storeNote ?? note)
        : await persistIn(folder!, folder === this.#common ? this.#commonOptions() : undefined);
      this.#open = { named, shown: store ? "the store of the start" : folder!, storage };
    } else if (named !== this.#open.named) {
      const { shown } = this.#open;
      note("warning", `Stores stay in ${shown}: another folder or store needs a new start`);
    }
    const { kvDriver, cacheDriver, rateDriver, purgeFeed } = this.#open.storage;
    return {
      kvDriver,
      rateDriver,
      ...this.#open.named !== this.#common && { cacheDriver },
      ...purgeFeed && { purgeFeed },
    } as KeptIn;
  }

  #commonOptions(): SqliteOptions {
    const kvBytes = () => this.#kvBytes;
    return {
      get kvBytes() {
        return kvBytes();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#open?.storage[Symbol.dispose]();
  }
}
