import type { DatabaseSync } from "node:sqlite";
import type { Eventually } from "../service/http/bytes.ts";
import { FramelessError, HostError } from "../service/errors.ts";

/** Time that an operation waits for another process's lock, in milliseconds. */
const PATIENCE = 5_000;
/** Milliseconds between two attempts. */
const PAUSE = 10;

/** Failure of the file. One line names the file and the action; it needs no stack to be understood. */
class StorageError extends FramelessError {
  override readonly name = "StorageError";
}

/** Operation that waits for another process's lock. */
interface Waiting {
  readonly attempt: () => void;
  readonly fail: (error: unknown) => void;
  readonly until: number;
}

/**
 * An open file of SQLite. While another process holds its lock, operations are tried again by a timer, so that the event
 * loop goes on.
 */
export class SqliteFile {
  readonly database: DatabaseSync;
  readonly #path: string;
  readonly #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param database Without a busy timeout of its own, which would block the process. */
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
   * Runs now, or when another process has released the lock. Operations that wait keep their order.
   *
   * @param action What is done, in words that follow "Cannot".
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

  /** The error that is thrown in place of SQLite's. */
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
