import { assert, assertEquals, assertMatch } from "../assert.ts";
import { redisTest, startRedis } from "../drivers/redis/_redis.ts";
import { serveRust } from "../process.ts";
import { runCli, withFiles } from "./commands.ts";

const RUST = new URL("../../testdata/built/rust.wasm", import.meta.url).pathname;

/** Starts a command that is to fail; returns its exit code and its message. */
async function failing(...args: string[]): Promise<[number, string]> {
  const { code, stderr } = await runCli([RUST, "--bind", "127.0.0.1:0", ...args]);
  return [code, stderr];
}

Deno.test("a store that makes no sense is refused in one line", async () => {
  const [code, told] = await failing("--store", "localhost:6379");
  assertEquals(code, 2);
  assertMatch(told, /^Cannot use the store: it is no address of a store \(try redis:.*\)\n/);
  assertMatch((await failing("--store", "redis://h", "--persist", "x"))[1], /^Cannot use --store/);
  assertMatch(
    (await failing("--store", "redis://h", "--on-store-failure", "panic"))[1],
    /^Cannot use "panic" for --on-store-failure: count-alone or refuse\n/,
  );
  const gone = await failing("--store", "redis://127.0.0.1:1");
  assertEquals(gone[0], 1);
  assertMatch(gone[1], /^Cannot open the store redis:\/\/127.0.0.1:1: .*ECONNREFUSED[^\n]*\n$/);
});

Deno.test("fastly.toml names a store, or a folder, and not both", async () => {
  const errors = async (toml: string) => {
    let told = "";
    await withFiles({ "fastly.toml": toml }, async (folder) => {
      told = (await runCli([RUST, "-C", `${folder}/fastly.toml`])).stderr;
    });
    return told;
  };
  const store = '[local_server.store]\nurl = "redis://127.0.0.1:1"\n';
  assertMatch(await errors(store), /^Cannot open the store redis:\/\/127.0.0.1:1: /);
  assertMatch(await errors(`${store}[local_server.persist]\npath = "p"`), /"store".* persist/);
  assertMatch(await errors(`${store}on_store_failure = "panic"`), /on_store_failure/);
  assertMatch(await errors("[local_server.store]\n"), /"url" is missing/);
  assertMatch(await errors('[local_server.store]\nurl = "http://h"'), /no address of a store/);
  assertMatch(await errors(`${store}cert = "c.pem"`), /"key" is missing/);
  assertMatch(await errors(`${store}cert = "c.pem"\nkey = "k.pem"`), /c\.pem.* no such file/);
  assertMatch(await errors(`${store}pasword = "x"`), /"pasword".*password/);
});

redisTest(
  "hosts share stores, counters and the cache, and the password is in the environment",
  async () => {
    await using redis = await startRedis({ settings: { requirepass: "secret" } });
    const toml = `
    [local_server.store]
    url = "${redis.url}"
    password = { env = "OF_THE_STORE" }
    [local_server.kv_stores]
    settings = []`;
    await withFiles({ "fastly.toml": toml }, async (cwd) => {
      await using one = await serveRust([], { cwd, env: { OF_THE_STORE: "secret" } });
      const flags = ["--kv", "settings", "--store", redis.url];
      await using other = await serveRust(flags, { env: { FASTLIKE_STORE_PASSWORD: "secret" } });
      const hosts = [one, other];
      assertEquals((await one.ask("/kv/put?key=a", { method: "PUT", body: "1" })).text, "stored\n");
      assertEquals((await other.ask("/kv/get?key=a")).text, "1");
      for (let i = 0; i < 6; i++) await hosts[i % 2]!.ask("/rate/count?entry=e&delta=1");
      assertMatch((await one.ask("/rate/count?entry=e")).text, / 6\n?$/);
      const init = { method: "POST", body: "cached" };
      assertEquals((await one.ask("/cache/insert?key=c&keys=x", init)).text, "stored\n");
      assertEquals((await other.ask("/cache/lookup?key=c")).text, "cached");
      assertEquals((await other.ask("/cache/purge?key=x")).text, "purged\n");
      assertEquals((await one.ask("/cache/lookup?key=c")).text, "absent\n");
    });
  },
);

redisTest(
  "workers share a store, and the log tells once that it is gone and once that it is back",
  async () => {
    await using redis = await startRedis();
    await using host = await serveRust([
      ...["--kv", "settings", "--store", redis.url, "--workers", "2", "--log-format", "text"],
    ]);
    assertEquals((await host.ask("/kv/put?key=a", { method: "PUT", body: "1" })).status, 200);
    for (let i = 0; i < 6; i++) assertEquals((await host.ask("/kv/get?key=a")).text, "1");
    redis.kill("SIGSTOP");
    const failed = await host.ask("/kv/get?key=a");
    assert(failed.status >= 500, `${failed.status}`);
    redis.kill("SIGCONT");
    await host.cli.until(/is back after/, "stderr");
    // This may be of the other worker, which has missed the store, too.
    while ((await host.ask("/kv/get?key=a")).text !== "1");
    const noted = host.cli.printed("stderr");
    const gone = noted.match(/The store redis:\S+ is gone/g) ?? [];
    assert(gone.length >= 1 && gone.length <= 2, noted);
  },
);
