import type { Eventually } from "../util/eventually.ts";

/** Purge of the objects that have a surrogate key, or of all objects. */
export interface Purge {
  /** Undefined for every object. */
  readonly surrogateKey: string | undefined;
  /** Whether the objects become stale instead of being removed. */
  readonly soft: boolean;
}

/** Purge with its number in the order of all purges. */
export interface NumberedPurge extends Purge {
  /** One more than the number of the previous purge. */
  readonly number: number;
}

/**
 * Purges of several caches in one order, for hosts or processes that serve the same objects, each from its own memory. A
 * cache asks for the purges that it has missed before it uses an object, unless it has asked within the lease.
 *
 * Once a purge is answered, no cache of the feed finds the objects that it names. The feed waits until all caches have
 * applied it, or until the lease of one that does not answer has ended: a cache without a lease asks first.
 */
export interface PurgeFeed {
  /** Number of the last purge before the cache began; the cache's first objects are newer. */
  readonly begin: number;
  /** Time for which an answer of {@linkcode PurgeFeed.since} is valid, from its call on, in milliseconds. */
  readonly lease: number;
  /**
   * Numbers a purge and passes it to all caches, including the one that publishes it.
   *
   * @returns Resolves when no cache uses the objects that it names.
   * @throws {unknown} (or rejects) The guest's call fails.
   */
  publish(purge: Purge): Eventually<void>;
  /**
   * Returns the purges after a number.
   *
   * @throws {unknown} (or rejects) The cache drops all objects, since it may have missed purges.
   */
  since(number: number): Eventually<PurgesSince>;
  /**
   * Registers a function to be called with each new purge. Purges may be left out: the cache notices a gap in the numbers.
   *
   * @param follow Applies a purge; resolves when it was applied.
   */
  follow(follow: (purge: NumberedPurge) => Eventually<void>): void;
}

/** Answer of {@linkcode PurgeFeed.since}. */
export interface PurgesSince {
  /** Number of the last purge of all. */
  readonly last: number;
  /**
   * Purges in order; undefined if some are not known any more, so that the cache drops all objects and goes on from
   * `last`.
   */
  readonly purges: readonly NumberedPurge[] | undefined;
}
