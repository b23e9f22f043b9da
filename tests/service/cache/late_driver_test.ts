/** A cache whose driver answers late, or never. */
import { collect } from "../../../service/http/bytes.ts";
import { Cache } from "../../../service/cache/cache.ts";
import type { CacheDriver } from "../../../service/cache/driver.ts";
import { memoryCacheDriver } from "../../../service/cache/memory_driver.ts";
import { DriverTime } from "../../../service/util/driver_time.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { slow, wrapped } from "../slow_driver.ts";
import { foundOf, NONE, resultOf, written } from "./_cache.ts";
import { big, isSame, MIB, text } from "./_persisted_cache.ts";

/** Limits on the answers of a driver, in milliseconds: of one that never answers, and of one that a busy machine delays. */
const [SHORT, LONG] = [20, 60_000];

/** A driver of which some calls wait until they are let go. */
function held(driver: CacheDriver, ...names: string[]) {
  const gate = Promise.withResolvers<void>();
  const calls: string[] = [];
  return {
    calls,
    open: gate.resolve,
    driver: wrapped(driver, (run, name) => {
      calls.push(name);
      return names.includes(name) ? gate.promise.then(run) : run();
    }),
  };
}

/** Cache over the driver, its messages, and a function to store. */
function over(driver: CacheDriver, { max = 64 * MIB, limit = LONG } = {}) {
  const told: string[] = [];
  const report = (message: string) => void told.push(message);
  const time = new DriverTime(limit, new StallClock());
  const cache = new Cache(max, Date.now, driver, { time, report });
  const store = async (key: string, content: Uint8Array) => {
    const inserted = cache.insert(key, NONE, written({ keys: ["x", key] }));
    await inserted.content.write(content);
    await inserted.content.finish();
  };
  return { cache, told, store };
}

Deno.test("lookups of an object whose content is loaded wait for it, all for one read", async () => {
  const memory = memoryCacheDriver();
  await over(memory).store("a", text("kept"));
  const { driver, calls, open } = held(memory, "read");
  const { cache } = over(driver);
  const lookups = [
    cache.transaction("a", NONE),
    cache.lookup("a", NONE),
    cache.transaction("a", NONE),
  ];
  assertEquals(lookups.map(({ ready }) => ready), [false, false, false]);
  assertEquals(lookups.map((lookup) => lookup.isHeldBy({})), [false, false, false]);
  open();
  for (const [i, lookup] of lookups.entries()) {
    const { found, obligation } = await resultOf(lookup);
    assertEquals([found!.hits, obligation], [i + 1, undefined]);
    assertEquals(await collect(found!.object.content.read()), text("kept"));
  }
  assertEquals(calls.filter((name) => name === "read").length, 1);
});

Deno.test("a lookup that waits for a content can be cancelled, and a purge ends the wait with a miss", async () => {
  const memory = memoryCacheDriver();
  await over(memory).store("a", text("kept"));
  const { driver, open } = held(memory, "read");
  const { cache } = over(driver);
  const [first, second] = [cache.transaction("a", NONE), cache.transaction("a", NONE)];
  first.cancel();
  assertEquals(cache.purge("x", false), 1);
  open();
  const { found, obligation } = await resultOf(second);
  assert(!found && obligation, "who waited gets the obligation");
});

Deno.test("a content that is gone is a miss for one lookup that waited, and the others wait for its insert", async () => {
  const memory = memoryCacheDriver();
  await over(memory).store("a", text("kept"));
  const { driver, open } = held(memory, "read");
  const { cache } = over(driver);
  const [first, second] = [cache.transaction("a", NONE), cache.transaction("a", NONE)];
  await memory.free((await memory.load()).map(({ content }) => content));
  open();
  const { found, obligation } = await resultOf(first);
  assertEquals([found, second.ready], [undefined, false]);
  obligation!.insert(written()).content.finish();
  assertEquals((await resultOf(second)).found!.hits, 1);
});

Deno.test("writes keep their order: a purge is of objects stored before it, and not of later ones", async () => {
  const memory = memoryCacheDriver();
  const { cache, store } = over(slow(memory));
  await Promise.all([store("a", text("1")), cache.purge("x", false), store("b", text("2"))]);
  const heads = (await memory.load()).map(({ head }) => JSON.parse(head).key);
  assertEquals(heads, ["b"]);
});

Deno.test("an object that is replaced before the driver has taken it is not stored", async () => {
  const memory = memoryCacheDriver();
  const { driver, open } = held(memory, "put");
  const { cache, store } = over(driver);
  const stores = [store("other", text("0")), store("a", text("1")), store("a", text("2"))];
  open();
  await Promise.all(stores);
  await cache.drained();
  const again = over(memory).cache;
  assertEquals(
    await collect(foundOf(again.lookup("a", NONE))!.object.content.read()),
    text("2"),
  );
  assertEquals((await memory.load()).length, 2);
});

Deno.test("an object that leaves the cache before the driver has taken it does not stay there", async () => {
  const memory = memoryCacheDriver();
  const { driver, open } = held(memory, "put");
  const { cache, store } = over(driver, { max: 4096 });
  const stores = [store("a", big(1200)), store("b", big(1200)), store("c", big(1200))];
  open();
  await Promise.all(stores);
  await Promise.resolve();
  await cache.drained();
  const keys = (await memory.load()).map(({ head }) => JSON.parse(head).key);
  assertEquals(keys, ["b", "c"]);
});

Deno.test("a driver that answers no write holds up each for a bounded time, is logged once, and is not waited for again", async () => {
  const { driver, open } = held(memoryCacheDriver(), "put", "append", "purge");
  const { cache, told, store } = over(driver, { limit: SHORT });
  await store("a", text("1"));
  assertEquals(told.length, 1);
  assertMatch(told[0]!, /^The cache goes on without its driver: .*has not answered within limits/);
  await store("b", text("2"));
  await store("long", big(3 * MIB));
  assertEquals(told.length, 1);
  await assertRejects(async () => await cache.purge("a", false), Error, "Cannot purge the cache");
  assertEquals(foundOf(cache.lookup("a", NONE)), undefined, "but it is gone from memory");
  for (const [key, whole] of [["b", text("2")], ["long", big(3 * MIB)]] as const) {
    const { content } = foundOf(cache.lookup(key, NONE))!.object;
    assert(isSame(await collect(content.read()), whole));
  }
  await cache.close();
  open();
});

Deno.test("when a driver answers again it is used again, and a purge that was reported as failed takes its turn", async () => {
  const memory = memoryCacheDriver();
  const { driver, open } = held(memory, "put");
  const { cache, store } = over(driver, { limit: SHORT });
  await store("a", text("1"));
  await assertRejects(async () => await cache.purge("a", false));
  open();
  await new Promise((resolve) => setTimeout(resolve));
  await cache.drained();
  await store("b", text("2"));
  const keys = (await memory.load()).map(({ head }) => JSON.parse(head).key);
  assertEquals(keys, ["b"]);
});

Deno.test("a content that the driver does not give in time is a miss, and the next lookups do not wait", async () => {
  const memory = memoryCacheDriver();
  const before = over(memory);
  for (const key of ["a", "b"]) await before.store(key, text(key));
  await before.store("long", big(3 * MIB));
  const { driver } = held(memory, "read", "has");
  const { cache, told } = over(driver, { limit: SHORT });
  const { found, obligation } = await resultOf(cache.transaction("a", NONE));
  assert(!found && obligation);
  for (const key of ["b", "long"]) {
    assertEquals((await resultOf(cache.lookup(key, NONE))).found, undefined);
  }
  assertEquals(told.length, 1);
});

Deno.test("a long object that the driver does not give in time breaks off for its reader", async () => {
  const memory = memoryCacheDriver();
  await over(memory).store("long", big(3 * MIB));
  const { driver } = held(memory, "read");
  const { cache } = over(driver, { limit: SHORT });
  const found = foundOf(cache.lookup("long", NONE))!;
  await assertRejects(
    () => collect(found.object.content.read()),
    Error,
    "Cannot read on in a cached object",
  );
});

Deno.test("a cache that is loaded late keeps the objects stored meanwhile", async () => {
  const memory = memoryCacheDriver();
  const before = over(memory);
  for (const key of ["a", "b"]) await before.store(key, text("old"));
  const { driver, open } = held(memory, "load");
  const { cache, store } = over(driver);
  await store("a", text("new"));
  open();
  await cache.loaded;
  for (const [key, value] of [["a", "new"], ["b", "old"]] as const) {
    const { content } = foundOf(cache.lookup(key, NONE))!.object;
    assertEquals(await collect(content.read()), text(value));
  }
});

Deno.test("a cache whose driver never gives its objects cannot be used, in one line", async () => {
  const { driver } = held(memoryCacheDriver(), "load");
  const { cache } = over(driver, { limit: SHORT });
  const { message } = await assertRejects(() => cache.loaded!);
  assertMatch(message, /^Cannot use the cache that is kept: Cannot read the cache: the driver has/);
});

Deno.test("a writer waits for a driver that is slower, so that memory is bounded", async () => {
  const memory = memoryCacheDriver();
  const { driver, open } = held(memory, "append");
  const { cache } = over(driver);
  const { content } = cache.insert("a", NONE, written());
  let taken = 0;
  let waits: Promise<void> | void = undefined;
  for (; !waits && taken < 32; taken++) waits = content.write(big(MIB, taken));
  assert(taken < 8 && content.full, `${taken} MiB were taken`);
  open();
  await waits;
  await content.finish();
  assertEquals(content.length, taken * MIB);
});
