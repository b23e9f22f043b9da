import type { DatabaseSync, StatementSync } from "node:sqlite";
import { HostError } from "../service/errors.ts";
import { mostRecords } from "../service/stores/kv/room.ts";

/** Number of expired records that are deleted at a time. */
const BATCH = 100;

/**
 * Statements that have the file itself count the bytes of KV stores, whichever process writes. Pieces of a value are deleted
 * with their record, which runs their trigger, too.
 */
const COUNTING = `
  CREATE TABLE IF NOT EXISTS kv_room (bytes INTEGER NOT NULL, records INTEGER NOT NULL);
  INSERT INTO kv_room SELECT
    (SELECT coalesce(sum(length(key) + length(metadata) + length(first)), 0) FROM kv) +
      (SELECT coalesce(sum(length(bytes)), 0) FROM kv_piece),
    (SELECT count(*) FROM kv)
    WHERE NOT EXISTS (SELECT 1 FROM kv_room);
  CREATE TRIGGER IF NOT EXISTS kv_added AFTER INSERT ON kv BEGIN
    UPDATE kv_room SET records = records + 1,
      bytes = bytes + length(NEW.key) + length(NEW.metadata) + length(NEW.first);
  END;
  CREATE TRIGGER IF NOT EXISTS kv_deleted AFTER DELETE ON kv BEGIN
    UPDATE kv_room SET records = records - 1,
      bytes = bytes - length(OLD.key) - length(OLD.metadata) - length(OLD.first);
  END;
  CREATE TRIGGER IF NOT EXISTS kv_renamed AFTER UPDATE OF key ON kv BEGIN
    UPDATE kv_room SET bytes = bytes + length(NEW.key) - length(OLD.key);
  END;
  CREATE TRIGGER IF NOT EXISTS kv_piece_added AFTER INSERT ON kv_piece BEGIN
    UPDATE kv_room SET bytes = bytes + length(NEW.bytes);
  END;
  CREATE TRIGGER IF NOT EXISTS kv_piece_deleted AFTER DELETE ON kv_piece BEGIN
    UPDATE kv_room SET bytes = bytes - length(OLD.bytes);
  END;`;

/** Has the file count the bytes of its KV stores, for {@linkcode FileRoom}. To be called in a transaction. */
export function countRoom(database: DatabaseSync): void {
  database.exec(COUNTING);
}

/** Bound on the bytes of all KV stores of a file, for all processes that have the file open. */
export class FileRoom {
  readonly #max: () => number;
  readonly #setAside: (id: bigint) => boolean;
  readonly #used: StatementSync;
  readonly #expired: StatementSync;
  readonly #remove: StatementSync;

  /**
   * @param setAside Keeps a record that is being read; returns whether it is.
   * @param max Returns the maximum number of bytes of keys, metadata and values.
   */
  constructor(database: DatabaseSync, setAside: (id: bigint) => boolean, max: () => number) {
    this.#max = max;
    this.#setAside = setAside;
    this.#used = database.prepare("SELECT bytes, records FROM kv_room");
    this.#expired = database.prepare(
      `SELECT id FROM kv WHERE expires <= ?1 AND generation <= ?1 * 1000 AND id <> ?2
        AND key < x'ff' ORDER BY expires LIMIT ${BATCH}`,
    );
    this.#expired.setReadBigInts(true);
    this.#remove = database.prepare("DELETE FROM kv WHERE id = ?");
  }

  /**
   * Checks the bound after a write, in its transaction, and deletes expired records if need be.
   *
   * @param id The record that was written.
   * @throws {HostError} If the record does not fit: `too-large`.
   */
  check(id: number | bigint, key: string): void {
    while (!this.#holds()) {
      const rows = this.#expired.all(Date.now(), id) as unknown as readonly { id: bigint }[];
      const removed = rows.filter(({ id }) => !this.#setAside(id));
      for (const { id } of removed) this.#remove.run(id);
      if (removed.length) continue;
      const message = `Cannot keep a value under key "${key}": KV stores have no room for it`;
      throw new HostError("too-large", message, { limit: "kv_bytes" });
    }
  }

  #holds(): boolean {
    const max = this.#max();
    const { bytes, records } = this.#used.get() as { bytes: number; records: number };
    return bytes <= max && records <= mostRecords(max);
  }
}
