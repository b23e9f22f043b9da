import { machineClock } from "../../util/clock.ts";

/** Number of records that are always allowed, whatever the limit on bytes. */
const MIN_RECORDS = 1000;
/**
 * Bytes of the limit for each further record. It bounds the number of records, since each takes some hundred bytes of
 * memory that are not counted.
 */
const BYTES_OF_RECORD = 256;
/** Number of expired records that are removed at a time. */
const BATCH = 100;

/** Returns the maximum number of records within a limit in bytes. */
export function mostRecords(max: number): number {
  return Math.max(MIN_RECORDS, Math.floor(max / BYTES_OF_RECORD));
}

/**
 * Memory that the KV stores of a service share, in bytes of keys, metadata and values. Expired records are removed when
 * their memory is needed.
 */
export class KvRoom {
  /** Limit in bytes. */
  readonly max: number;
  readonly #maxRecords: number;
  readonly #now: () => number;
  readonly #sweepers: ((until: number, max: number) => number)[] = [];
  #bytes = 0;
  #records = 0;

  /**
   * Makes a room without records.
   *
   * @param max Limit in bytes; by default there is none.
   * @param now Returns the time in milliseconds since 1970.
   */
  constructor(max = Infinity, now: () => number = machineClock.now) {
    this.max = max;
    this.#maxRecords = mostRecords(max);
    this.#now = now;
  }

  /** Bytes in use, including expired records that have not been removed yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a driver that stores its records in this room.
   *
   * @param sweep Removes at most `max` records of the driver that are due by `until`; returns their number.
   */
  share(sweep: (until: number, max: number) => number): void {
    this.#sweepers.push(sweep);
  }

  /** Adds to the bytes and records in use; negative numbers subtract. */
  count(bytes: number, records: number): void {
    this.#bytes += bytes;
    this.#records += records;
  }

  /**
   * Whether a record fits, if need be after expired ones were removed.
   *
   * @param bytes Size of the record.
   * @param replaced Returns the size of the record that it replaces, undefined if there is none; called again after
   *   records were removed.
   */
  fits(bytes: number, replaced: () => number | undefined): boolean {
    const fits = () => {
      const old = replaced();
      return this.#bytes + bytes - (old ?? 0) <= this.max &&
        this.#records + (old === undefined ? 1 : 0) <= this.#maxRecords;
    };
    if (fits()) return true;
    const now = this.#now();
    for (const sweep of this.#sweepers) while (sweep(now, BATCH)) if (fits()) return true;
    return false;
  }
}
