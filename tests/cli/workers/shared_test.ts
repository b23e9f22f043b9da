import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { quickest } from "../../durations.ts";
import { withFiles } from "../commands.ts";
import { type Kept, ON_LINUX, until, WorkersSite } from "./site.ts";

const RUST = new URL("../../../testdata/built/rust.wasm", import.meta.url).pathname;

/** A site of two workers, with a connection to each. */
async function two(args: readonly string[] = []): Promise<{
  readonly site: WorkersSite;
  readonly one: Kept;
  readonly other: Kept;
  readonly pids: readonly number[];
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const site = await WorkersSite.start(2, [RUST, ...args]);
  const [first, second] = await site.workers();
  const [one, other] = [await site.connectTo(first!), await site.connectTo(second!)];
  return {
    ...{ site, one, other, pids: [first!.pid, second!.pid] },
    async [Symbol.asyncDispose]() {
      one[Symbol.dispose]();
      other[Symbol.dispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}

const insert = (one: Kept, key: string, surrogate: string) =>
  one.get(`/cache/insert?key=${key}&keys=${surrogate}`, { method: "POST", body: key });
const lookup = async (one: Kept, key: string) => (await one.get(`/cache/lookup?key=${key}`)).status;

Deno.test(
  "KV stores, rate counters and penalty boxes are one for all workers",
  ON_LINUX,
  async () => {
    await using both = await two(["--kv", "settings"]);
    const { site, one, other } = both;
    assertEquals((await one.get("/kv/put?key=ada", { method: "PUT", body: "Ada" })).status, 200);
    assertEquals((await other.get("/kv/get?key=ada")).text, "Ada");
    await one.get("/rate/count?entry=a&delta=3");
    const counted = (await other.get("/rate/count?entry=a&delta=4")).text;
    assertEquals(counted.trim().split(/\s+/).at(-1), "7", counted);
    await one.get("/rate/punish?entry=b&ttl=60");
    assertEquals((await other.get("/rate/box?entry=b")).text, "in\n");
    site.cli.signal("SIGTERM");
    assertEquals((await site.cli.end()).code, 0);
  },
);

Deno.test(
  "kv_bytes bounds the KV stores of all workers together, also after a reload",
  ON_LINUX,
  async () => {
    const limit = (bytes: number) => `[local_server.limits]\nkv_bytes = ${bytes}\n`;
    await withFiles({ "fastly.toml": limit(1000) }, async (folder) => {
      const file = `${folder}/fastly.toml`;
      await using both = await two(["--kv", "settings", "-C", file]);
      const { site, one, other } = both;
      const put = async (by: Kept, key: string, length: number) => {
        const body = "x".repeat(length);
        return (await by.get(`/kv/put?key=${key}`, { method: "PUT", body })).text;
      };
      assertEquals(await put(one, "a", 600), "stored\n");
      assertMatch(await put(other, "b", 600), /too ?large/i);
      await Deno.writeTextFile(file, limit(2000));
      site.cli.signal("SIGHUP");
      await site.told(/^info: Reloaded/);
      assertEquals(await put(other, "b", 600), "stored\n");
      assertMatch(await put(one, "c", 1000), /too ?large/i);
      assertEquals((await one.get("/kv/get?key=b")).text, "x".repeat(600));
    });
  },
);

Deno.test(
  "a deleted key of a KV store does not come back with a worker that starts later",
  ON_LINUX,
  async () => {
    await withFiles({ "users.json": '{"ada":"Ada","bob":"Bob"}' }, async (folder) => {
      await using both = await two(["--kv", `settings=${folder}/users.json`]);
      const { site, one, other, pids } = both;
      assertEquals((await one.get("/kv/get?key=ada")).text, "Ada");
      await one.get("/kv/delete?key=ada");
      Deno.kill(pids[0]!, "SIGKILL");
      await until(async () => await site.metric("fastlike_worker_deaths_total") === 1);
      await site.whole(2);
      assertEquals((await other.get("/kv/get?key=ada")).status, 404);
      assertEquals((await other.get("/kv/get?key=bob")).text, "Bob");
    });
  },
);

Deno.test(
  "each worker has a cache of its own, and a purge in one reaches all",
  ON_LINUX,
  async () => {
    await using both = await two();
    const { one, other } = both;
    for (const worker of [one, other]) await insert(worker, "a", "page");
    await insert(one, "b", "other");
    assertEquals([await lookup(other, "a"), await lookup(other, "b")], [200, 404]);
    assertEquals((await one.get("/cache/purge?key=page")).text, "purged\n");
    assertEquals(await Promise.all([lookup(one, "a"), lookup(other, "a")]), [404, 404]);
    assertEquals(await lookup(one, "b"), 200);
  },
);

Deno.test(
  "a purge is answered within a second while a worker is held up, which then serves nothing older",
  ON_LINUX,
  async () => {
    await using both = await two();
    const { one, other, pids } = both;
    const round = async () => {
      await insert(other, "a", "page");
      assertEquals(await lookup(other, "a"), 200);
      Deno.kill(pids[1]!, "SIGSTOP");
      const began = performance.now();
      assertEquals((await one.get("/cache/purge?key=page")).text, "purged\n");
      const took = performance.now() - began;
      // Sent before the worker goes on: it may see the request before it sees the purge.
      await other.send("/cache/lookup?key=a");
      Deno.kill(pids[1]!, "SIGCONT");
      assertEquals((await other.receive()).status, 404);
      return took;
    };
    for (let i = 0; i < 3; i++) {
      const took = await quickest(1000, round);
      assert(took < 1000, `the purge was answered after ${took} ms`);
    }
  },
);

Deno.test(
  "with --persist the cache outlives a worker, and purged objects do not come back",
  ON_LINUX,
  async () => {
    await withFiles({}, async (folder) => {
      await using both = await two(["--persist", folder]);
      const { site, one, other, pids } = both;
      await insert(one, "kept", "k");
      await insert(one, "purged", "p");
      await other.get("/cache/purge?key=p");
      Deno.kill(pids[0]!, "SIGKILL");
      await until(async () => await site.metric("fastlike_worker_deaths_total") === 1);
      await site.whole(2);
      const [again] = await site.workers();
      using next = await site.connectTo(again!);
      assertEquals([await lookup(next, "kept"), await lookup(next, "purged")], [200, 404]);
    });
  },
);
