import { openRedis, type RedisOptions, type RedisStorage } from "../../../drivers/redis.ts";
import { collect } from "../../../service/http/bytes.ts";
import { type KvInsert, KvStore } from "../../../service/stores/kv/store.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { withFiles } from "../../cli/commands.ts";
import { kvContract } from "../../service/stores/kv/contract.ts";
import { type FaultyProxy, startFaultyProxy } from "./_faulty_proxy.ts";
import { isSame } from "../_folder.ts";
import { freePort, IMPATIENT, PATIENT, redisTest, sharedRedis, startRedis } from "./_redis.ts";
import { startCluster, startSentinel, type Watched } from "./_redis_kinds.ts";

const server = await sharedRedis();
let tests = 0;

if (server) {
  kvContract("the Redis driver", async () => {
    const storage = await openRedis(server.url, { prefix: `test ${++tests}`, ...PATIENT });
    return {
      driver: storage.kvDriver("store"),
      [Symbol.asyncDispose]: () => Promise.resolve(storage[Symbol.dispose]()),
    };
  });
}

function bytes(text: string): Uint8Array[] {
  return [new TextEncoder().encode(text)];
}

/** A store of the name "store", as a host over the storage has it. */
function storeOver(storage: RedisStorage) {
  const store = new KvStore(storage.kvDriver("store"), Date.now);
  return {
    store,
    put: (key: string, value: string, options?: KvInsert) =>
      store.insert(key, bytes(value), options),
    at: async (key: string) =>
      new TextDecoder().decode(await collect((await store.lookup(key)).value)),
    [Symbol.dispose]: () => store.close(),
  };
}

/** Storage behind a proxy that can be made to fail, and its log. */
async function behindProxy(options: RedisOptions = {}) {
  const proxy = startFaultyProxy(server!.port);
  const told: string[] = [];
  const storage = await openRedis(`redis://127.0.0.1:${proxy.port}`, {
    prefix: `test ${++tests}`,
    log: (level, message) => void told.push(`${level}: ${message}`),
    ...options,
  });
  return {
    proxy,
    storage,
    told,
    async [Symbol.asyncDispose]() {
      storage[Symbol.dispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** Has the proxy pass everything on, once the storage has met the fault. */
async function mendSoon(proxy: FaultyProxy, told: readonly string[]): Promise<void> {
  while (!told.length) await new Promise((resolve) => setTimeout(resolve, 1));
  proxy.fault = "none";
}

redisTest(
  "an insert whose answer is lost is done once: it is asked for again by its id",
  async () => {
    await using there = await behindProxy(PATIENT);
    const { proxy, storage, told } = there;
    using kv = storeOver(storage);
    await kv.put("a", "1");
    for (const mode of ["append", "prepend", "overwrite"] as const) {
      proxy.fault = "lose-answers";
      proxy.only = "about it"; // its metadata: the lookup before the insert passes
      await Promise.all([
        kv.put("a", "2", { mode, metadata: "about it" }),
        mendSoon(proxy, told),
      ]);
      assertEquals(await kv.at("a"), { append: "12", prepend: "212", overwrite: "2" }[mode]);
      assertMatch(
        told.join("\n"),
        /^error: The store redis:\S+ is gone: .*\ninfo: .* is back after/,
      );
      told.length = 0;
    }
    proxy.fault = "lose-answers";
    await Promise.all([
      kv.put("new", "1", { mode: "add", metadata: "about it" }),
      mendSoon(proxy, told),
    ]);
    assertEquals(await kv.at("new"), "1", "and is not told that the key exists");
  },
);

redisTest(
  "calls that are not answered fail in time, say so, and later ones fail at once",
  async () => {
    await using there = await behindProxy(IMPATIENT);
    const { proxy, storage, told } = there;
    using kv = storeOver(storage);
    await kv.put("a", "1");
    proxy.fault = "silent";
    // The timeout of the first closes the connection of the others, shortly before theirs.
    const calls = Array.from({ length: 50 }, () => assertRejects(() => kv.at("a")));
    for (const error of await Promise.all(calls)) {
      assertMatch(
        (error as Error).message,
        /^Cannot read KV store "store": the store redis:\S+ fails: it has not answered within 2000 ms$/,
      );
    }
    // The first to ask is the last to wait.
    await new Promise((resolve) => setTimeout(resolve, IMPATIENT.timeout));
    for (let i = 0; i < 3; i++) await assertRejects(() => kv.put("a", "2"), Error, "it is gone");
    proxy.fault = "none";
    while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals(await kv.at("a"), "1");
    assertEquals(told.map((line) => line.replace(/redis:\S+/, "URL").replace(/[\d.]+ s$/, "N s")), [
      "error: The store URL is gone: it has not answered within 2000 ms",
      "info: The store URL is back after N s",
    ]);
  },
);

redisTest("a value of 100 MB comes whole from one host to another", async () => {
  await using full = await startRedis();
  using mine = await openRedis(full.url, PATIENT);
  using theirs = await openRedis(full.url, PATIENT);
  using writer = storeOver(mine);
  using reader = storeOver(theirs);
  const value = Array.from({ length: 100 }, (_, i) => new Uint8Array(1 << 20).fill(i + 1));
  await writer.store.insert("big", value);
  const { value: found } = await reader.store.lookup("big");
  assert(!(found instanceof Uint8Array) && found.length === 100 << 20);
  assert(isSame(await collect(found), value));
});

redisTest("a full server fails inserts, keeps its values, and is reported once", async () => {
  await using full = await startRedis({ settings: { maxmemory: "8mb" } });
  const told: string[] = [];
  const log = (level: string, message: string) => void told.push(`${level}: ${message}`);
  using storage = await openRedis(full.url, { log, ...PATIENT });
  using kv = storeOver(storage);
  const value = "x".repeat(200_000);
  let written = 0;
  const fill = async () => {
    for (;; written++) await kv.put(`${written}`, value);
  };
  const refusal = await assertRejects(fill) as Error;
  assertMatch(refusal.message, /^Cannot write to KV store "store": the store .* fails: OOM/);
  await assertRejects(() => kv.put("another", value));
  assert(written > 10);
  for (let i = 0; i < written; i++) assertEquals(await kv.at(`${i}`), value);
  assertEquals((await kv.store.list()).data.length, written, "nothing is half written");
  await full.ask("CONFIG", "SET", "maxmemory", "100mb");
  await kv.put("another", value);
  assertEquals(told.map((line) => line.replace(/ redis:\S+/, "").replace(/OOM.*/, "OOM")), [
    "error: The store takes no writes: OOM",
    "info: The store takes writes again",
  ]);
});

redisTest(
  "the error for a store that cannot be opened is one line, without its password",
  async () => {
    await using locked = await startRedis({ settings: { requirepass: "secret" } });
    using opened = await openRedis(locked.url, { password: "secret", ...PATIENT });
    using kv = storeOver(opened);
    await kv.put("a", "1");
    const address = locked.url.replace("//", "//:wrong@");
    const wrong = await assertRejects(() => openRedis(address)) as Error;
    assertMatch(wrong.message, /^Cannot open the store redis:\/\/127\S+: WRONGPASS .*$/);
    assert(!wrong.message.includes("wrong@"));
    const none = await assertRejects(() => openRedis("redis://127.0.0.1:1")) as Error;
    assertMatch(none.message, /^Cannot open the store redis:\/\/127.0.0.1:1: .*ECONNREFUSED/);
  },
);

redisTest("a store with TLS is trusted by its authority, and by no other", async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue(["ip:127.0.0.1", "localhost"]);
  await withFiles({ "cert.pem": cert, "key.pem": key }, async (folder) => {
    await using plain = await startRedis({
      settings: { "tls-cert-file": `${folder}/cert.pem`, "tls-key-file": `${folder}/key.pem` },
      lines: ["tls-auth-clients no"],
    });
    const port = freePort();
    assertEquals(await plain.ask("CONFIG", "SET", "tls-port", `${port}`), "OK");
    using storage = await openRedis(`rediss://localhost:${port}`, { ca: authority.ca, ...PATIENT });
    using kv = storeOver(storage);
    await kv.put("a", "1");
    assertEquals(await kv.at("a"), "1");
    const error = await assertRejects(() => openRedis(`rediss://localhost:${port}`)) as Error;
    assertMatch(
      error.message,
      /^Cannot open the store rediss:\/\/localhost:\d+: .*(certificate|issuer)/i,
    );
  });
});

redisTest("a server that asks its clients for certificates gets that of the host", async () => {
  const [authority, clients] = [await createAuthority(), await createAuthority()];
  const { cert, key } = await authority.issue(["ip:127.0.0.1", "localhost"]);
  const files = { "cert.pem": cert, "key.pem": key, "clients.pem": clients.ca };
  await withFiles(files, async (folder) => {
    await using plain = await startRedis({
      settings: {
        "tls-cert-file": `${folder}/cert.pem`,
        "tls-key-file": `${folder}/key.pem`,
        "tls-ca-cert-file": `${folder}/clients.pem`,
      },
      lines: ["tls-auth-clients yes"],
    });
    const port = freePort();
    assertEquals(await plain.ask("CONFIG", "SET", "tls-port", `${port}`), "OK");
    const { ca } = authority;
    const own = await clients.issue(["host"]);
    using storage = await openRedis(`rediss://localhost:${port}`, { ca, ...own, ...PATIENT });
    using kv = storeOver(storage);
    await kv.put("a", "1");
    assertEquals(await kv.at("a"), "1");
    for (const refused of [{}, await authority.issue(["host"])]) {
      const address = `rediss://localhost:${port}`;
      const error = await assertRejects(() => openRedis(address, { ca, ...refused })) as Error;
      assertMatch(error.message, /^Cannot open the store rediss:\/\/localhost:\d+: .*$/);
    }
    const half = await assertRejects(() => openRedis("rediss://localhost", { cert: own.cert }));
    assertMatch((half as Error).message, /cert and key of its client go together$/);
  });
});

redisTest("a server that forgets when it is full is warned of at the start", async () => {
  const told: string[] = [];
  const log = (level: string, message: string) => void told.push(`${level}: ${message}`);
  for (const policy of ["noeviction", "volatile-lru", "allkeys-lfu"]) {
    await using evicting = await startRedis({ settings: { "maxmemory-policy": policy } });
    (await openRedis(evicting.url, { log, ...PATIENT }))[Symbol.dispose]();
  }
  assertEquals(told.length, 2);
  assertMatch(told[0]!, /^warning: The store \S+ may forget counts of rates .* is volatile-lru/);
  assertMatch(told[1]!, /^warning: The store \S+ may forget entries of KV stores.* is allkeys-lfu/);
});

redisTest("a Cluster keeps each store on one node", async () => {
  await using cluster = await startCluster();
  using storage = await openRedis(`redis+cluster://127.0.0.1:${cluster.port}`, PATIENT);
  using kv = storeOver(storage);
  const value = "x".repeat(1_000_000);
  for (let i = 0; i < 20; i++) await kv.put(`${i}`, i % 5 ? `${i}` : value);
  assertEquals((await kv.store.list()).data.length, 20);
  assertEquals(await kv.at("5"), value);
  await kv.put("5", "short", { mode: "append" });
  assertEquals(await kv.at("5"), `${value}short`);
  await kv.store.delete("5");
  await assertRejects(() => kv.at("5"), Error, "Cannot find key");
});

/** Has the server die, and expects its replica to take its place. */
async function assertFailover(watched: Watched, url: string, options: RedisOptions) {
  const told: string[] = [];
  using storage = await openRedis(url, {
    ...options,
    log: (_, message) => void told.push(message),
  });
  using kv = storeOver(storage);
  await kv.put("a", "1");
  while (await watched.replica.ask("EXISTS", "{fastlike:kv:store}:r:a") !== "1") {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  watched.master.kill("SIGKILL");
  while (!told.some((line) => / is back after/.test(line))) {
    await kv.at("a").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assertEquals(await kv.at("a"), "1");
  await kv.put("a", "2", { mode: "append" });
  assertEquals(await kv.at("a"), "12");
}

redisTest(
  "when a server behind a Sentinel dies its replica is used, with the same values",
  async () => {
    await using watched = await startSentinel();
    await assertFailover(watched, watched.url, {});
  },
);

redisTest(
  "servers and Sentinels have logins of their own, and the server's user may do only what a host needs",
  async () => {
    await using watched = await startSentinel({ server: "of-server", sentinel: "of-sentinel" });
    const url = watched.url.replace("//", "//app@");
    const logins = {
      password: "of-server",
      sentinelUsername: "host",
      sentinelPassword: "of-sentinel",
    };
    for (
      const [wrong, code] of [
        [{ sentinelPassword: "of-server" }, "WRONGPASS"],
        [{ sentinelUsername: undefined, sentinelPassword: undefined }, "NOAUTH"],
        [{ password: "of-sentinel" }, "WRONGPASS"],
      ] as const
    ) {
      const error = await assertRejects(() => openRedis(url, { ...logins, ...wrong })) as Error;
      assertMatch(
        error.message,
        new RegExp(`^Cannot open the store redis\\+sentinel:\\S+: ${code}`),
      );
      assert(!/of-(server|sentinel)/.test(error.message), error.message);
    }
    await assertFailover(watched, url, logins);
  },
);
