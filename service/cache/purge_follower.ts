import type { Clock } from "../util/clock.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import type { NumberedPurge, Purge, PurgeFeed, PurgesSince } from "./purge_feed.ts";

/** Part of the lease after which it is renewed while the cache is used, so that lookups need not wait for it. */
const RENEW = 0.5;

/** Purge of everything. */
const ALL: Purge = { surrogateKey: undefined, soft: false };

/** Keeps a cache in step with the purges of a {@linkcode PurgeFeed}. */
export class PurgeFollower {
  readonly #feed: PurgeFeed;
  readonly #apply: (purge: Purge) => Eventually<unknown>;
  readonly #elapsed: Clock["elapsed"];
  /** Number of the last purge that the cache has done. */
  #done: number;
  /** Until when objects may be used without asking, by the clock. */
  #until = -Infinity;
  #renewAt = -Infinity;
  #catchingUp: Promise<void> | undefined;
  /** Counts purges that came out of order, after which an answer that was asked for before holds no longer. */
  #gaps = 0;

  /** @param apply Does a purge in this cache: what it names must be gone from memory when the call returns. */
  constructor(
    feed: PurgeFeed,
    apply: (purge: Purge) => Eventually<unknown>,
    elapsed: Clock["elapsed"],
  ) {
    this.#feed = feed;
    this.#apply = apply;
    this.#elapsed = elapsed;
    this.#done = feed.begin;
    feed.follow((purge) => this.#take(purge));
  }

  /** Whether objects may be used now: all purges that have been answered are done. Renews the lease ahead of its end. */
  get current(): boolean {
    const now = this.#elapsed();
    if (now >= this.#until) return false;
    if (now >= this.#renewAt) this.catchUp();
    return true;
  }

  /** Does the purges that were missed. Never rejects: where they cannot be known, all objects are dropped. */
  catchUp(): Promise<void> {
    return this.#catchingUp ??= this.#ask().finally(() => this.#catchingUp = undefined);
  }

  /** Hands a purge that this cache has done to the others; resolves when none of them uses what it names. */
  publish(purge: Purge): Eventually<void> {
    return this.#feed.publish(purge);
  }

  async #ask(): Promise<void> {
    const asked = this.#elapsed();
    const gaps = this.#gaps;
    let since: PurgesSince | undefined;
    try {
      since = await this.#feed.since(this.#done);
    } catch {
      this.#attempt(ALL);
    }
    if (since) {
      for (const purge of since.purges ?? [{ ...ALL, number: since.last }]) {
        if (purge.number > this.#done) this.#attempt(purge);
      }
      this.#done = Math.max(this.#done, since.last);
    }
    if (gaps !== this.#gaps) return;
    this.#until = asked + this.#feed.lease;
    this.#renewAt = asked + this.#feed.lease * RENEW;
  }

  #take(purge: NumberedPurge): Eventually<void> {
    if (purge.number <= this.#done) return;
    if (purge.number > this.#done + 1) {
      // Purges before it are missing: nothing is used until they are known.
      this.#gaps++;
      this.#until = -Infinity;
      return Promise.resolve(this.#catchingUp).then(() => this.catchUp());
    }
    this.#done = purge.number;
    return chain(this.#apply(purge), () => {});
  }

  /** Does a purge of which a failure of the driver, logged by then, concerns nobody. */
  #attempt(purge: Purge): void {
    try {
      const done = this.#apply(purge);
      if (done instanceof Promise) done.catch(() => {});
    } catch {
      // Logged.
    }
  }
}
