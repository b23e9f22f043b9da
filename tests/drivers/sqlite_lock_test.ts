import { DatabaseSync } from "node:sqlite";
import { openSqlite, type SqliteStorage } from "../../drivers/sqlite.ts";
import { SqliteFile } from "../../drivers/sqlite_file.ts";
import { sqliteKvDriver } from "../../drivers/sqlite_kv.ts";
import { KvReads } from "../../drivers/sqlite_kv_reads.ts";
import { sqliteRateDriver } from "../../drivers/sqlite_rate.ts";
import { collect } from "../../service/http/bytes.ts";
import { Cache } from "../../service/cache/cache.ts";
import { KvStore } from "../../service/stores/kv/store.ts";
import { RateLimiter } from "../../service/rate/limiter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { foundOf, NONE, written } from "../service/cache/_cache.ts";
import { folder } from "./_folder.ts";
import { valueOf } from "./writer.ts";

const VALUE = [new TextEncoder().encode("value")];

/** Holds the lock as another process would. */
function lock(file: string) {
  const other = new DatabaseSync(file);
  other.exec("BEGIN IMMEDIATE");
  return {
    release: () => other.close(),
    [Symbol.dispose]() {
      if (other.isOpen) other.close();
    },
  };
}

/** Counts turns of the event loop until the work is settled. */
async function turnsDuring(
  work: Promise<unknown>,
  then?: (turns: number) => void,
): Promise<number> {
  let settled = false;
  work.then(() => settled = true, () => settled = true);
  let turns = 0;
  while (!settled) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    turns++;
    then?.(turns);
  }
  return turns;
}

function storeIn(storage: SqliteStorage, name = "users"): KvStore {
  return new KvStore(storage.kvDriver(name), Date.now);
}

Deno.test("a KV write waits for another process's lock, and the event loop goes on meanwhile", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const store = storeIn(storage);
  await store.insert("b", VALUE);
  using other = lock(there.file);
  const writes = Promise.all([
    store.insert("a", VALUE),
    store.delete("b"),
    store.insert("c", VALUE, { mode: "append" }),
  ]);
  const turns = await turnsDuring(writes, (turns) => turns === 30 && other.release());
  assert(turns >= 30, `${turns} turns`);
  await writes;
  assertEquals((await store.list()).data, ["a", "c"]);
});

Deno.test("counters and boxes wait for another process's lock, and the event loop goes on meanwhile", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const { counters, boxes } = new RateLimiter(Date.now, storage.rateDriver);
  using other = lock(there.file);
  const work = Promise.all([
    counters.increment("c", "e", 1),
    boxes.add("b", "e", 60),
    counters.increment("c", "e", 2),
  ]);
  const turns = await turnsDuring(work, (turns) => turns === 30 && other.release());
  assert(turns >= 30, `${turns} turns`);
  assertEquals([await counters.count("c", "e", 60), await boxes.has("b", "e")], [3, true]);
});

Deno.test("operations that wait for a lock keep their order, reads as well as writes", async () => {
  await using there = await folder();
  using database = new DatabaseSync(there.file);
  const file = new SqliteFile(database, there.file);
  let locked = true;
  const done: number[] = [];
  const work = [1, 2, 3].map((number) =>
    file.eventually("do it", () => {
      if (locked && number === 1) throw new Error("database is locked");
      done.push(number);
      return number;
    })
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals(done, []);
  locked = false;
  assertEquals(await Promise.all(work), [1, 2, 3]);
  assertEquals(done, [1, 2, 3]);
});

Deno.test("a KV write that gets no lock for 5 s fails, and names the store and the file", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  using _ = lock(there.file);
  const store = storeIn(storage);
  const turns = turnsDuring(store.insert("a", VALUE));
  const error = await assertRejects(() => store.insert("b", VALUE));
  assertEquals(
    error.message,
    `Cannot write to KV store "users" (${there.file}): database is locked: another process holds its lock`,
  );
  assert(await turns > 100);
});

Deno.test("closing a file fails the operations that wait for its lock", async () => {
  await using there = await folder();
  const storage = await openSqlite(there.file);
  using _ = lock(there.file);
  const work = storeIn(storage).insert("a", VALUE);
  const rejected = assertRejects(() => work, Error, "the file was closed");
  storage[Symbol.dispose]();
  await rejected;
});

Deno.test("the cache waits for another process's lock, and objects in memory are found meanwhile", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const cache = new Cache(1 << 20, Date.now, storage.cacheDriver);
  const put = (key: string) => {
    const { content } = cache.insert(key, NONE, written({ maxAge: 60, keys: ["x"] }));
    content.write(VALUE[0]!);
    return Promise.resolve(content.finish());
  };
  await put("old");
  using other = lock(there.file);
  const work = Promise.all([put("a"), cache.purge("x", false), put("b")]);
  const turns = await turnsDuring(work, (turns) => {
    assert(foundOf(cache.lookup("b", NONE)), "what is written is found");
    if (turns === 30) other.release();
  });
  assert(turns >= 30, `${turns} turns`);
  const again = new Cache(1 << 20, Date.now, storage.cacheDriver);
  const kept = ["old", "a", "b"].filter((key) => foundOf(again.lookup(key, NONE)));
  assertEquals(kept, ["b"], "the purge is of what was put before it");
});

Deno.test("a cache that gets no lock for 5 s goes on in memory, and tells the file once", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const told: string[] = [];
  const report = (message: string) => void told.push(message);
  const cache = new Cache(1 << 20, Date.now, storage.cacheDriver, { report });
  const put = (key: string) => {
    const { content } = cache.insert(key, NONE, written({ maxAge: 60, keys: ["x"] }));
    content.write(VALUE[0]!);
    return Promise.resolve(content.finish());
  };
  using _ = lock(there.file);
  await put("a");
  assertEquals(told, [
    "The cache goes on without its driver: Cannot write to the cache " +
    `(${there.file}): database is locked: another process holds its lock`,
  ]);
  assert(foundOf(cache.lookup("a", NONE)));
});

Deno.test("a full disk is an error that names store and file, and stored values stay", async () => {
  await using there = await folder();
  (await openSqlite(there.file))[Symbol.dispose]();
  const database = new DatabaseSync(there.file, { timeout: 0 });
  const file = new SqliteFile(database, there.file);
  using _ = { [Symbol.dispose]: () => file.close() };
  const store = new KvStore(sqliteKvDriver(file, "users", new KvReads(file)), Date.now);
  await store.insert("a", VALUE);
  const { page_count: pages } = database.prepare("PRAGMA page_count").get()!;
  database.exec(`PRAGMA max_page_count = ${Number(pages) + 10}`);
  for (const options of [{}, { mode: "append" }] as const) {
    const { message } = await assertRejects(() => store.insert("a", valueOf(10), options));
    const full = `Cannot write to KV store "users" (${there.file}): database or disk is full`;
    assertEquals(message, full);
  }
  assertEquals(await collect((await store.lookup("a")).value), VALUE[0]);
  const { counters } = new RateLimiter(Date.now, (kind) => sqliteRateDriver(file, kind));
  const flood = async () => {
    for (let i = 0; i < 10_000; i++) await counters.increment("c", `${i}`, 1);
  };
  const full = `Cannot write a rate counter (${there.file}): database or disk is full`;
  assertEquals((await assertRejects(flood)).message, full);
  await store.delete("a");
});
