import { openRedis, type RedisOptions } from "../../../drivers/redis.ts";
import { RateLimiter } from "../../../service/rate/limiter.ts";
import { assert, assertEquals } from "../../assert.ts";
import { rateContract } from "../../service/rate/contract.ts";
import { startFaultyProxy } from "./_faulty_proxy.ts";
import { IMPATIENT, PATIENT, redisTest, sharedRedis } from "./_redis.ts";
import { startCluster } from "./_redis_kinds.ts";

const server = await sharedRedis();
let tests = 0;

if (server) {
  rateContract("the Redis driver", async () => {
    const prefix = `test ${++tests}`;
    let storage = await openRedis(server.url, { prefix, ...PATIENT });
    return {
      driverOf: storage.rateDriver,
      async reopen() {
        storage[Symbol.dispose]();
        storage = await openRedis(server.url, { prefix, ...PATIENT });
        return storage.rateDriver;
      },
      [Symbol.asyncDispose]: () => Promise.resolve(storage[Symbol.dispose]()),
    };
  });
}

/** Hosts over one store, each behind a proxy that can be made to fail, on one clock. */
async function hosts(count: number, options: RedisOptions = {}) {
  const prefix = `test ${++tests}`;
  await using made = new AsyncDisposableStack();
  const clock = { now: Date.now() };
  const all = [];
  for (let i = 0; i < count; i++) {
    const proxy = made.use(startFaultyProxy(server!.port));
    const told: string[] = [];
    const storage = made.use(
      await openRedis(`redis://127.0.0.1:${proxy.port}`, {
        prefix,
        ...PATIENT,
        log: (_, message) => void told.push(message),
        ...options,
      }),
    );
    const limiter = new RateLimiter(() => clock.now, storage.rateDriver);
    all.push({
      proxy,
      told,
      limiter,
      check: (entry: string, limit: number) =>
        limiter.check({ counter: "c", entry, delta: 1, window: 60, limit, box: "b", ttl: 60 }),
      passed: async (times: number, entry: string, max: number) => {
        let passed = 0;
        for (let i = 0; i < times; i++) {
          const check = { counter: "c", entry, delta: 1, window: 1, limit: max };
          if (!await limiter.check({ ...check, box: `b${i} ${Math.random()}`, ttl: 60 })) passed++;
        }
        return passed;
      },
      back: async () => {
        while (!told.some((line) => / is back after /.test(line))) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
    });
  }
  const moved = made.move();
  return { all, clock, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

redisTest("a check is one call of the store: box, count and penalty", async () => {
  await using there = await hosts(1);
  const [host] = there.all;
  await host!.check("warm-up", 10);
  await server!.ask("CONFIG", "RESETSTAT");
  for (let i = 0; i < 10; i++) await host!.check("e", 10);
  const stats = await server!.ask("INFO", "commandstats");
  const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(stats) ?? [];
  assertEquals(calls, "10");
  // The server's statistics count commands of scripts, too; clients send scripts alone.
  assert(!/cmdstat_(eval|hget|hmget):calls=(1[1-9]|[2-9]\d)/.test(stats), stats);
});

redisTest(
  "hosts count together, and an entry that one has put into a box is blocked by all",
  async () => {
    await using there = await hosts(3);
    const passed = await Promise.all(there.all.map((host) => host.passed(20, "e", 25)));
    assertEquals(passed.reduce((sum, count) => sum + count, 0), 25);
    await there.all[0]!.limiter.boxes.add("b", "f", 60);
    for (const { check } of there.all) assertEquals(await check("f", 1000), true);
    assertEquals(await there.all[1]!.limiter.counters.count("c", "f", 60), 0, "nothing is counted");
  },
);

redisTest(
  "while the store is gone each host counts alone, and its counts are sent when the store is back",
  async () => {
    await using there = await hosts(2, IMPATIENT);
    const [one, other] = there.all;
    assertEquals(await one!.passed(5, "e", 10), 5);
    for (const { proxy } of there.all) proxy.fault = "silent";
    assertEquals(await one!.passed(8, "e", 10), 5, "it remembers what it has counted itself");
    assertEquals(await one!.check("f", 0), true, "and puts into its box");
    for (const { proxy } of there.all) proxy.fault = "none";
    await one!.back();
    // The one that was silent has not been applied; the store has 5 and gets 8.
    while (await other!.limiter.counters.count("c", "e", 60) < 13) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals(await other!.passed(3, "e", 10), 0);
    assertEquals(await other!.check("f", 1000), true, "boxes are sent, too");
  },
);

redisTest(
  "a count whose answer is lost is counted twice at the worst, and never less than once",
  async () => {
    await using there = await hosts(2);
    const [one, other] = there.all;
    await one!.passed(1, "e", 10);
    for (let i = 0; i < 3; i++) {
      one!.told.length = 0;
      one!.proxy.fault = "lose-answers";
      await one!.limiter.counters.increment("c", "e", 1);
      one!.proxy.fault = "none";
      await one!.back();
      // Asked over the same connection, behind the counts that are sent again.
      await one!.limiter.counters.count("c", "e", 60);
    }
    await one!.limiter.counters.increment("c", "e", 1);
    const count = await other!.limiter.counters.count("c", "e", 60);
    assert(count >= 5 && count <= 8, `${count} of 5`);
  },
);

redisTest("a host that is to refuse while the store is gone lets nothing pass", async () => {
  await using there = await hosts(1, { ...IMPATIENT, onStoreFailure: "refuse" });
  const { proxy, limiter, passed, check, back } = there.all[0]!;
  assertEquals(await passed(3, "e", 10), 3);
  proxy.fault = "silent";
  assertEquals(await passed(3, "e", 10), 0);
  assertEquals(await check("other", 1000), true);
  assertEquals(await limiter.boxes.has("b", "other"), true);
  assertEquals(await limiter.counters.rate("c", "other", 10), 2 ** 32 - 1);
  assertEquals(await limiter.counters.incrementAndCompare("c", "other", 1, 1, 1000), true);
  await limiter.boxes.add("b", "boxed", 60);
  proxy.fault = "none";
  await back();
  while (!await limiter.boxes.has("b", "boxed")) await new Promise((r) => setTimeout(r, 10));
  assertEquals(await passed(2, "g", 10), 2);
});

redisTest("on a Cluster a counter and a box of one entry are on one node", async () => {
  await using cluster = await startCluster();
  using storage = await openRedis(`redis+cluster://127.0.0.1:${cluster.port}`, PATIENT);
  const limiter = new RateLimiter(Date.now, storage.rateDriver);
  for (const entry of ["192.0.2.1", "e".repeat(5000), "", "é{}"]) {
    const check = { counter: "n".repeat(500), entry, delta: 1, window: 60, limit: 0.05 };
    const checks = [];
    for (let i = 0; i < 5; i++) checks.push(await limiter.check({ ...check, box: "b", ttl: 60 }));
    assertEquals(checks, [false, false, false, true, true]);
  }
});
