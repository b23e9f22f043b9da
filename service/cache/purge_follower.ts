import type { Clock } from "../util/clock.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import type { NumberedPurge, Purge, PurgeFeed, PurgesSince } from "./purge_feed.ts";

/** Fraction of the lease after which a lookup renews it in the background, so that later lookups need not wait. */
const RENEW = 0.5;

/** Purge of all objects. */
const ALL: Purge = { surrogateKey: undefined, soft: false };

/** Applies the purges of a {@linkcode PurgeFeed} to a cache. */
export class PurgeFollower {
  readonly #feed: PurgeFeed;
  readonly #apply: (purge: Purge, number?: number) => Eventually<unknown>;
  readonly #elapsed: Clock["elapsed"];
  /** Number of the last purge that was applied. */
  #done: number;
  /** End of the lease, in milliseconds on the clock: until then objects may be used without asking. */
  #until = -Infinity;
  #renewAt = -Infinity;
  #catchingUp: Promise<void> | undefined;
  /** Number of gaps in the purges' numbers. An answer to a call that was made before a gap gives no lease. */
  #gaps = 0;

  /** @param apply Applies a purge to the cache; its objects must be gone from memory when the call returns. */
  constructor(
    feed: PurgeFeed,
    apply: (purge: Purge, number?: number) => Eventually<unknown>,
    elapsed: Clock["elapsed"],
  ) {
    this.#feed = feed;
    this.#apply = apply;
    this.#elapsed = elapsed;
    this.#done = feed.begin;
    feed.follow((purge) => this.#take(purge));
  }

  /** Number of the last purge that was applied. */
  get done(): number {
    return this.#done;
  }

  /** Whether objects may be used now: all answered purges were applied. Renews the lease before its end. */
  get current(): boolean {
    const now = this.#elapsed();
    if (now >= this.#until) return false;
    if (now >= this.#renewAt) this.catchUp();
    return true;
  }

  /** Applies the purges that were missed; if they are not known, drops all objects. Never rejects. */
  catchUp(): Promise<void> {
    return this.#catchingUp ??= this.#ask().finally(() => this.#catchingUp = undefined);
  }

  /** Publishes a purge that was applied to this cache; resolves when no cache uses the objects that it names. */
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
        if (purge.number > this.#done) this.#attempt(purge, purge.number);
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
      // Earlier purges are missing: no object is used until they are known.
      this.#gaps++;
      this.#until = -Infinity;
      return Promise.resolve(this.#catchingUp).then(() => this.catchUp());
    }
    this.#done = purge.number;
    return chain(this.#apply(purge, purge.number), () => {});
  }

  /** Applies a purge; a failure of the driver, which is logged, is ignored. */
  #attempt(purge: Purge, number?: number): void {
    try {
      const done = this.#apply(purge, number);
      if (done instanceof Promise) done.catch(() => {});
    } catch {
      // Logged.
    }
  }
}
