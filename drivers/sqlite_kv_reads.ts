import type { StatementSync } from "node:sqlite";
import type { ByteSource, Eventually } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";
import type { SqliteFile } from "./sqlite_file.ts";

const encoder = new TextEncoder();

/** Beginning of a value, and the size of its other pieces in bytes. */
interface Stored {
  /** Id of the record. */
  readonly id: bigint;
  readonly first: Uint8Array;
  readonly rest: bigint;
}

/** Values that this process is reading. A value that is replaced or deleted is kept until it has been read. */
export class KvReads {
  /** Number of readers by the id of the record. */
  readonly #readers = new Map<bigint, number>();
  readonly #aside = new Set<bigint>();
  readonly #file: SqliteFile;
  readonly #selectPiece: StatementSync;
  readonly #set: StatementSync;
  readonly #remove: StatementSync;

  constructor(file: SqliteFile) {
    this.#file = file;
    const { database } = file;
    this.#selectPiece = database.prepare(
      "SELECT bytes FROM kv_piece WHERE record = ? AND place = ?",
    );
    this.#set = database.prepare("UPDATE kv SET key = ? WHERE id = ?");
    this.#remove = database.prepare("DELETE FROM kv WHERE id = ? AND key >= x'ff'");
  }

  /** Moves a record that is being read away from its key. Returns false if it is not being read, and can be deleted. */
  setAside(id: bigint): boolean {
    if (!this.#readers.has(id)) return false;
    this.#set.run(Uint8Array.of(0xff, ...encoder.encode(`${id}`)), id);
    this.#aside.add(id);
    return true;
  }

  /**
   * Returns a source of a value, which reads its pieces one by one.
   *
   * @param action Description of the reading, for messages.
   */
  read(action: string, key: string, { id, first, rest }: Stored): ByteSource {
    this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
    let place = -1;
    let left = first.length + Number(rest);
    const end = () => {
      if (left < 0) return;
      left = -1;
      this.#leave(id);
    };
    const take = (piece: Uint8Array | undefined): Uint8Array => {
      if (!piece) {
        end();
        refuse("http-incomplete", `Cannot read on: the value of "${key}" is not there any more`);
      }
      left -= piece.length;
      if (left <= 0) end();
      return piece;
    };
    return {
      get length() {
        return Math.max(0, left);
      },
      trailers: undefined,
      read: () => {
        if (left < 0) return undefined;
        const piece = ++place ? this.#piece(action, id, place - 1) : first;
        return piece instanceof Promise ? piece.then(take) : take(piece);
      },
      cancel: end,
    };
  }

  #piece(action: string, id: bigint, place: number): Eventually<Uint8Array | undefined> {
    return this.#file.eventually(
      action,
      () => (this.#selectPiece.get(id, place) as { bytes: Uint8Array } | undefined)?.bytes,
    );
  }

  #leave(id: bigint): void {
    const others = this.#readers.get(id)! - 1;
    if (others) return void this.#readers.set(id, others);
    this.#readers.delete(id);
    if (this.#aside.delete(id) && this.#file.database.isOpen) void this.#tidy(id);
  }

  async #tidy(id: bigint): Promise<void> {
    try {
      await this.#file.eventually("delete a value", () => this.#remove.run(id));
    } catch {
      // The next process that has the file for itself deletes it.
    }
  }
}
