/** Clusters of several nodes: masters that die, and slots that move, while hosts use them. */
import { openRedis, type RedisStorage } from "../../../drivers/redis.ts";
import { collect } from "../../../service/http/bytes.ts";
import { RateLimiter } from "../../../service/rate/limiter.ts";
import { KvStore } from "../../../service/stores/kv/store.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { freePort, PATIENT, redisTest } from "./_redis.ts";
import { startClusterOfThree } from "./_redis_kinds.ts";

/** Stores of a host: each is on one node. */
const STORES = Array.from({ length: 12 }, (_, at) => `store-${at}`);

function hostOver(storage: RedisStorage) {
  const stores = STORES.map((name) => new KvStore(storage.kvDriver(name), Date.now));
  return {
    put: (at: number, key: string, value: string) =>
      stores[at]!.insert(key, [new TextEncoder().encode(value)]),
    at: async (at: number, key: string) =>
      new TextDecoder().decode(await collect((await stores[at]!.lookup(key)).value)),
    [Symbol.dispose]: () => stores.forEach((store) => store.close()),
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

redisTest(
  "a Cluster of three masters loses one while hosts use it, and has its replica take its place",
  async () => {
    await using cluster = await startClusterOfThree();
    const told: string[] = [];
    const log = (_: string, message: string) => void told.push(message);
    using mine = await openRedis(cluster.url, { log });
    using theirs = await openRedis(cluster.url, PATIENT);
    using one = hostOver(mine);
    using other = hostOver(theirs);
    for (const at of STORES.keys()) await one.put(at, "a", `${at}`);
    const masters = await cluster.masters();
    for (const master of masters) {
      assert((await master.ask("KEYS", "*")).includes(":kv:"), "each master has stores");
    }
    await cluster.replicated();
    const dead = await cluster.masterOf("{fastlike:kv:store-0}:r:a");
    dead.kill("SIGKILL");
    let longest = 0;
    let failed = 0;
    const round = async (): Promise<boolean> => {
      let all = true;
      for (const at of STORES.keys()) {
        const began = performance.now();
        try {
          assertEquals(await one.at(at, "a"), `${at}`);
          await one.put(at, "b", "later");
        } catch (error) {
          assertMatch((error as Error).message, /^Cannot .* the store redis\+cluster:\S+ fails: /);
          failed++;
          all = false;
        }
        longest = Math.max(longest, performance.now() - began);
      }
      return all;
    };
    while (!await round()) await pause();
    assert(failed > 0, "some calls have met the dead master");
    assert(longest < 10_000, `a call has taken ${longest} ms`);
    // Once, unless the machine holds up another node for longer than a call may take.
    const states = told.map((line) => /^The store \S+ is (gone|back)\b/.exec(line)?.[1]);
    assertMatch(states.join(), /^gone,back(,gone,back)*$/);
    // The other host has not met the dead master yet.
    for (const at of STORES.keys()) {
      while ((await other.at(at, "b").catch(() => "failed")) !== "later") await pause();
      assertEquals(await other.at(at, "a"), `${at}`);
    }
    const now = await cluster.masters();
    assertEquals([now.length, now.includes(dead)], [3, false]);
  },
);

redisTest("a slot that moves to another node while hosts use it is followed", async () => {
  await using cluster = await startClusterOfThree();
  const told: string[] = [];
  const log = (_: string, message: string) => void told.push(message);
  using storage = await openRedis(cluster.url, { log, ...PATIENT });
  using host = hostOver(storage);
  for (let i = 0; i < 20; i++) await host.put(0, `${i}`, `${i}`);
  const key = "{fastlike:kv:store-0}:r:1";
  const from = await cluster.masterOf(key);
  const to = (await cluster.masters()).find((node) => node !== from)!;
  const slot = await from.ask("CLUSTER", "KEYSLOT", key);
  const ids = [await from.ask("CLUSTER", "MYID"), await to.ask("CLUSTER", "MYID")];
  let over = false;
  let done = 0;
  const clients = (async () => {
    while (!over) {
      const at = `${done % 20}`;
      assertEquals(await host.at(0, at), at);
      await host.put(0, at, at);
      done++;
    }
  })();
  const seen = async (more: number) => {
    for (const until = done + more; done < until;) {
      await Promise.race([clients, pause()]);
    }
  };
  await seen(5);
  assertEquals(await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0]!), "OK");
  assertEquals(await from.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1]!), "OK");
  let batches = 0;
  for (;;) {
    const keys = (await from.ask("CLUSTER", "GETKEYSINSLOT", slot, "5")).split("\n");
    if (!keys[0]) break;
    batches++;
    const command = ["MIGRATE", "127.0.0.1", `${to.port}`, "", "0", "5000", "KEYS", ...keys];
    assertMatch(await from.ask(...command), /^(OK|NOKEY)$/);
    // Calls meet a slot of which some keys are here and some there.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert(batches > 1);
  for (const node of [to, from]) {
    assertEquals(await node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[1]!), "OK");
  }
  await seen(5);
  over = true;
  await clients;
  assertEquals(await cluster.masterOf(key), to);
  assertEquals(told, [], "the store is not gone meanwhile");
});

redisTest("rates and purges of a Cluster of three masters are those of all hosts", async () => {
  await using cluster = await startClusterOfThree();
  using mine = await openRedis(cluster.url, PATIENT);
  using theirs = await openRedis(cluster.url, PATIENT);
  const [one, other] = [mine, theirs].map(({ rateDriver }) =>
    new RateLimiter(Date.now, rateDriver)
  );
  for (let entry = 0; entry < 20; entry++) {
    for (let i = 0; i < 5; i++) {
      await one!.counters.increment("c", `${entry}`, 1);
      await other!.counters.increment("c", `${entry}`, 1);
    }
    assertEquals(await one!.counters.count("c", `${entry}`, 60), 10);
  }
  const begin = (await theirs.purgeFeed.since(0)).last;
  await mine.purgeFeed.publish({ surrogateKey: "k", soft: false });
  const { last } = await theirs.purgeFeed.since(begin);
  assertEquals(last, begin + 1);
});

redisTest("of the addresses of a Cluster one that answers is enough", async () => {
  await using cluster = await startClusterOfThree();
  const nobody = `127.0.0.1:${freePort()}`;
  const address = cluster.url.replace("//", `//${nobody},`);
  using storage = await openRedis(address, PATIENT);
  using host = hostOver(storage);
  await host.put(3, "a", "1");
  assertEquals(await host.at(3, "a"), "1");
});
