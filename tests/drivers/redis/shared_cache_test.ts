/** Caches of several hosts that share their objects over Redis. */
import { openRedis, type RedisOptions } from "../../../drivers/redis.ts";
import { collect } from "../../../service/http/bytes.ts";
import { Cache } from "../../../service/cache/cache.ts";
import type { WriteOptions } from "../../../service/cache/object.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { quickest } from "../../durations.ts";
import { NONE, resultOf, type Saying, written } from "../../service/cache/_cache.ts";
import { big, isSame, MIB } from "../../service/cache/_persisted_cache.ts";
import { startFaultyProxy } from "./_faulty_proxy.ts";
import { IMPATIENT, PATIENT, type Redis, redisTest, sharedRedis, startRedis } from "./_redis.ts";
import { startCluster } from "./_redis_kinds.ts";

const server = await sharedRedis();
let tests = 0;

/** Hosts over one store, each behind a proxy that can be made to fail. */
async function hosts(count: number, options: RedisOptions = {}, redis: Redis = server!) {
  const prefix = `test ${++tests}`;
  await using made = new AsyncDisposableStack();
  const all = [];
  for (let i = 0; i < count; i++) {
    const proxy = made.use(startFaultyProxy(redis.port));
    const told: string[] = [];
    const storage = made.use(
      await openRedis(`redis://127.0.0.1:${proxy.port}`, {
        prefix,
        ...PATIENT,
        log: (_, message) => void told.push(message),
        ...options,
      }),
    );
    all.push(new Host(storage.cacheDriver, storage.purgeFeed, proxy, told));
  }
  const moved = made.move();
  return Object.assign(all, {
    prefix,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  });
}

/** A cache of a host. */
class Host {
  readonly cache: Cache;
  readonly reports: string[] = [];
  readonly proxy;
  readonly told;

  constructor(
    driver: ConstructorParameters<typeof Cache>[2],
    purgeFeed: Awaited<ReturnType<typeof openRedis>>["purgeFeed"],
    proxy: ReturnType<typeof startFaultyProxy>,
    told: string[],
  ) {
    this.proxy = proxy;
    this.told = told;
    this.cache = new Cache(64 * MIB, Date.now, driver, {
      purgeFeed,
      report: (message) => void this.reports.push(message),
    });
  }

  begin(key: string, say: Saying & Partial<Pick<WriteOptions, "sensitive">> = {}, headers = NONE) {
    const { sensitive = false, ...saying } = say;
    return this.cache.insert(key, headers, { ...written(saying), sensitive }).content;
  }

  async store(key: string, body: string | Uint8Array, say?: Saying, headers?: HeaderList) {
    const content = this.begin(key, say, headers);
    await content.write(typeof body === "string" ? new TextEncoder().encode(body) : body);
    await content.finish();
  }

  async find(key: string, headers = NONE): Promise<Uint8Array | undefined> {
    const { found } = await resultOf(this.cache.lookup(key, headers));
    return found && await collect(found.object.content.read());
  }

  async text(key: string, headers?: HeaderList): Promise<string | undefined> {
    const body = await this.find(key, headers);
    return body && new TextDecoder().decode(body);
  }

  async phase(key: string): Promise<string | undefined> {
    return (await resultOf(this.cache.lookup(key, NONE))).found?.phase;
  }

  get(key: string, headers = NONE) {
    return resultOf(this.cache.transaction(key, headers));
  }

  /** Waits until a line of the log about the store matches. */
  async hears(line: RegExp): Promise<void> {
    while (!this.told.some((told) => line.test(told))) await pause();
  }
}

function pause(ms = 10): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function accepting(value: string): HeaderList {
  const headers = new HeaderList();
  headers.append("accept", value);
  return headers;
}

redisTest(
  "an object of one host is found by another, with variants, age and a body of any length",
  async () => {
    await using there = await hosts(2);
    const [one, other] = there;
    const bodies = [new Uint8Array(), big(10), big(300_000), big(5 * MIB)];
    for (const [i, body] of bodies.entries()) await one!.store(`${i}`, body, { age: 7 });
    await one!.store("varied", "as text", { vary: "accept" }, accepting("text"));
    await one!.store("varied", "as json", { vary: "accept" }, accepting("json"));
    for (const [i, body] of bodies.entries()) {
      for (let times = 0; times < 2; times++) {
        assert(isSame((await other!.find(`${i}`))!, body), `${body.length} bytes`);
      }
    }
    const { found } = await resultOf(other!.cache.lookup("1", NONE));
    assert(found!.object.age >= 7_000_000_000n && found!.length === 10);
    assertEquals(await other!.text("varied", accepting("json")), "as json");
    assertEquals(await other!.text("varied", accepting("text")), "as text");
    assertEquals(await other!.text("varied", accepting("xml")), undefined);
    assertEquals(await other!.text("nothing"), undefined);
  },
);

redisTest("a hit in memory needs the store for purges alone", async () => {
  await using there = await hosts(1);
  const [host] = there;
  await host!.store("a", "1");
  await host!.text("a");
  await server!.ask("CONFIG", "RESETSTAT");
  for (let i = 0; i < 500; i++) assert((await host!.text("a")) === "1");
  const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(await server!.ask("INFO", "commandstats")) ??
    [];
  assert(Number(calls ?? 0) < 100, `${calls} calls for 500 hits`);
});

redisTest(
  "of hosts that miss the same object one fetches it, and the others wait for it",
  async () => {
    await using there = await hosts(3);
    const lookups = there.map((host) => host.get("a"));
    const first = await Promise.race(
      lookups.map((lookup, i) => lookup.then((found) => ({ i, found }))),
    );
    assert(first.found.obligation && !first.found.found);
    await pause(100);
    const { content } = first.found.obligation.insert(written());
    await content.write(new TextEncoder().encode("got once"));
    await content.finish();
    for (const [i, lookup] of lookups.entries()) {
      if (i === first.i) continue;
      const { found, obligation } = await lookup;
      assertEquals(obligation, undefined);
      const body = await collect(found!.object.content.read());
      assertEquals(new TextDecoder().decode(body), "got once");
    }
  },
);

redisTest(
  "when a host gives up the next one fetches the object, and no host waits for a response that cannot be shared",
  async () => {
    await using there = await hosts(4);
    const [one, ...others] = there;
    const { obligation } = await one!.get("a");
    const waiting = others.map((host) => host.get("a"));
    await pause(50);
    obligation!.cancel();
    const next = await Promise.race(waiting.map((one, i) => one.then((found) => ({ i, found }))));
    assert(next.found.obligation);
    next.found.obligation.release();
    const rest = await Promise.all(waiting.filter((_, i) => i !== next.i));
    assertEquals(rest.map(({ obligation }) => obligation?.open), [true, true], "both at a time");
    for (const { obligation } of rest) obligation!.cancel();
  },
);

redisTest(
  "a host that dies with an object to get holds the others up for the time that is set",
  async () => {
    await using there = await hosts(2, { collapseTime: 400 });
    const [one, other] = there;
    const start = performance.now(); // before: the machine may hold up either host after the first has begun
    const { obligation } = await one!.get("a");
    assert(obligation);
    const second = await other!.get("a");
    assert(second.obligation);
    assert(performance.now() - start > 200, "it waited");
    second.obligation.cancel();
    obligation.cancel();
  },
);

redisTest("an object that claims to be older than the clock is stale on each host", async () => {
  await using there = await hosts(2);
  const [one, other] = there;
  await one!.store("a", "old", { age: 3_000_000_000, swr: 4_000_000_000 });
  const { found, obligation } = await other!.get("a");
  assertEquals([found?.phase, obligation?.open], ["stale", true]);
  obligation!.cancel();
  assertEquals([...one!.reports, ...other!.reports], []);
});

redisTest("a stale object is used while another host gets a new one", async () => {
  await using there = await hosts(2);
  const [one, other] = there;
  await one!.store("a", "old", { maxAge: 0, swr: 60 });
  const first = await one!.get("a");
  assertEquals([first.found?.phase, first.obligation?.open], ["stale", true]);
  const second = await other!.get("a");
  assertEquals([second.found?.phase, second.obligation], ["stale", undefined]);
  first.obligation!.update(written());
  while (await other!.phase("a") !== "fresh") await pause();
  assertEquals(await other!.text("a"), "old");
});

redisTest(
  "after a purge no host finds the objects; a soft purge leaves them stale, and a purge of all leaves none",
  async () => {
    await using there = await hosts(3);
    const [one, ...others] = there;
    for (const key of ["a", "b", "c"]) await one!.store(key, key, { swr: 60, keys: [key, "all"] });
    const states = () =>
      Promise.all(there.map(async (host) => [
        await host.phase("a"),
        await host.phase("b"),
        await host.phase("c"),
      ]));
    assertEquals(await states(), there.map(() => ["fresh", "fresh", "fresh"]));
    const purge = async () => {
      const start = performance.now();
      await others[0]!.cache.purge("a", false);
      return performance.now() - start;
    };
    assert(await quickest(1000, purge) < 1000, "within a second");
    assertEquals(await states(), there.map(() => [undefined, "fresh", "fresh"]));
    await others[1]!.cache.purge("b", true);
    assertEquals(await states(), there.map(() => [undefined, "stale", "fresh"]));
    // Objects that were stored after a purge stay.
    await one!.store("a", "new", { keys: ["a"] });
    assertEquals(await others[0]!.text("a"), "new");
    await one!.cache.purgeAll();
    assertEquals(await states(), there.map(() => [undefined, undefined, undefined]));
  },
);

redisTest("an object that was on its way when it was purged is not stored", async () => {
  await using there = await hosts(2);
  const [one, other] = there;
  const hard = one!.begin("hard", { keys: ["x"] });
  const soft = one!.begin("soft", { keys: ["y"], swr: 60 });
  await other!.cache.purge("x", false);
  await other!.cache.purge("y", true);
  await hard.finish();
  await soft.finish();
  assertEquals([await other!.phase("hard"), await other!.phase("soft")], [undefined, "stale"]);
  assertEquals([await one!.phase("hard"), await one!.phase("soft")], [undefined, "stale"]);
});

redisTest(
  "a host that could not hear of purges serves nothing older once it hears again",
  async () => {
    await using there = await hosts(2, IMPATIENT);
    const [one, other] = there;
    await one!.store("a", "1", { keys: ["x"] });
    await one!.store("b", "1");
    assertEquals([await other!.text("a"), await other!.text("b")], ["1", "1"]);
    other!.proxy.fault = "silent";
    await one!.cache.purge("x", false);
    await pause(250); // longer than it may use objects without asking
    assertEquals(await other!.text("b"), "1", "alone it goes on with what it has");
    assertEquals(await other!.text("a"), "1");
    other!.proxy.fault = "none";
    await other!.hears(/ is back after /);
    await pause(250);
    assertEquals([await other!.text("a"), await other!.text("b")], [undefined, "1"]);
  },
);

redisTest(
  "a host drops all that it has when purges that it has missed are not known any more",
  async () => {
    await using there = await hosts(2);
    const [one, other] = there;
    await one!.store("a", "1");
    assertEquals(await other!.text("a"), "1");
    await one!.cache.purge("none", false);
    await server!.ask("DEL", `{${there.prefix}:cache}:p`, `{${there.prefix}:cache}:n`);
    await pause(250);
    await one!.cache.purge("a purge of a server that has lost its data", false);
    await other!.cache.lookup("a", NONE).whenReady();
    assertEquals(other!.cache.bytes, 0);
  },
);

redisTest("a body that the server has evicted is a miss", async () => {
  await using there = await hosts(2);
  const [one, other] = there;
  await one!.store("a", "1");
  await one!.store("b", big(3 * MIB));
  const keys = await server!.ask("--scan", "--pattern", `{${there.prefix}:content:*`);
  for (const key of keys.split("\n")) await server!.ask("DEL", key);
  assertEquals([await other!.find("a"), await other!.find("b")], [undefined, undefined]);
  const { obligation } = await other!.get("a");
  assert(obligation);
  obligation.cancel();
});

redisTest(
  "while the store is gone a cache goes on alone, purges fail, and it comes back by itself",
  async () => {
    await using there = await hosts(2, IMPATIENT);
    const [one, other] = there;
    await one!.store("a", "1");
    await one!.text("a");
    for (const { proxy } of there) proxy.fault = "silent";
    assertEquals(await one!.text("a"), "1");
    const { obligation } = await one!.get("b");
    const { content } = obligation!.insert(written());
    await content.write(new TextEncoder().encode("alone"));
    await content.finish();
    assertEquals(await one!.text("b"), "alone");
    const error = await assertRejects(async () => await one!.cache.purge("x", false)) as Error;
    assertMatch(error.message, /^Cannot purge the cache: the store /);
    for (const { proxy } of there) proxy.fault = "none";
    await one!.hears(/ is back after /);
    await other!.text("a");
    await one!.store("c", "shared again");
    assertEquals(await other!.text("c"), "shared again");
    assertEquals(one!.told.length, 2, "once when it goes and once when it returns");
    assertEquals(one!.reports, []);
  },
);

redisTest("a sensitive object is in no store, nor is the object that it replaces", async () => {
  await using there = await hosts(2);
  const [one, other] = there;
  await one!.store("a", "public");
  const content = one!.begin("a", { sensitive: true });
  await content.write(new TextEncoder().encode("a secret"));
  await content.finish();
  assertEquals([await one!.text("a"), await other!.text("a")], ["a secret", undefined]);
  const keys = await server!.ask("--scan", "--pattern", `{${there.prefix}:content:*`);
  for (const key of keys.split("\n").filter(Boolean)) {
    assert(!(await server!.ask("HGETALL", key)).includes("secret"));
  }
});

redisTest("a full server keeps nothing new, and the cache goes on", async () => {
  await using full = await startRedis({ settings: { maxmemory: "6mb" } });
  await using there = await hosts(2, {}, full);
  const [one, other] = there;
  for (let i = 0; i < 20; i++) await one!.store(`${i}`, big(500_000, i));
  for (let i = 0; i < 20; i++) assert(isSame((await one!.find(`${i}`))!, big(500_000, i)));
  const shared = [];
  for (let i = 0; i < 20; i++) if (await other!.find(`${i}`)) shared.push(i);
  assert(shared.length > 2 && shared.length < 20, `${shared}`);
  assertEquals(one!.told.filter((line) => /takes no writes/.test(line)).length, 1);
});

redisTest("on a Cluster hosts share objects, leases and purges", async () => {
  await using cluster = await startCluster();
  const address = `redis+cluster://127.0.0.1:${cluster.port}`;
  using mine = await openRedis(address, PATIENT);
  using theirs = await openRedis(address, PATIENT);
  const none = undefined as never;
  const one = new Host(mine.cacheDriver, mine.purgeFeed, none, []);
  const other = new Host(theirs.cacheDriver, theirs.purgeFeed, none, []);
  await one.store("a", big(MIB), { keys: ["x", "y"] });
  assert(isSame((await other.find("a"))!, big(MIB)));
  await other.cache.purge("y", false);
  assertEquals([await one.find("a"), await other.find("a")], [undefined, undefined]);
  const { obligation } = await one.get("a");
  const waiting = other.get("a");
  await pause(30);
  obligation!.cancel();
  (await waiting).obligation!.cancel();
});
