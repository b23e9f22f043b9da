import type { Eventually } from "../util/eventually.ts";

/** Number of a content in a driver. It is never given again, not even after a restart. */
export type ContentId = number;

/** A cached object as a driver stores it, without its content. */
export interface CacheRecord {
  /** Identifies the object: a driver has at most one object at a place. Well-formed text without NUL. */
  readonly place: string;
  /** Key, lifetime and metadata of the object, encoded by the cache. Well-formed text without NUL. */
  readonly head: string;
  /** Keys by which {@linkcode CacheDriver.purge} finds the object. */
  readonly surrogateKeys: ReadonlySet<string>;
  /** Bytes of the content. */
  readonly length: number;
  /** How often the object was found. */
  readonly hits: number;
  /** Whether a soft purge has made the object stale. */
  readonly purged: boolean;
}

/** An object as a driver gives it back at the next start. */
export interface CacheKept extends Omit<CacheRecord, "place" | "surrogateKeys"> {
  /** Number of the object's content. */
  readonly content: ContentId;
  /** Order of the last uses: the greater, the later. A {@linkcode CacheDriver.put} counts as a use. */
  readonly used: number;
}

/**
 * Storage that keeps the objects of a cache from one start to the next. Freshness, variants, request collapsing and the
 * bound on bytes are the cache's: it reads every record when it starts, reads a content when it is first asked for, and
 * stores an object once its content is complete.
 *
 * A content is a list of pieces, numbered from 0. It exists until it is freed, whether an object has it or not; contents
 * without an object are of no use after the process has ended.
 *
 * Every call may answer later; a value that is given at once costs no turn of the event loop. Calls that write are made
 * one after another: the next begins when the one before has answered or failed. `read` and `has` may come at any time.
 * When a call has answered, its effect must be where the driver promises it to be. `limits.driver_time` bounds how long
 * an answer is awaited; a write whose answer was late still counts, and the next write waits for it.
 *
 * What a driver throws, or rejects with, is logged once until a call succeeds again, and the cache goes on without the
 * driver: an object is in memory only, an object whose content cannot be read is a miss. Only a purge fails the guest's
 * call.
 */
export interface CacheDriver {
  /** Gives every object, in the order in which they were put. */
  load(): Eventually<readonly CacheKept[]>;
  /**
   * Appends pieces to a content.
   *
   * @param content Without a number the pieces begin a new content.
   * @returns The number of the content.
   */
  append(
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
  ): Eventually<ContentId>;
  /**
   * Puts an object at its place, in one step with the last pieces of its content. The object that was at the place, and
   * the one that had the content, are not found any more. The content of the former stays.
   *
   * @param content As for {@linkcode CacheDriver.append}.
   * @returns The number of the content; undefined, with nothing done, if the content has been freed.
   */
  put(
    record: CacheRecord,
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
  ): Eventually<ContentId | undefined>;
  /** Whether a content exists: another process may have freed it. */
  has(content: ContentId): Eventually<boolean>;
  /** Gives a piece of a content; undefined if the content has been freed. */
  read(content: ContentId, piece: number): Eventually<Uint8Array | undefined>;
  /** Takes the object with this content from its place; the content stays. */
  hide(content: ContentId): Eventually<void>;
  /** Deletes contents and the objects that have them. Some may have been deleted before. */
  free(contents: readonly ContentId[]): Eventually<void>;
  /** Hides every object that has a surrogate key, or, if `soft`, marks it as {@linkcode CacheRecord.purged}. */
  purge(surrogateKey: string, soft: boolean): Eventually<void>;
  /** Stores the hits of the objects with these contents, used in this order. Some may have been deleted. */
  use(hits: ReadonlyMap<ContentId, number>): Eventually<void>;
}
