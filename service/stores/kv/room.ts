import { machineClock } from "../../util/clock.ts";

/** Least number of records that there is room for, whatever the bound on bytes. */
const MIN_RECORDS = 1000;
/** Beyond that, one record is allowed for so many bytes: each takes some hundred bytes of memory that are not counted. */
const BYTES_OF_RECORD = 256;
/** How many expired records are removed in one go to make room. */
const BATCH = 100;

/**
 * Bytes that the KV stores of a service may take in memory together: keys, metadata and values. What has expired does
 * not count: it is removed when its room is needed.
 */
export class KvRoom {
  /** In bytes. */
  readonly most: number;
  readonly #mostRecords: number;
  readonly #now: () => number;
  readonly #sweepers: ((until: number, most: number) => number)[] = [];
  #bytes = 0;
  #records = 0;

  /**
   * Makes a room without records.
   *
   * @param most Most bytes; by default there is no limit.
   * @param now Returns the time in milliseconds since 1970.
   */
  constructor(most = Infinity, now: () => number = machineClock.now) {
    this.most = most;
    this.#mostRecords = Math.max(MIN_RECORDS, Math.floor(most / BYTES_OF_RECORD));
    this.#now = now;
  }

  /** Bytes that are taken, by expired records too that have not been removed yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a driver that takes its space from this room.
   *
   * @param sweep Removes the records of a driver that are due, up to a number of them; returns how many.
   */
  share(sweep: (until: number, most: number) => number): void {
    this.#sweepers.push(sweep);
  }

  /** Changes what is taken. */
  count(bytes: number, records: number): void {
    this.#bytes += bytes;
    this.#records += records;
  }

  /**
   * Whether a record fits, once expired ones are removed.
   *
   * @param replaced Bytes of the record in whose place it goes, undefined if there is none; asked again when records
   *   were removed.
   */
  fits(bytes: number, replaced: () => number | undefined): boolean {
    const fits = () => {
      const old = replaced();
      return this.#bytes + bytes - (old ?? 0) <= this.most &&
        this.#records + (old === undefined ? 1 : 0) <= this.#mostRecords;
    };
    if (fits()) return true;
    const now = this.#now();
    for (const sweep of this.#sweepers) while (sweep(now, BATCH)) if (fits()) return true;
    return false;
  }
}
