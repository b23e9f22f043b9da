import type { Eventually, Payload } from "../../http/bytes.ts";

/** A value in pieces, in order: a big one is never joined. Nobody changes the bytes. */
export type Pieces = readonly Uint8Array[];

/** What a store keeps under one key. */
export interface KvRecord {
  /** Its bytes, at most 100 MiB. */
  readonly value: Pieces;
  /** Empty for none. */
  readonly metadata: string;
  /** Greater than that of every record that the key has had before. */
  readonly generation: bigint;
  /** When the record stops to be there, in milliseconds since 1970. It is still a driver's to keep until it is deleted. */
  readonly expires: number | undefined;
}

/**
 * A record as it is found. A big value is a source, so that it is never in memory whole: each read gives a piece.
 * Whatever becomes of the record meanwhile, the pieces are those of one value, or a read fails. Who does not read to the
 * end cancels.
 */
export type KvFound = Omit<KvRecord, "value"> & { readonly value: Payload };

/** A key in a list. */
export type KvListed = Pick<KvRecord, "expires"> & { readonly key: string };

/** What must be under a key for it to be written: a record of this generation, none at all, or anything. */
export type KvExpected = bigint | "none" | "any";

/**
 * What holds the records of one KV store. All that guests see of it (which keys are good, generations, modes of insert,
 * expiry, cursors) is {@linkcode KvStore}'s. Keys are well-formed text.
 */
export interface KvDriver {
  /** The record, expired or not; undefined when there is none. */
  get(key: string): Eventually<KvFound | undefined>;
  /**
   * Writes the record if what is there is as expected, in one step; answers whether it has. A record is never written
   * over one of its own generation or a later one, whatever is expected: another process may have been ahead.
   */
  set(key: string, record: KvRecord, expected: KvExpected): Eventually<boolean>;
  /** Deletes the record of this generation, in one step; answers whether it was there. */
  delete(key: string, generation: bigint): Eventually<boolean>;
  /**
   * The first keys that begin with `prefix` and come after `after`, in the order of their UTF-8 bytes, whether they have
   * expired or not: `limit` of them, fewer only at the end.
   */
  list(prefix: string, after: string | undefined, limit: number): Eventually<readonly KvListed[]>;
  /**
   * Deletes records that had expired by `until` and were written by then, at most `most` of them. It is called every
   * minute or so. A driver without it keeps what has expired until somebody asks for that.
   *
   * @param until In milliseconds since 1970; a record's generation is the time of its writing in microseconds.
   * @returns How many were deleted: fewer than `most` if no more are left.
   */
  sweep?(until: number, most: number): Eventually<number>;
}
