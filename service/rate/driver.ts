/** What was counted in one second. */
export interface RateBucket {
  /** Since 1970. */
  readonly second: number;
  /** The sum of the increments. */
  count: number;
}

/** What is known of one entry of a rate counter or penalty box. */
export interface RateRecord {
  /** What was counted, the oldest first. Empty in a penalty box. */
  readonly buckets: RateBucket[];
  /** From when on the record says nothing any more, in milliseconds since 1970. */
  expires: number;
}

/** What a driver holds: the counts of all rate counters, or the times of all penalty boxes. */
export type RateKind = "counters" | "boxes";

/**
 * What holds the records of one kind. What they mean (windows, limits, which times are good) is {@linkcode RateCounters}'
 * and {@linkcode PenaltyBoxes}'. Keys are well-formed text of at most 256 UTF-16 units, in which there may be a NUL.
 *
 * A driver forgets by itself: what has expired, some time or other, and, where there are too many records, those that
 * were used longest ago. So a flood of new entries makes the host forget the quiet ones and not run out of memory.
 */
export interface RateDriver {
  /** The record, expired or not, which is not to be changed; undefined if there is none. */
  get(key: string): RateRecord | undefined;
  /**
   * Changes a record, in one step: nobody else reads or writes it meanwhile.
   *
   * @param change Is given the record, or one without buckets that expires at 0, and changes it.
   * @param now The time in milliseconds since 1970: what has expired by then may be forgotten.
   */
  update(key: string, now: number, change: (record: RateRecord) => void): void;
}
