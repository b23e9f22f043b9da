/** The number of a content in a driver; never that of another one, also after the next start. */
export type ContentId = number;

/** What an object is found by, and what was said of it. */
export interface CacheRecord {
  /** Where the object is: there is one at a place. Well-formed text without NUL. */
  readonly place: string;
  /** All that the cache has to know of it, for the cache to read. Well-formed text without NUL. */
  readonly head: string;
  /** What {@linkcode CacheDriver.purge} finds it by. */
  readonly surrogateKeys: ReadonlySet<string>;
  /** Bytes of the content. */
  readonly length: number;
  /** How often it was found. */
  readonly hits: number;
  /** Whether a soft purge has made it stale. */
  readonly purged: boolean;
}

/** An object that is kept. */
export interface CacheKept extends Omit<CacheRecord, "place" | "surrogateKeys"> {
  /** The number of its content. */
  readonly content: ContentId;
  /** Grows from use to use; the last {@linkcode CacheDriver.put} is a use, too. */
  readonly used: number;
}

/**
 * What keeps the objects of a cache from one start to the next. All that guests see of them (freshness, variants, who
 * gets what is missing, the bound) is the cache's, which reads every record when it starts, and a content when it is
 * first asked for. It keeps an object once its content is complete.
 *
 * A content is a list of pieces, with numbers from 0 on. It is there until it is freed, whether an object has it or not;
 * contents that no object has are of no use after the process has ended.
 *
 * Every call answers at once. When it has returned, what it did must be where the driver promises it to be.
 */
export interface CacheDriver {
  /** Every object, in the order in which they were put. */
  load(): readonly CacheKept[];
  /** Keeps pieces behind those that the content has; without a number, they begin a content. */
  append(content: ContentId | undefined, pieces: readonly Uint8Array[]): ContentId;
  /**
   * Puts an object at its place, in one step with the last pieces of its content: the object that was there, and the one
   * that had the content, are found no more. The content of the former stays.
   *
   * @param content As {@linkcode CacheDriver.append} takes it.
   * @returns The number of the content; undefined if the content is not there any more, and then nothing was done.
   */
  put(
    record: CacheRecord,
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
  ): ContentId | undefined;
  /** Whether a content is still there: another process may have freed it. */
  has(content: ContentId): boolean;
  /** A piece of a content; undefined if it is not there any more. */
  read(content: ContentId, piece: number): Uint8Array | undefined;
  /** Has the object with this content be found no more; the content stays. */
  hide(content: ContentId): void;
  /** Takes contents away, with the objects that have them. Some may be gone. */
  free(contents: readonly ContentId[]): void;
  /** Hides every object that has a surrogate key, or marks it as {@linkcode CacheRecord.purged}. */
  purge(surrogateKey: string, soft: boolean): void;
  /** Notes the hits of the objects with these contents, and that they were used in this order. Some may be gone. */
  use(hits: ReadonlyMap<ContentId, number>): void;
}
