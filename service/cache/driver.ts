import type { Eventually } from "../util/eventually.ts";

/** Number of a content in a driver. It is never used again, not even after a restart. */
export type ContentId = number;

/** A cached object as a driver stores it, without its content. */
export interface CacheRecord {
  /** Identity of the object: a driver has at most one object at a place. Well-formed text without NUL. */
  readonly place: string;
  /** Key, lifetime and metadata of the object, encoded by the cache. Well-formed text without NUL. */
  readonly head: string;
  /** Key of the cache under which the object is. */
  readonly key: string;
  /** Keys by which {@linkcode CacheDriver.purge} finds the object. */
  readonly surrogateKeys: ReadonlySet<string>;
  /** Length of the content in bytes. */
  readonly length: number;
  /** Number of times that the object was found. */
  readonly hits: number;
  /** Whether a soft purge has made the object stale. */
  readonly purged: boolean;
  /** Time for which the object is fresh, in milliseconds; 0 or less for a stale one. */
  readonly freshFor: number;
  /** Time after which the object cannot be used any more, in milliseconds; a driver may delete it then. */
  readonly keepFor: number;
  /** Number of the last purge that the cache knew when the object arrived, if it follows a `PurgeFeed`. */
  readonly number: number | undefined;
}

/** An object as a driver gives it back at the next start. */
export interface CacheKept extends Pick<CacheRecord, "head" | "length" | "hits" | "purged"> {
  /** Number of the object's content. */
  readonly content: ContentId;
  /** Rank of the last use among all objects: greater is later. A {@linkcode CacheDriver.put} counts as a use. */
  readonly used: number;
}

/**
 * Storage that persists the objects of a cache. Freshness, variants, request collapsing and the limit on bytes are applied
 * above it: the cache reads every record when it starts, reads a content when it is first used, and stores an object once
 * its content is complete.
 *
 * A content is a list of pieces, numbered from 0. It exists until it is freed, with or without an object; contents without
 * an object are not used after the process has ended.
 *
 * Every call may return a promise; a value that is returned at once costs no turn of the event loop. Calls that write are
 * made one after another: the next begins when the one before has answered or failed. `read` and `has` may be called at
 * any time. When a call has answered, its effect must be stored as durably as the driver promises. An answer is awaited
 * for at most `limits.driver_time`; a write whose answer is late still counts, and the next write waits for it.
 *
 * An error that a driver throws, or rejects with, is logged once until a call succeeds again, and the cache goes on without
 * the driver: new objects are in memory only, and an object whose content cannot be read is a miss. Only a purge fails the
 * guest's call. An error with `reported: true` is not logged: the driver has logged its failure.
 */
export interface CacheDriver {
  /** Returns every object, in the order in which they were put. */
  load(): Eventually<readonly CacheKept[]>;
  /**
   * Appends pieces to a content.
   *
   * @param content Number of the content; undefined begins a new one.
   * @returns Number of the content.
   */
  append(
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
  ): Eventually<ContentId>;
  /**
   * Stores an object at its place, in one step with the last pieces of its content. It replaces the object at the place,
   * whose content stays, and the object that had the content.
   *
   * @param content As for {@linkcode CacheDriver.append}.
   * @returns Number of the content; undefined, with nothing done, if the content was freed.
   */
  put(
    record: CacheRecord,
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
  ): Eventually<ContentId | undefined>;
  /** Returns whether a content exists, since another process may have freed it. */
  has(content: ContentId): Eventually<boolean>;
  /** Returns a piece of a content; undefined if the content was freed. */
  read(content: ContentId, piece: number): Eventually<Uint8Array | undefined>;
  /** Removes the object with this content from its place; the content stays. */
  hide(content: ContentId): Eventually<void>;
  /** Deletes contents, and the objects that have them. Contents that do not exist are ignored. */
  free(contents: readonly ContentId[]): Eventually<void>;
  /** Hides every object that has a surrogate key; if `soft`, sets {@linkcode CacheRecord.purged} instead. */
  purge(surrogateKey: string, soft: boolean): Eventually<void>;
  /**
   * Stores the hits of the objects with these contents, which were used in this order. Contents that do not exist are
   * ignored.
   */
  use(hits: ReadonlyMap<ContentId, number>): Eventually<void>;
  /**
   * Makes the driver a second level that several caches share, each with its own memory. A cache then begins without
   * objects, looks up objects of a key that it does not have fresh, and frees none, since other caches may use them. It
   * counts hits itself, and a `PurgeFeed` purges the driver. By default the driver belongs to one cache.
   */
  readonly shared?: SharedObjects;
}

/** Objects that several caches share. */
export interface SharedObjects {
  /**
   * Returns the objects under a key of the cache.
   *
   * @param lease Lease to take if the object is missing, which one cache has at a time. By default none is taken.
   */
  find(key: string, lease?: LeaseWanted): Eventually<SharedFound>;
  /**
   * Ends a lease that was `taken`.
   *
   * @param object Whether others may wait for an object of this place. If not, they do not wait for a second: their
   *   lease is `free`.
   */
  release(place: string, token: string, object: boolean): Eventually<void>;
}

/** Lease of one cache on inserting an object, while others wait. It expires after some seconds. */
export interface LeaseWanted {
  /** Place of the object. */
  readonly place: string;
  /** Identity of the lookup. */
  readonly token: string;
  /** Whether it is taken even if there is a fresh object under the key, which is not the right variant. */
  readonly anyway: boolean;
}

/** Answer of {@linkcode SharedObjects.find}. */
export interface SharedFound {
  /** Objects of all variants, stale ones too. */
  readonly objects: readonly CacheKept[];
  /** Number of the last purge that was applied to the objects, for a cache that follows a `PurgeFeed`. */
  readonly number: number;
  /**
   * - `taken`: the caller has the lease: it fetches the object, and releases the lease.
   * - `busy`: another cache has the lease.
   * - `free`: each cache fetches the object itself, since it cannot be shared.
   * - `none`: no lease was requested, or there is an object.
   */
  readonly lease: "taken" | "busy" | "free" | "none";
}
