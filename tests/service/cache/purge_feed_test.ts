/** A cache with purges of other caches. */
import { Cache } from "../../../service/cache/cache.ts";
import type { PendingLookup } from "../../../service/cache/lookup_result.ts";
import type { CachedObject } from "../../../service/cache/object.ts";
import type {
  NumberedPurge,
  Purge,
  PurgeFeed,
  PurgesSince,
} from "../../../service/cache/purge_feed.ts";
import type { Eventually } from "../../../service/util/eventually.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { foundOf, NONE, outcomeOf, resultOf, store, written } from "./_cache.ts";

const LEASE = 400;

/** A feed that a test holds in its hands, with a cache that follows it on a clock of the test's. */
class TestFeed implements PurgeFeed {
  readonly begin = 0;
  readonly lease = LEASE;
  readonly log: NumberedPurge[] = [];
  readonly published: Purge[] = [];
  /** Numbers that the cache has asked from. */
  readonly asked: number[] = [];
  elapsed = 0;
  answer: (number: number) => Eventually<PurgesSince> = (number) => this.known(number);
  #follow: (purge: NumberedPurge) => Eventually<void> = () => {};
  readonly cache = new Cache(1 << 20, Date.now, undefined, {
    purgeFeed: this,
    clock: { elapsed: () => this.elapsed, after: () => () => {} },
  });

  known(number: number): PurgesSince {
    return { last: this.log.length, purges: this.log.slice(number) };
  }

  /** Another cache's purge, which does not reach this one. */
  purgeUnheard(surrogateKey: string | undefined, soft = false): NumberedPurge {
    const purge = { surrogateKey, soft, number: this.log.length + 1 };
    this.log.push(purge);
    return purge;
  }

  tell(purge: NumberedPurge): Eventually<void> {
    return this.#follow(purge);
  }

  publish(purge: Purge): void {
    this.published.push(purge);
  }

  since(number: number): Eventually<PurgesSince> {
    this.asked.push(number);
    return this.answer(number);
  }

  follow(follow: (purge: NumberedPurge) => Eventually<void>): void {
    this.#follow = follow;
  }
}

function feedWith(...keys: string[]): TestFeed {
  const feed = new TestFeed();
  for (const key of keys) store(feed.cache, key, `object ${key}`, { keys: [key, "any"] });
  return feed;
}

async function found(feed: TestFeed, key: string): Promise<boolean> {
  return (await resultOf(feed.cache.lookup(key, NONE))).found !== undefined;
}

Deno.test("an object is used without asking while the lease lasts, and after it only when missed purges are done", async () => {
  const feed = feedWith("a", "b");
  assertEquals(await found(feed, "a"), true);
  feed.elapsed = LEASE / 2 - 1;
  assert(foundOf(feed.cache.lookup("a", NONE)), "found at once");
  assertEquals(feed.asked, [0]);
  feed.purgeUnheard("a");
  feed.elapsed = LEASE;
  const lookups = [feed.cache.lookup("a", NONE), feed.cache.lookup("b", NONE)];
  assertEquals(lookups.map(({ ready }) => ready), [false, false]);
  const results = await Promise.all(lookups.map(resultOf));
  assertEquals(results.map(({ found }) => found !== undefined), [false, true]);
  assertEquals(feed.asked, [0, 0]);
});

Deno.test("a lease that is used is renewed before it ends, without a wait", async () => {
  const feed = feedWith("a");
  await found(feed, "a");
  feed.elapsed = LEASE * 0.75;
  assert(foundOf(feed.cache.lookup("a", NONE)), "found at once");
  await Promise.resolve();
  feed.elapsed = LEASE * 1.5;
  await new Promise((resolve) => setTimeout(resolve));
  assert(foundOf(feed.cache.lookup("a", NONE)), "found at once, under the renewed lease");
});

Deno.test("a missing object is reported without a request", () => {
  const feed = feedWith("a");
  assertEquals(outcomeOf(feed.cache.lookup("b", NONE)).found, undefined);
  const { obligation } = outcomeOf(feed.cache.transaction("b", NONE));
  assert(obligation, "an obligation at once");
  assertEquals(feed.asked, []);
});

Deno.test("a transaction that waits gets the obligation for an object that was purged elsewhere", async () => {
  const feed = feedWith("a");
  feed.purgeUnheard("any");
  const { found, obligation } = await resultOf(feed.cache.transaction("a", NONE));
  assertEquals([found, obligation?.open], [undefined, true]);
});

Deno.test("a soft purge of another cache makes an object stale", async () => {
  const feed = new TestFeed();
  store(feed.cache, "a", "object", { keys: ["a"], swr: 60 });
  feed.purgeUnheard("a", true);
  const { found } = await resultOf(feed.cache.lookup("a", NONE));
  assertEquals(found?.phase, "stale");
});

Deno.test("a received purge is done at once, and not a second time", async () => {
  const feed = feedWith("a", "b");
  await found(feed, "a");
  const purge = feed.purgeUnheard("a");
  await feed.tell(purge);
  assertEquals(foundOf(feed.cache.lookup("a", NONE)), undefined);
  store(feed.cache, "a", "newer", { keys: ["a"] });
  await feed.tell(purge);
  assert(foundOf(feed.cache.lookup("a", NONE)), "the newer object stays");
});

Deno.test("a purge whose number is too high has the missing ones asked for first", async () => {
  const feed = feedWith("a", "b", "c");
  await found(feed, "a");
  feed.purgeUnheard("a");
  const told = feed.tell(feed.purgeUnheard("b"));
  assertEquals(feed.cache.lookup("c", NONE).ready, false);
  await told;
  assertEquals(await Promise.all(["a", "b", "c"].map((key) => found(feed, key))), [
    false,
    false,
    true,
  ]);
});

Deno.test("everything is dropped where missed purges are not known any more, and where they cannot be asked for", async () => {
  for (
    const answer of [
      () => ({ last: 7, purges: undefined }),
      () => Promise.reject(new Error("the feed is away")),
      () => {
        throw new Error("the feed is away");
      },
    ]
  ) {
    const feed = feedWith("a", "b");
    feed.answer = answer;
    assertEquals(await found(feed, "a"), false);
    assertEquals(await found(feed, "b"), false);
    store(feed.cache, "a", "newer");
    assertEquals(await found(feed, "a"), true);
  }
});

Deno.test("purges are published, all at once too, and answered when the feed has answered", async () => {
  const feed = feedWith("a", "b");
  const answered = Promise.withResolvers<void>();
  feed.publish = (purge) => {
    feed.published.push(purge);
    return answered.promise as unknown as void;
  };
  let count: number | undefined;
  const purged = Promise.resolve(feed.cache.purge("a", true)).then((purged) => count = purged);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([count, feed.published], [undefined, [{ surrogateKey: "a", soft: true }]]);
  answered.resolve();
  assertEquals(await purged, 1);
  assertEquals(await feed.cache.purgeAll(), 2);
  assertEquals(feed.published[1], { surrogateKey: undefined, soft: false });
});

Deno.test("a purge fails if the feed does", async () => {
  const feed = feedWith("a");
  feed.publish = () => {
    throw new Error("the feed is away");
  };
  await assertRejects(async () => await feed.cache.purge("a", false), Error, "away");
  assertEquals(await found(feed, "a"), false);
});

const subject = fc.constantFrom("a", "b");
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("store", "lookup"), subject }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("purge"), subject: fc.constantFrom("a", "b", "any") }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("tell"), which: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("answer", "answer", "fail") }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.nat(LEASE) }) },
) as fc.Arbitrary<
  | { readonly do: "store" | "lookup" | "purge"; readonly subject: string }
  | { readonly do: "tell"; readonly which: number }
  | { readonly do: "answer" | "fail" }
  | { readonly do: "pass"; readonly ms: number }
>;
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A cache that follows a feed whose purges and answers are late, repeated, left out or in another order. */
class Unreliable {
  readonly #feed = new TestFeed();
  /** Times of the purges, and whether the cache has answered them. */
  readonly #purges: { readonly at: number; heard: boolean }[] = [];
  /** Calls of `since` with the answers of that time. */
  readonly #calls: { readonly answer: () => void; readonly fail: () => void }[] = [];
  readonly #lookups: { readonly pending: PendingLookup; readonly key: string }[] = [];
  /** The newest object of each key, with the purges before it: all of them, and those that the cache knew. */
  readonly #stored = new Map<string, { object: CachedObject; all: number; known: number }>();
  #known = 0;

  constructor() {
    const feed = this.#feed;
    feed.answer = (number) => {
      const since = feed.known(number);
      const { promise, resolve, reject } = Promise.withResolvers<PurgesSince>();
      const answer = () => {
        this.#known = Math.max(this.#known, since.last);
        resolve(since);
      };
      const fail = () => {
        this.#stored.clear();
        reject(new Error("the feed is away"));
      };
      this.#calls.push({ answer, fail });
      return promise;
    };
  }

  async take(step: Step): Promise<void> {
    const feed = this.#feed;
    if (step.do === "store") {
      const keys = [step.subject, "any"];
      const { found, content } = feed.cache.insert(step.subject, NONE, written({ keys }));
      content.finish();
      const stored = { object: found.object, all: feed.log.length, known: this.#known };
      this.#stored.set(step.subject, stored);
    } else if (step.do === "lookup") {
      this.#lookups.push({ pending: feed.cache.lookup(step.subject, NONE), key: step.subject });
    } else if (step.do === "purge") {
      feed.purgeUnheard(step.subject);
      this.#purges.push({ at: feed.elapsed, heard: false });
    } else if (step.do === "tell") this.#tell(step.which);
    else if (step.do === "pass") feed.elapsed += step.ms;
    else this.#calls.shift()?.[step.do]();
    this.#check();
    // No call takes a turn of the event loop: all waits end within some microtasks.
    for (let i = 0; i < 30; i++) await undefined;
    this.#check();
  }

  /** Answers all calls; no lookup waits then. */
  async end(): Promise<void> {
    while (this.#calls.length) await this.take({ do: "answer" });
    assertEquals(this.#lookups.length, 0, "lookups wait for nothing");
  }

  #tell(which: number): void {
    const purge = this.#feed.log.at(-1 - which);
    if (!purge) return;
    if (purge.number === this.#known + 1) this.#known++;
    const heard = () => void (this.#purges[purge.number - 1]!.heard = true);
    const told = this.#feed.tell(purge);
    if (told instanceof Promise) told.then(heard);
    else heard();
  }

  #check(): void {
    for (const lookup of this.#lookups.filter(({ pending }) => pending.ready)) {
      this.#lookups.splice(this.#lookups.indexOf(lookup), 1);
      this.#checkFound(lookup.key, lookup.pending.take().found?.object);
    }
  }

  #checkFound(key: string, found: CachedObject | undefined): void {
    const stored = this.#stored.get(key);
    if (!stored) return assertEquals(found, undefined);
    const named = this.#feed.log.filter(({ surrogateKey }) =>
      surrogateKey !== (key === "a" ? "b" : "a")
    );
    if (!found) {
      const why = named.some(({ number }) => number > stored.known);
      return assert(why, "an object is lost that no purge has named");
    }
    assert(found === stored.object);
    for (const { number } of named.filter(({ number }) => number > stored.all)) {
      const { at, heard } = this.#purges[number - 1]!;
      assert(!heard, "an object is found after its purge was answered");
      assert(at + LEASE > this.#feed.elapsed, "an object is found long after its purge");
    }
  }
}

Deno.test("whatever is late, repeated or left out, no object is found after the lease of its purge, and none is lost", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
      const unreliable = new Unreliable();
      for (const step of steps) await unreliable.take(step);
      await unreliable.end();
    }),
    { numRuns: 1000 },
  );
});
