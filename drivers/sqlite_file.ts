import type { DatabaseSync } from "node:sqlite";
import type { Eventually } from "../service/http/bytes.ts";
import { FramelessError, HostError, messageOf } from "../service/errors.ts";

/** Longest time that an operation waits for the lock of another process, in milliseconds. */
const PATIENCE = 5_000;
/** Milliseconds between two attempts. */
const PAUSE = 10;

/** Error of the file. The message names the file and the action in one line, and is reported without a stack. */
class StorageError extends FramelessError {
  override readonly name = "StorageError";
}

/** Operation that waits for the lock of another process. */
interface Waiting {
  readonly attempt: () => void;
  readonly fail: (error: unknown) => void;
  readonly until: number;
}

/**
 * Open SQLite file. While another process holds its lock, operations are tried again by a timer, so that the event loop
 * is not blocked.
 */
export class SqliteFile {
  readonly database: DatabaseSync;
  readonly #path: string;
  readonly #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param database Database without a busy timeout, which would block the event loop. */
  constructor(database: DatabaseSync, path: string) {
    this.database = database;
    this.#path = path;
  }

  /** Runs a function in a transaction, which takes the write lock first. */
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
   * Runs an operation now, or when another process has released the lock. Waiting operations keep their order.
   *
   * @param action Description of the operation, in words that follow "Cannot".
   * @throws {StorageError} If the operation fails, as when the disk is full or the lock is not free within 5 s. A promise
   *   rejects with it.
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

  /** Closes the file. Operations that still wait for a lock fail. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { fail } of this.#waiting.splice(0)) fail(new Error("the file was closed"));
    this.database.close();
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

  /** Returns the error to throw in place of SQLite's. */
  #named(action: string, error: unknown): unknown {
    if (error instanceof HostError) return error;
    const reason = messageOf(error);
    const told = isBusy(error) ? `${reason}: another process holds its lock` : reason;
    return new StorageError(`Cannot ${action} (${this.#path}): ${told}`, { cause: error });
  }
}

function isBusy(error: unknown): boolean {
  return /database (table )?is locked/.test(String(error));
}
