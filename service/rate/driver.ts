import type { Eventually } from "../util/eventually.ts";

/** Increments of one second. */
export interface RateBucket {
  /** Time in seconds since 1970. */
  readonly second: number;
  /** Sum of the increments. */
  count: number;
}

/** One entry of a rate counter or penalty box. */
export interface RateRecord {
  /** Counts by second, the oldest first. Empty in a penalty box. */
  readonly buckets: RateBucket[];
  /** Time of expiry, in milliseconds since 1970. */
  expires: number;
}

/** Kind of records that a driver holds: the counts of all rate counters, or the times of all penalty boxes. */
export type RateKind = "counters" | "boxes";

/**
 * Storage for the records of one kind. Windows, limits and the range of times are checked above it, by
 * {@linkcode RateCounters} and {@linkcode PenaltyBoxes}. Keys are well-formed text of at most 256 UTF-16 units, which may
 * contain a NUL.
 *
 * A driver removes records by itself: expired ones at some time, and the least recently used ones beyond a limit of its
 * own, so that a flood of new entries cannot exhaust memory.
 *
 * Both calls may return a promise. A guest waits for at most `limits.driver_time`; a later answer is ignored.
 */
export interface RateDriver {
  /**
   * Reads a record.
   *
   * @returns The record, expired or not, which the caller does not change; undefined if there is none.
   * @throws {unknown} (or rejects) The guest's call fails with `internal error`, and the error is logged.
   */
  get(key: string): Eventually<RateRecord | undefined>;
  /**
   * Changes a record in one step: no other read or write of the record happens in between.
   *
   * @param now Time in milliseconds since 1970; records that have expired by then may be removed.
   * @param change Changes the record that it gets: a new one without buckets that expires at 0 if there is none yet. A
   * driver that retries after a lost race calls it again, with the record as it is then.
   * @returns Resolves when the change is stored as durably as the driver promises.
   * @throws {unknown} (or rejects) As {@linkcode RateDriver.get}.
   */
  update(key: string, now: number, change: (record: RateRecord) => void): Eventually<void>;
  /** Steps that the driver makes itself, as one over a network does in one round trip. By default none. */
  readonly steps?: RateSteps;
}

/** Steps that a driver may make itself, each in place of an {@linkcode RateDriver.update}. */
export interface RateSteps {
  /**
   * Adds to the count of an entry.
   *
   * @returns Sum over the window, this increment included.
   */
  add(key: string, now: number, increment: RateIncrement): Eventually<number>;
  /** Changes the time of expiry. */
  expire(key: string, now: number, expires: number): Eventually<void>;
  /**
   * Adds to the count of an entry that is not in a box; if its sum is then above `max`, puts it into the box until
   * `expires`.
   *
   * @returns Whether the entry was in the box, or is now.
   */
  check(
    keys: { readonly counter: string; readonly box: string },
    now: number,
    increment: RateIncrement & { readonly max: number; readonly expires: number },
  ): Eventually<boolean>;
  /** Driver of the boxes that {@linkcode RateSteps.check} uses. */
  readonly boxes: RateDriver;
}

/** Increment of a count, with the window in seconds over which the count is summed. */
export interface RateIncrement {
  /** Amount that is added. */
  readonly delta: number;
  /** Seconds, the current one and those before it. */
  readonly window: number;
}
