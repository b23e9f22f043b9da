import type { DatabaseSync } from "node:sqlite";
import type { Eventually } from "../service/http/bytes.ts";
import { FramelessError, HostError } from "../service/errors.ts";

/** How long a KV store waits for another process's lock, in milliseconds. */
const PATIENCE = 5_000;
/** Milliseconds between two attempts. */
const PAUSE = 10;
/** How long an operation that has to answer at once blocks the process for another one's lock, in milliseconds. */
const SHORT = 250;

/** A failure of the file, in one line that names the file and what was to be done. It needs no stack to be understood. */
export class StorageError extends FramelessError {
  override readonly name = "StorageError";
}

/** An operation that waits for another process's lock. */
interface Waiting {
  readonly attempt: () => void;
  readonly fail: (error: unknown) => void;
  readonly until: number;
}

/**
 * An open file of SQLite. Another process may hold its lock: {@linkcode SqliteFile.eventually} waits for that while the
 * process goes on, {@linkcode SqliteFile.atOnce} blocks the process for a moment.
 */
export class SqliteFile {
  readonly database: DatabaseSync;
  readonly #path: string;
  readonly #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the last wait that blocked the process was in vain. */
  #locked = false;

  /** @param database Must have no busy timeout of its own. */
  constructor(database: DatabaseSync, path: string) {
    this.database = database;
    this.#path = path;
  }

  /** Runs all of it or nothing, while no other process writes. */
  transact<T>(run: () => T): T {
    const { database } = this;
    database.exec("BEGIN IMMEDIATE");
    try {
      const result = run();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }

  /**
   * Runs now, or as soon as another process lets go of the lock. Operations that wait keep their order.
   *
   * @param action What is to be done, in words that follow "Cannot".
   * @throws {StorageError} Or rejects with it: the lock was not free for 5 s, the disk is full, or the like.
   */
  eventually<T>(action: string, run: () => T): Eventually<T> {
    if (!this.#waiting.length) {
      try {
        return run();
      } catch (error) {
        if (!isBusy(error)) throw this.#named(action, error);
      }
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({
      attempt: () => resolve(run()),
      fail: (error) => reject(this.#named(action, error)),
      until: performance.now() + PATIENCE,
    });
    this.#timer ??= setTimeout(() => this.#retry(), PAUSE);
    return promise;
  }

  /**
   * Runs now. Where another process holds the lock, the process is blocked for up to 250 ms; after such a wait in vain,
   * the next operations do not wait at all until one has gone through.
   *
   * @param action As {@linkcode SqliteFile.eventually} has it.
   * @throws {StorageError} As there.
   */
  atOnce<T>(action: string, run: () => T): T {
    try {
      return this.#once(run);
    } catch (error) {
      if (!isBusy(error) || this.#locked) throw this.#named(action, error);
    }
    this.database.exec(`PRAGMA busy_timeout = ${SHORT}`);
    try {
      return this.#once(run);
    } catch (error) {
      this.#locked = isBusy(error);
      throw this.#named(action, error);
    } finally {
      this.database.exec("PRAGMA busy_timeout = 0");
    }
  }

  /** Closes the file. What still waits for a lock fails. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { fail } of this.#waiting.splice(0)) fail(new Error("the file was closed"));
    this.database.close();
  }

  #once<T>(run: () => T): T {
    const result = run();
    this.#locked = false;
    return result;
  }

  #retry(): void {
    this.#timer = undefined;
    for (let first; (first = this.#waiting[0]);) {
      try {
        first.attempt();
      } catch (error) {
        if (isBusy(error) && performance.now() < first.until) {
          this.#timer = setTimeout(() => this.#retry(), PAUSE);
          return;
        }
        first.fail(error);
      }
      this.#waiting.shift();
    }
  }

  /** What is thrown instead of an error of SQLite. */
  #named(action: string, error: unknown): unknown {
    if (error instanceof HostError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    const told = isBusy(error) ? `${reason}: another process holds its lock` : reason;
    return new StorageError(`Cannot ${action} (${this.#path}): ${told}`, { cause: error });
  }
}

function isBusy(error: unknown): boolean {
  return /database (table )?is locked/.test(String(error));
}
