/**
 * Contract of drivers of caches, and of a cache over one: `cacheContract` runs its tests for one driver.
 *
 * @module
 */
import { concat } from "../../../service/http/bytes.ts";
import type { CacheDriver, CacheRecord } from "../../../service/cache/driver.ts";
import type { WriteOptions } from "../../../service/cache/object.ts";
import { assert, assertEquals } from "../../assert.ts";
import { NONE, resultOf, written } from "./_cache.ts";
import { overlapContract } from "./overlap_property.ts";
import { propertyContract } from "./property.ts";
import { Bench, big, bodyOf, fields, isSame, MIB, type Open, text } from "./_persisted_cache.ts";
import { spillContract } from "./spill_contract.ts";

function record(place: string, more: Partial<CacheRecord> = {}): CacheRecord {
  const surrogateKeys = new Set(more.surrogateKeys ?? []);
  return {
    place,
    key: `key of ${place}`,
    head: `of ${place}`,
    length: 1,
    hits: 0,
    purged: false,
    freshFor: 60_000,
    keepFor: 60_000,
    number: undefined,
    ...more,
    surrogateKeys,
  };
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

async function heads(driver: CacheDriver): Promise<string[]> {
  return (await driver.load()).map(({ head }) => head);
}

/** Runs the contract over a driver. */
export function cacheContract(title: string, open: Open): void {
  driverContract(title, open);
  persistenceContract(title, open);
  spillContract(title, open);
  propertyContract(title, open);
  overlapContract(title, open);
}

function driverContract(title: string, open: Open): void {
  Deno.test(`${title}: objects are there at the next start, in the order of the puts`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const head = 'é "quoted" \u{1f600} \\u0000';
    const a =
      (await driver.put(record("a", { head, hits: 3, purged: true, length: 5 }), undefined, [
        bytes(1, 2),
        bytes(3),
      ]))!;
    const b = (await driver.put(record("b", { length: 0 }), undefined, []))!;
    assert(a !== b);
    await driver.put(record("a", { head, hits: 4, purged: true, length: 5 }), a, [bytes(4, 5)]);
    const again = await opened.reopen();
    const [first, second, ...rest] = await again.load();
    assertEquals([first!.content, first!.head, first!.hits, first!.purged], [b, "of b", 0, false]);
    assertEquals([second!.content, second!.head, second!.hits], [a, head, 4]);
    assertEquals([second!.purged, second!.length, first!.length, rest.length], [true, 5, 0, 0]);
    assert(second!.used > first!.used);
    const pieces = await Promise.all([0, 1, 2, 3].map((piece) => again.read(a, piece)));
    assertEquals(pieces, [bytes(1, 2), bytes(3), bytes(4, 5), undefined]);
  });

  Deno.test(`${title}: a content is there until it is freed, but no object before it is put`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const id = await driver.append(undefined, [bytes(1)]);
    assertEquals(await driver.append(id, [bytes(2), bytes(3)]), id);
    assertEquals([await driver.read(id, 2), await driver.has(id), await heads(driver)], [
      bytes(3),
      true,
      [],
    ]);
    assertEquals(await driver.put(record("a"), id, []), id);
    assertEquals(await heads(driver), ["of a"]);
    await driver.hide(id);
    assertEquals([await heads(driver), await driver.read(id, 0)], [[], bytes(1)]);
    await driver.free([id, id + 1000]);
    assertEquals([await driver.has(id), await driver.read(id, 0)], [false, undefined]);
    const other = await driver.append(undefined, [bytes(9)]);
    assert(other !== id, "a number is used once");
  });

  Deno.test(`${title}: there is one object at a place, and the one before it can still be read`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const one = (await driver.put(record("a", { head: "one" }), undefined, [bytes(1)]))!;
    const other = (await driver.put(record("a", { head: "other" }), undefined, [bytes(2)]))!;
    assertEquals([await heads(driver), await driver.read(one, 0)], [["other"], bytes(1)]);
    await driver.put(record("b", { head: "moved" }), other, []);
    assertEquals(await heads(driver), ["moved"]);
    await driver.put(record("a", { head: "back" }), one, []);
    assertEquals(await heads(driver), ["moved", "back"]);
    await driver.free([other]);
    assertEquals(await heads(driver), ["back"]);
  });

  Deno.test(`${title}: a freed content cannot be put, and nothing changes then`, async () => {
    await using opened = await open();
    const { driver } = opened;
    await driver.put(record("a"), undefined, [bytes(1)]);
    const id = (await driver.put(record("b"), undefined, [bytes(1)]))!;
    await driver.free([id]);
    assertEquals(await driver.put(record("a", { head: "new" }), id, [bytes(2)]), undefined);
    assertEquals([await heads(driver), await driver.has(id)], [["of a"], false]);
  });

  Deno.test(`${title}: a purge is of the objects that have the key now`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const a =
      (await driver.put(record("a", { surrogateKeys: new Set(["x", "y"]) }), undefined, []))!;
    await driver.put(record("b", { surrogateKeys: new Set(["y"]) }), undefined, []);
    await driver.put(record("c", { surrogateKeys: new Set(["X", "x y"]) }), undefined, []);
    await driver.purge("y", true);
    await driver.purge("none", false);
    assertEquals((await driver.load()).map(({ purged }) => purged), [true, true, false]);
    await driver.put(record("a", { surrogateKeys: new Set(["z"]) }), a, []);
    await driver.purge("x", false);
    const again = await opened.reopen();
    assertEquals(await heads(again), ["of b", "of c", "of a"]);
    await again.purge("z", false);
    await again.purge("y", false);
    assertEquals(await heads(await opened.reopen()), ["of c"]);
  });

  Deno.test(`${title}: hits are noted, and the order of the uses`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const ids = await Promise.all(
      ["a", "b", "c"].map(async (place) => (await driver.put(record(place), undefined, []))!),
    );
    await driver.use(new Map([[ids[1]!, 7], [999_999, 1], [ids[0]!, 2]]));
    const kept = await (await opened.reopen()).load();
    assertEquals(kept.map(({ hits }) => hits), [2, 7, 0]);
    const byUse = [...kept].sort((one, other) => one.used - other.used);
    assertEquals(byUse.map(({ head }) => head), ["of c", "of b", "of a"]);
  });
}

function persistenceContract(title: string, open: Open): void {
  Deno.test(`${title}: an object is found again after a restart as it was`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const say = { maxAge: 100, swr: 50, age: 7, keys: ["x"], vary: "x-variant" };
    const key = "ÿ\0\ud800 key";
    const userMetadata = Uint8Array.from({ length: 256 }, (_, i) => i);
    await bench.store(key, text("one"), { say, headers: fields("1", "é"), userMetadata });
    await bench.store(key, text("two"), { say, headers: fields("2") });
    await bench.store("other", text("three"));
    for (let i = 0; i < 3; i++) await bench.find(key, fields("1", "é"));
    await bench.turn();
    bench.now += 20_000;
    await bench.restart(true);
    const found = (await bench.find(key, fields("1", "é")))!;
    assertEquals([found.hits, found.phase, found.length], [4, "fresh", 3]);
    assertEquals(found.object.age, 27_000_000_000n);
    const { lifetime, userMetadata: metadata, varyRule, surrogateKeys } = found.object.options;
    assertEquals(lifetime.staleWhileRevalidate, 50_000_000_000n);
    assertEquals([metadata, varyRule, surrogateKeys], [
      userMetadata,
      ["x-variant"],
      new Set(["x"]),
    ]);
    assertEquals(await bench.text(key, fields("1", "é")), "one");
    assertEquals(await bench.text(key, fields("2")), "two");
    assertEquals(await bench.text(key, fields("1")), undefined);
    assertEquals(await bench.text("other"), "three");
    bench.now += 80_000;
    await bench.restart();
    assertEquals((await bench.find(key, fields("2")))!.phase, "stale");
    assertEquals(await bench.find("other"), undefined);
  });

  Deno.test(`${title}: of two rules' objects the newer one is found before a restart and after it`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    await bench.store("a", text("older"), { say: { vary: "x-variant" }, headers: fields("1") });
    await bench.store("a", text("newer"));
    const gone = { vary: "x-variant", maxAge: 0 };
    await bench.store("a", text("gone"), { say: gone, headers: fields("2") });
    assertEquals(await bench.text("a", fields("1")), "newer");
    await bench.restart();
    assertEquals(await bench.text("a", fields("1")), "newer");
  });

  Deno.test(`${title}: the object that began later is the newer one after a restart, too, in whatever order they end`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const older = bench.begin("a");
    bench.now++;
    const newer = bench.begin("a", { say: { vary: "x-variant" }, headers: fields("1") });
    for (const [{ content }, value] of [[newer, "newer"], [older, "older"]] as const) {
      await content.write(text(value));
      await content.finish();
    }
    assertEquals(await bench.text("a", fields("1")), "newer");
    await bench.restart();
    assertEquals(await bench.text("a", fields("1")), "newer");
  });

  Deno.test(`${title}: a hit while the driver takes the object counts after a restart`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const { content } = bench.begin("a");
    const stored = content.finish();
    assertEquals((await bench.find("a"))!.hits, 1);
    await stored;
    await bench.turn();
    await bench.restart(true);
    assertEquals((await bench.find("a"))!.hits, 2);
  });

  Deno.test(`${title}: an object whose successor is updated under another rule before its end is not found after a restart`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const say = { vary: "x-variant" };
    await bench.store("a", text("first"), { say, headers: fields("1") });
    const { content } = bench.begin("a", { say, headers: fields("1") });
    const { obligation } = await resultOf(bench.cache.replace("a", fields("1"), "wait"));
    obligation!.update(written({ maxAge: 0 }));
    await content.finish();
    await bench.turn();
    assertEquals(await bench.text("a", fields("1")), undefined);
    await bench.restart(true);
    assertEquals(await bench.text("a", fields("1")), undefined);
  });

  Deno.test(`${title}: an object that is updated under another rule and then removed at once is not found after a restart`, async () => {
    for (const removed of ["purged", "replaced"]) {
      await using opened = await open();
      const bench = new Bench(opened);
      const before = { maxAge: 0, swr: 60, vary: "x-variant" };
      await bench.store("a", text("before"), { say: before, headers: fields("1") });
      await bench.turn();
      const { obligation } = await resultOf(bench.cache.transaction("a", fields("1")));
      obligation!.update(written({ keys: ["y"] }));
      if (removed === "purged") await bench.cache.purge("y", false);
      else await bench.store("a", text("after"), { say: { maxAge: 0 } });
      await bench.turn();
      assertEquals(await bench.text("a", fields("1")), undefined, removed);
      await bench.restart(true);
      assertEquals(await bench.text("a", fields("1")), undefined, removed);
    }
  });

  Deno.test(`${title}: fields of the options that the cache does not know are kept, too`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const extra = { mark: { until: 12n, codes: new Set([200]), nested: [bytes(1)] } };
    await bench.store("a", text("1"), extra as Partial<WriteOptions>);
    await bench.restart();
    const { mark } = (await bench.find("a"))!.object.options as unknown as typeof extra;
    assertEquals(mark, extra.mark);
  });

  Deno.test(`${title}: an incomplete object does not come back, and the one that it was to replace does`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    await bench.store("a", text("old"));
    await bench.begin("a").content.write(text("ne"));
    bench.begin("b").content.write(text("ne"));
    await bench.begin("c").content.write(big(2 * MIB));
    await bench.restart(true);
    assertEquals([await bench.text("a"), await bench.find("b"), await bench.find("c")], [
      "old",
      undefined,
      undefined,
    ]);
    const { content } = bench.begin("a");
    content.write(text("ne"));
    await content.abort(new Error("The guest has ended"));
    await bench.restart(true);
    assertEquals(await bench.find("a"), undefined);
  });

  Deno.test(`${title}: a purge is there to stay, a soft one too`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    for (const key of ["a", "b", "c"]) {
      await bench.store(key, text(key), { say: { swr: 60, keys: [key, "all"] } });
    }
    assertEquals([await bench.cache.purge("a", false), await bench.cache.purge("b", true)], [1, 1]);
    await bench.restart(true);
    const phases = await Promise.all(
      ["a", "b", "c"].map(async (key) => (await bench.find(key))?.phase),
    );
    assertEquals(phases, [undefined, "stale", "fresh"]);
    assertEquals(await bench.cache.purge("all", false), 2);
    await bench.restart(true);
    assertEquals([await bench.find("b"), await bench.find("c")], [undefined, undefined]);
  });

  Deno.test(`${title}: an object that is replaced by force is not there, whatever comes of it`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    await bench.store("a", text("1"));
    await resultOf(bench.cache.replace("a", NONE, "immediate-force-miss"));
    await bench.turn();
    await bench.restart(true);
    assertEquals(await bench.find("a"), undefined);
  });

  Deno.test(`${title}: a sensitive object is never stored, nor is the one that it replaces`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    await bench.store("a", text("public"));
    await bench.store("a", big(2 * MIB), { sensitive: true });
    await bench.store("b", big(2 * MIB));
    bench.now += 61_000;
    await bench.store("c", text("public"), { say: { maxAge: 0, swr: 60 } });
    const { obligation } = await resultOf(bench.cache.transaction("c", NONE));
    obligation!.update({ ...written(), sensitive: true });
    assertEquals(await bench.text("c"), "public");
    await bench.turn();
    await bench.restart(true);
    assertEquals(await Promise.all(["a", "b", "c"].map((key) => bench.find(key))), [
      undefined,
      undefined,
      undefined,
    ]);
  });

  Deno.test(`${title}: a long object that turns out to be sensitive is in memory from then on`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    for (const [key, whole] of [["a", true], ["b", false]] as const) {
      const { content } = bench.begin(key, { say: { maxAge: 0, swr: 60 } });
      content.write(big(1.5 * MIB));
      if (whole) await content.finish();
      const { obligation } = await resultOf(bench.cache.transaction(key, NONE));
      obligation!.update({ ...written(), sensitive: true });
      content.write(big(1.5 * MIB, 1));
      await content.finish();
      while (content.spooled) await new Promise((resolve) => setTimeout(resolve));
      await bench.turn();
      assertEquals(await opened.driver.load(), []);
      const expected = whole ? big(1.5 * MIB) : concat([big(1.5 * MIB), big(1.5 * MIB, 1)]);
      assert(isSame(await bodyOf((await bench.find(key))!), expected));
    }
  });

  Deno.test(`${title}: an update has the content at its new place, and nothing at the old one`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    for (const length of [3, 2 * MIB]) {
      await bench.store("a", big(length), { say: { maxAge: 0, swr: 60 }, headers: fields("1") });
      const { obligation } = await resultOf(bench.cache.transaction("a", fields("1")));
      obligation!.update(written({ vary: "x-variant", keys: ["x"] }));
      await bench.turn();
      await bench.restart(true);
      assertEquals(await bench.find("a", fields("2")), undefined);
      const found = (await bench.find("a", fields("1")))!;
      assertEquals([found.phase, found.hits], ["fresh", 2]);
      assert(isSame(await bodyOf(found), big(length)));
      assertEquals(await bench.cache.purge("x", false), 1);
    }
  });

  Deno.test(`${title}: expired objects are deleted, at the start and later`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    await bench.store("a", text("1"), { say: { maxAge: 10 } });
    await bench.store("b", text("1"), { say: { maxAge: 100 } });
    bench.now += 10_000;
    await bench.restart();
    await bench.turn();
    assertEquals((await (await opened.reopen()).load()).length, 1);
    await bench.restart();
    bench.now += 100_000;
    await bench.store("c", text("1"));
    await bench.turn();
    assertEquals((await (await opened.reopen()).load()).length, 1);
  });

  Deno.test(`${title}: the bound holds for stored objects, too, and the least recently used goes first`, async () => {
    await using opened = await open();
    const bench = new Bench(opened, 10 * MIB);
    for (let i = 0; i < 20; i++) {
      await bench.store(`${i}`, big(1.5 * MIB, i));
      await bench.find("0");
      await bench.turn();
    }
    const total = (await opened.driver.load()).reduce((sum, { length }) => sum + length, 0);
    assert(total <= 10 * MIB, `${total} bytes are kept`);
    await bench.restart(true);
    const there: number[] = [];
    for (let i = 0; i < 20; i++) if (await bench.find(`${i}`)) there.push(i);
    assertEquals(there, [0, 15, 16, 17, 18, 19]);
    await bench.find("15");
    await bench.restart();
    await bench.store("new", big(1.5 * MIB));
    assert((await bench.find("15")) && !(await bench.find("0")), "the order of the uses is kept");
  });
}
