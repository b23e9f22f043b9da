import { DatabaseSync } from "node:sqlite";
import { openSqlite } from "../../drivers/sqlite.ts";
import { collect } from "../../service/http/bytes.ts";
import { Cache } from "../../service/cache/cache.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { foundOf, NONE, written } from "../service/cache/_cache.ts";
import { cacheContract } from "../service/cache/contract.ts";
import { assertWhole, folder, isSame, killed } from "./_folder.ts";
import { CACHE_BYTES, valueOf } from "./writer.ts";

cacheContract("SQLite", async () => {
  const there = await folder();
  const open = new DisposableStack();
  let storage = open.use(await openSqlite(there.file));
  return {
    get driver() {
      return storage.cacheDriver;
    },
    async reopen() {
      storage[Symbol.dispose]();
      storage = open.use(await openSqlite(there.file));
      return storage.cacheDriver;
    },
    async [Symbol.asyncDispose]() {
      storage[Symbol.dispose]();
      await there[Symbol.asyncDispose]();
    },
  };
});

Deno.test("no object and no purge that was acknowledged is lost when the process is killed", async () => {
  await using there = await folder();
  for (const [round, enough] of [1, 12, 40, 75].entries()) {
    const name = `${round}/`;
    const acknowledged = await killed(there.file, "cache", name, enough);
    using storage = await openSqlite(there.file);
    const cache = new Cache(CACHE_BYTES, Date.now, storage.cacheDriver);
    for (let i = 0; i < acknowledged; i++) {
      const found = foundOf(cache.lookup(`${name}${i}`, NONE));
      // The last may be purged by the write that was under way.
      if (i % 5 === 3 && i < acknowledged - 1) assertEquals(found, undefined, `${i} was purged`);
      else if (i % 5 !== 3) {
        assert(isSame(await collect(found!.object.content.read()), valueOf(i)), `object ${i}`);
      }
    }
    const next = foundOf(cache.lookup(`${name}${acknowledged}`, NONE));
    const whole = next && await collect(next.object.content.read());
    const values = [[new TextEncoder().encode("first")], valueOf(acknowledged)];
    assert(!whole || values.some((value) => isSame(whole, value)), "no half of an object");
    cache.close();
    assertWhole(there.file);
    using database = new DatabaseSync(there.file);
    const unfinished = "SELECT count(*) AS count FROM cache WHERE place IS NULL";
    assertEquals(database.prepare(unfinished).get()!.count, 0);
  }
});

Deno.test("processes that cache in one file at the same time do it no harm", async () => {
  await using there = await folder();
  const rounds = ["a/", "b/"].map((name) => killed(there.file, "cache", name, 60));
  // Both write the same keys, too.
  const same = [60, 60].map((enough) => killed(there.file, "cache", "same/", enough));
  const [a, b] = await Promise.all([...rounds, ...same]);
  using storage = await openSqlite(there.file);
  const cache = new Cache(CACHE_BYTES, Date.now, storage.cacheDriver);
  for (const [name, count] of [["a/", a!], ["b/", b!]] as const) {
    for (let i = 0; i < count - 1; i++) {
      const found = foundOf(cache.lookup(`${name}${i}`, NONE));
      assertEquals(found !== undefined, i % 5 !== 3, `${name}${i}`);
      if (found) assert(isSame(await collect(found.object.content.read()), valueOf(i)));
    }
  }
  for (let i = 0; i < 60; i++) {
    const found = foundOf(cache.lookup(`same/${i}`, NONE));
    if (!found) continue;
    const whole = await collect(found.object.content.read());
    const values = [[new TextEncoder().encode("first")], valueOf(i)];
    assert(values.some((value) => isSame(whole, value)));
  }
  cache.close();
  assertWhole(there.file);
});

Deno.test("nothing of a sensitive object is on the disk", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const cache = new Cache(CACHE_BYTES, Date.now, storage.cacheDriver);
  const secret = new TextEncoder().encode("the secret of this test ");
  for (const sensitive of [true, false]) {
    for (const [key, times] of [["short", 10], ["long", 100_000]] as const) {
      const { content } = cache.insert(key, NONE, {
        ...written(),
        sensitive,
        userMetadata: secret,
      });
      for (let i = 0; i < times; i++) content.write(secret);
      content.finish();
    }
    const files = [there.file, `${there.file}-wal`];
    const bytes = await Promise.all(files.map((file) => Deno.readFile(file)));
    const found = bytes.some((bytes) =>
      new TextDecoder("latin1").decode(bytes).includes("secret of")
    );
    assertEquals(found, !sensitive);
  }
});

Deno.test("the file does not grow with objects that have left the cache", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const cache = new Cache(8 << 20, Date.now, storage.cacheDriver);
  // All in one turn, as a guest can.
  for (let i = 0; i < 300; i++) {
    const { content } = cache.insert(`${i}`, NONE, written());
    const length = i % 2 ? 1 << 19 : 3 << 19;
    for (let at = 0; at < length; at += 1 << 18) content.write(new Uint8Array(1 << 18).fill(i));
    content.finish();
  }
  const { size } = await Deno.stat(there.file);
  assert(size < 16 << 20, `the file has ${size} bytes`);
});

Deno.test("a starting process does not delete the rows that another one is writing", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const cache = new Cache(CACHE_BYTES, Date.now, storage.cacheDriver);
  const { content } = cache.insert("a", NONE, written());
  content.write(valueOf(10)[0]!.slice());
  assert(content.spooled);
  (await openSqlite(there.file))[Symbol.dispose]();
  content.finish();
  const other = new Cache(CACHE_BYTES, Date.now, storage.cacheDriver);
  const found = foundOf(other.lookup("a", NONE))!;
  assert(isSame(await collect(found.object.content.read()), valueOf(10)));
});

Deno.test("a file of the first version has its tables added, and keeps its records", async () => {
  await using there = await folder();
  {
    using storage = await openSqlite(there.file);
    storage.kvDriver("s").set(
      "k",
      { value: [], metadata: "m", generation: 5n, expires: undefined },
      "any",
    );
  }
  {
    using old = new DatabaseSync(there.file);
    const tables = ["cache_use", "cache_key", "cache_piece", "cache", "rate"];
    for (const table of tables) old.exec(`DROP TABLE ${table}`);
    old.exec("DROP INDEX kv_expires; PRAGMA user_version = 1");
  }
  using storage = await openSqlite(there.file);
  assertEquals((await storage.kvDriver("s").get("k"))!.metadata, "m");
  assertEquals(storage.cacheDriver.load(), []);
});

Deno.test("a damaged cache in the file is an error in one line", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const cache = new Cache(CACHE_BYTES, Date.now, storage.cacheDriver);
  cache.insert("a", NONE, written()).content.finish();
  using other = new DatabaseSync(there.file);
  other.exec("UPDATE cache SET head = 'no JSON'");
  assertThrows(
    () => new Cache(CACHE_BYTES, Date.now, storage.cacheDriver),
    Error,
    "Cannot use the cache that is kept: ",
  );
});
