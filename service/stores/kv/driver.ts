import type { Eventually, Payload } from "../../http/bytes.ts";

/** A value in pieces, in order, so that a large one is never copied into one array. The bytes are not changed. */
export type Pieces = readonly Uint8Array[];

/** Record of one key. */
export interface KvRecord {
  /** Value, at most 100 MiB. */
  readonly value: Pieces;
  /** Metadata; empty if there is none. */
  readonly metadata: string;
  /** Generation, greater than that of every earlier record of the key. */
  readonly generation: bigint;
  /** Time of expiry, in milliseconds since 1970; undefined for none. The driver keeps the record until it is deleted. */
  readonly expires: number | undefined;
}

/**
 * Record that a driver reads. A large value is a source, so that it is never in memory as a whole. The pieces belong to
 * one value, or a read fails, even if the record is changed meanwhile. A caller that does not read to the end cancels.
 */
export type KvFound = Omit<KvRecord, "value"> & { readonly value: Payload };

/** Key in a list, with the expiry of its record. */
export type KvListed = Pick<KvRecord, "expires"> & { readonly key: string };

/** Condition of a write: the record has this generation, there is no record, or none. */
export type KvExpected = bigint | "none" | "any";

/**
 * Storage for the records of one KV store. Rules that guests see (valid keys, generations, modes of insert, expiry,
 * cursors) are applied above it, by {@linkcode KvStore}. Keys are well-formed text.
 */
export interface KvDriver {
  /**
   * Reads a record.
   *
   * @returns The record, expired or not; undefined if there is none.
   */
  get(key: string): Eventually<KvFound | undefined>;
  /**
   * Writes a record if the condition holds, in one step. A record never replaces one of the same or a later generation,
   * whatever the condition, since another process may have written meanwhile.
   *
   * @returns Whether it was written.
   */
  set(key: string, record: KvRecord, expected: KvExpected): Eventually<boolean>;
  /**
   * Deletes the record of a generation, in one step.
   *
   * @returns Whether it was there.
   */
  delete(key: string, generation: bigint): Eventually<boolean>;
  /**
   * Lists keys that begin with `prefix` and come after `after`, expired or not, in the order of their UTF-8 bytes.
   *
   * @returns The first `limit` keys; fewer only if no more follow.
   */
  list(prefix: string, after: string | undefined, limit: number): Eventually<readonly KvListed[]>;
  /**
   * Deletes records that had expired by `until` and were written by then. Called about once a minute. Without this
   * method an expired record is deleted when its key is used.
   *
   * @param until In milliseconds since 1970. A record's generation is the time at which it was written, in microseconds.
   * @param max Maximum number of records to delete.
   * @returns Number of records that were deleted; fewer than `max` if no more are left.
   */
  sweep?(until: number, max: number): Eventually<number>;
}
