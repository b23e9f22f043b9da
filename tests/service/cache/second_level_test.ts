/** Caches that share objects and leases through a driver. */
import { Cache } from "../../../service/cache/cache.ts";
import type { CacheContent } from "../../../service/cache/content.ts";
import type {
  CacheDriver,
  ContentId,
  LeaseWanted,
  SharedFound,
} from "../../../service/cache/driver.ts";
import { decodeRecordHead } from "../../../service/cache/head.ts";
import type { LookupResult, PendingLookup } from "../../../service/cache/lookup_result.ts";
import { memoryCacheDriver } from "../../../service/cache/memory_driver.ts";
import type { WriteOptions } from "../../../service/cache/object.ts";
import { assert, assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { slow } from "../slow_driver.ts";
import { type Saying, written } from "./_cache.ts";
import { fields, text } from "./_persisted_cache.ts";

/** Turns after which a lookup that still waits does so for ever. */
const MOST_TURNS = 400;

const place = {
  host: fc.constantFrom(0, 1),
  key: fc.constantFrom("a", "b"),
  variant: fc.constantFrom("1", "2"),
};
const which = fc.nat(3);
const say = fc.record({
  maxAge: fc.constantFrom(0, 5, 60),
  swr: fc.constantFrom(0, 30),
  sie: fc.constantFrom(0, 60),
  vary: fc.constantFrom("", "x-variant"),
  keys: fc.constantFrom([], ["x"]),
  sensitive: fc.constantFrom(false, false, true),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("transact" as const, "transact" as const, "lookup", "wait", "force"),
      ...place,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("fulfil" as const, "fulfil" as const, "update", "cancel", "release"),
      which,
      say,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("insert" as const), ...place, say }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("finish" as const, "finish" as const, "abort", "leave"),
      which,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("turn" as const, "turn" as const, "timers", "expire"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.nat(40) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("purge" as const), host: place.host }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type End = Extract<Step, { which: number; say: unknown }>;

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** A driver in memory that answers after a turn, with leases for any number of caches. */
class SharedMemory {
  /** Holders of leases by place; `*` while caches do not wait for each other. */
  readonly leases = new Map<string, string>();
  readonly driver: CacheDriver;
  readonly #memory = memoryCacheDriver();
  /** Times until which objects are fresh. */
  readonly #freshUntil = new Map<ContentId, number>();

  constructor(now: () => number) {
    const memory = this.#memory;
    const driver: CacheDriver = {
      ...memory,
      put: (record, content, pieces) => {
        const id = memory.put(record, content, pieces) as ContentId | undefined;
        if (id !== undefined) this.#freshUntil.set(id, now() + record.freshFor);
        return id;
      },
    };
    const find = (key: string, lease?: LeaseWanted) => this.#find(key, now(), lease);
    const release = (place: string, token: string, object: boolean) => {
      if (this.leases.get(place) !== token) return;
      if (object) this.leases.delete(place);
      else this.leases.set(place, "*");
    };
    this.driver = Object.assign(slow(driver), { shared: slow({ find, release }) });
  }

  #find(key: string, now: number, lease?: LeaseWanted): SharedFound {
    const kept = this.#memory.load() as Awaited<ReturnType<CacheDriver["load"]>>;
    const objects = kept.filter(({ head }) => decodeRecordHead(head).key === key);
    const fresh = objects.some((one) => !one.purged && this.#freshUntil.get(one.content)! > now);
    return { objects, number: 0, lease: this.#lease(fresh, lease) };
  }

  #lease(fresh: boolean, lease?: LeaseWanted): SharedFound["lease"] {
    if (!lease || (fresh && !lease.anyway)) return "none";
    const holder = this.leases.get(lease.place) ?? lease.token;
    if (holder === "*") return "free";
    this.leases.set(lease.place, holder);
    return holder === lease.token ? "taken" : "busy";
  }
}

/** Clients of two caches, and what they have of them. */
class Crowd {
  #now = 1_000_000_000;
  #timers: (() => void)[] = [];
  readonly #shared = new SharedMemory(() => this.#now);
  readonly #caches = [0, 1].map(() =>
    new Cache(1 << 26, () => this.#now, this.#shared.driver, {
      clock: {
        elapsed: () => this.#now,
        after: (_, callback) => {
          this.#timers.push(callback);
          return () => {};
        },
      },
    })
  );
  readonly #waiting: PendingLookup[] = [];
  readonly #held: LookupResult[] = [];
  readonly #writing: CacheContent[] = [];

  async take(step: Step): Promise<void> {
    if ("key" in step) this.#ask(step);
    else if ("say" in step) this.#end(step);
    else if (step.do === "finish") this.#writing.splice(step.which, 1).forEach(finish);
    else if (step.do === "abort") this.#writing.splice(step.which, 1).forEach(abort);
    else if (step.do === "leave") this.#waiting.splice(step.which, 1).forEach((it) => it.cancel());
    else if (step.do === "turn") await turn();
    else if (step.do === "timers") this.#fire();
    else if (step.do === "expire") this.#shared.leases.clear();
    else if (step.do === "pass") this.#now += step.seconds * 1000;
    else if ("host" in step) this.#caches[step.host]!.purge("x", false);
    this.#collect();
  }

  /** Ends all that was begun: no lookup waits then, and no lease is held. */
  async leave(): Promise<void> {
    this.#writing.forEach(finish);
    for (let turns = 0; turns < MOST_TURNS && this.#waiting.length + this.#held.length; turns++) {
      for (const { obligation } of this.#held.splice(0)) obligation!.cancel();
      this.#fire();
      await turn();
      this.#collect();
    }
    assertEquals(this.#waiting.length, 0, "lookups wait for nothing");
    for (let turns = 0; turns < MOST_TURNS && this.#leased; turns++) {
      this.#fire();
      await turn();
    }
    assert(!this.#leased, "a lease is left");
    for (const cache of this.#caches) await cache.drained();
  }

  get #leased(): boolean {
    return [...this.#shared.leases.values()].some((holder) => holder !== "*");
  }

  #fire(): void {
    for (const timer of this.#timers.splice(0)) timer();
  }

  #ask(step: Extract<Step, { key: string }>): void {
    const { key } = step;
    const cache = this.#caches[step.host]!;
    const headers = fields(step.variant);
    if (step.do === "insert") {
      this.#writing.push(cache.insert(key, headers, optionsOf(step.say)).content);
    } else if (step.do === "lookup") this.#waiting.push(cache.lookup(key, headers));
    else if (step.do === "transact") this.#waiting.push(cache.transaction(key, headers));
    else {
      const strategy = step.do === "wait" ? "wait" : "immediate-force-miss";
      this.#waiting.push(cache.replace(key, headers, strategy));
    }
  }

  #end({ do: what, which, say }: End): void {
    const [{ found, obligation } = {}] = this.#held.splice(which, 1);
    if (!obligation) return;
    if (what === "fulfil") this.#writing.push(obligation.insert(optionsOf(say)).content);
    else if (what === "update" && found) {
      obligation.update(optionsOf(say)).object.content.dropBroken();
    } else if (what === "release") obligation.release();
    else obligation.cancel();
  }

  #collect(): void {
    for (const pending of this.#waiting.filter(({ ready }) => ready)) {
      this.#waiting.splice(this.#waiting.indexOf(pending), 1);
      const result = pending.take();
      if (result.obligation) this.#held.push(result);
    }
  }
}

function optionsOf({ sensitive, ...say }: Saying & { sensitive: boolean }): WriteOptions {
  return { ...written(say), sensitive };
}

function finish(content: CacheContent): void {
  content.write(text("content"));
  content.finish();
}

function abort(content: CacheContent): void {
  content.abort(new Error("aborted"));
  content.dropBroken();
}

Deno.test("whatever clients of two caches do, no lookup waits for ever, and no lease is left", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
      const crowd = new Crowd();
      for (const step of steps) await crowd.take(step);
      await crowd.leave();
    }),
  );
});
