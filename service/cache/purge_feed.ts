import type { Eventually } from "../util/eventually.ts";

/** A purge: of the objects that have a surrogate key, or of all. */
export interface Purge {
  /** Undefined for every object. */
  readonly surrogateKey: string | undefined;
  /** Whether the objects become stale instead of being removed. */
  readonly soft: boolean;
}

/** A purge with its place in the order of all purges. */
export interface NumberedPurge extends Purge {
  /** One more than the number of the purge before. */
  readonly number: number;
}

/**
 * Purges of several caches in one order, for hosts or processes that serve the same objects, each from a memory of its
 * own. A cache asks for the purges that it has missed before it uses an object, unless it has asked within the lease.
 *
 * After a purge is answered no cache of the feed finds what it named. The feed waits until all have done it, or for as
 * long as the lease of one that does not answer: a cache whose lease has ended asks first.
 */
export interface PurgeFeed {
  /** Number of the last purge before the cache began: what the cache begins with is of after it. */
  readonly begin: number;
  /** How long an answer of {@linkcode PurgeFeed.since} holds, from when it was asked for, in milliseconds. */
  readonly lease: number;
  /**
   * Numbers a purge and hands it to all caches, also to the one that publishes it.
   *
   * @returns When no cache uses what it names any more.
   * @throws {unknown} Or rejects: the guest's call fails.
   */
  publish(purge: Purge): Eventually<void>;
  /**
   * Gives the purges after a number, in order; undefined if not all of them are known any more: the cache then drops all
   * objects, and goes on from `last`.
   *
   * @throws {unknown} Or rejects: the cache drops all objects, as it may have missed purges.
   */
  since(number: number): Eventually<PurgesSince>;
  /**
   * Has a function called with each purge as it comes. Some may be left out: the cache sees that by their numbers.
   *
   * @param follow Resolves when the purge is done.
   */
  follow(follow: (purge: NumberedPurge) => Eventually<void>): void;
}

/** Answer of {@linkcode PurgeFeed.since}. */
export interface PurgesSince {
  /** Number of the last purge of all. */
  readonly last: number;
  /** In order; undefined if not all of them are known any more. */
  readonly purges: readonly NumberedPurge[] | undefined;
}
