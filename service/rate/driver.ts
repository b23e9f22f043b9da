import type { Eventually } from "../util/eventually.ts";

/** The increments of one second. */
export interface RateBucket {
  /** Since 1970. */
  readonly second: number;
  /** The sum of the increments. */
  count: number;
}

/** One entry of a rate counter or penalty box. */
export interface RateRecord {
  /** Counts by second, the oldest first. Empty in a penalty box. */
  readonly buckets: RateBucket[];
  /** Time from which the record means nothing any more, in milliseconds since 1970. */
  expires: number;
}

/** Kind of records that a driver holds: the counts of all rate counters, or the times of all penalty boxes. */
export type RateKind = "counters" | "boxes";

/**
 * Storage for the records of one kind. Windows, limits and the range of times are checked above it, by
 * {@linkcode RateCounters} and {@linkcode PenaltyBoxes}. Keys are well-formed text of at most 256 UTF-16 units, in which
 * there may be a NUL.
 *
 * A driver forgets by itself: expired records at some time, and the least recently used ones where there are too many, so
 * that a flood of new entries cannot use up the host's memory.
 *
 * Both calls may answer later. `limits.driver_time` bounds how long a guest waits; an answer after that goes unheard.
 */
export interface RateDriver {
  /**
   * Reads a record.
   *
   * @returns The record, expired or not, which the caller does not change; undefined if there is none.
   * @throws {unknown} Or rejects: the guest's call fails with `internal error`, and the log has what was thrown.
   */
  get(key: string): Eventually<RateRecord | undefined>;
  /**
   * Changes a record in one step: no other read or write of the record happens in between.
   *
   * @param change Changes the record that it is given; one without buckets that expires at 0 if there is none yet. A
   * driver that has to try again, as after a lost race, calls it again with the record as it is then.
   * @param now Time in milliseconds since 1970: what has expired by then may be forgotten.
   * @returns When the change is stored where the driver promises it to be.
   * @throws {unknown} Or rejects, as {@linkcode RateDriver.get} does.
   */
  update(key: string, now: number, change: (record: RateRecord) => void): Eventually<void>;
}
