/**
 * What every driver of KV stores must do, and what a store over it does: `kvContract` runs it all for one driver.
 *
 * @module
 */
import fc from "npm:fast-check@4.10.2";
import { type ByteSource, collect, concat, type Payload } from "../../service/bytes.ts";
import type { KvDriver, KvRecord } from "../../service/kv/driver.ts";
import { type KvInsert, KvStore } from "../../service/kv/store.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

/** A driver without records, for one test. */
export interface OpenDriver extends AsyncDisposable {
  readonly driver: KvDriver;
}

const encoder = new TextEncoder();

function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

function isSame(whole: Uint8Array, value: readonly Uint8Array[]): boolean {
  const expected = concat(value);
  return whole.length === expected.length && whole.every((byte, i) => byte === expected[i]);
}

function record(text: string, generation: bigint, expires?: number): KvRecord {
  return { value: [bytes(text)], metadata: `about ${text}`, generation, expires };
}

async function text(value: Payload): Promise<string> {
  return new TextDecoder().decode(await collect(value));
}

/** Runs the contract over a driver. */
export function kvContract(title: string, open: () => Promise<OpenDriver>): void {
  driverContract(title, open);
  insertContract(title, open);
  expiryContract(title, open);
  listContract(title, open);
}

function driverContract(title: string, open: () => Promise<OpenDriver>): void {
  Deno.test(`${title}: what is set is there, whole, until it is deleted`, async () => {
    await using opened = await open();
    const { driver } = opened;
    assertEquals(await driver.get("a"), undefined);
    const value = [bytes("one"), Uint8Array.from({ length: 256 }, (_, i) => i)];
    const record = { value, metadata: "mé\0ta", generation: 2n ** 64n - 1n, expires: 12.5 };
    assertEquals(await driver.set("a", record, "any"), true);
    const { value: read, ...rest } = (await driver.get("a"))!;
    assertEquals(rest, { metadata: "mé\0ta", generation: 2n ** 64n - 1n, expires: 12.5 });
    assertEquals([...await collect(read)], value.flatMap((piece) => [...piece]));
    assertEquals(await driver.delete("a", 2n ** 64n - 1n), true);
    assertEquals(await driver.get("a"), undefined);
    assertEquals(await driver.delete("a", 2n ** 64n - 1n), false);
  });

  Deno.test(`${title}: an empty value is one`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const empty = { value: [], metadata: "", generation: 1n, expires: undefined };
    await driver.set("a", empty, "any");
    const read = (await driver.get("a"))!;
    assertEquals([await text(read.value), read.metadata, read.expires], ["", "", undefined]);
  });

  Deno.test(`${title}: a record is written only where what is expected is`, async () => {
    await using opened = await open();
    const { driver } = opened;
    assertEquals(await driver.set("a", record("1", 1n), 1n), false);
    assertEquals(await driver.get("a"), undefined);
    assertEquals(await driver.set("a", record("1", 1n), "none"), true);
    assertEquals(await driver.set("a", record("2", 2n), "none"), false);
    assertEquals(await driver.set("a", record("2", 2n), 3n), false);
    assertEquals(await text((await driver.get("a"))!.value), "1");
    assertEquals(await driver.set("a", record("2", 2n), 1n), true);
    assertEquals(await driver.delete("a", 1n), false);
    assertEquals(await text((await driver.get("a"))!.value), "2");
  });

  Deno.test(`${title}: no record is written over one of its own generation or a later one`, async () => {
    await using opened = await open();
    const { driver } = opened;
    assertEquals(await driver.set("a", record("1", 7n), "any"), true);
    assertEquals(await driver.set("a", record("2", 7n), "any"), false);
    assertEquals(await driver.set("a", record("2", 7n), 7n), false);
    assertEquals(await driver.set("a", record("2", 6n), "any"), false);
    assertEquals(await driver.set("a", record("2", 6n), 7n), false);
    assertEquals(await text((await driver.get("a"))!.value), "1");
    assertEquals(await driver.set("b", record("2", 7n), "any"), true);
  });

  Deno.test(`${title}: a value of many pieces is there whole, also where a short one was`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const value = Array.from({ length: 5 }, (_, i) => new Uint8Array(1_500_000).fill(i + 1));
    const big = { value, metadata: "", generation: 2n, expires: undefined };
    await driver.set("a", record("1", 1n), "any");
    await driver.set("a", big, 1n);
    const sums = new Map<number, number>();
    for (const byte of await collect((await driver.get("a"))!.value)) {
      sums.set(byte, (sums.get(byte) ?? 0) + 1);
    }
    assertEquals([...sums], [1, 2, 3, 4, 5].map((byte) => [byte, 1_500_000]));
    await driver.set("a", record("3", 3n), 2n);
    assertEquals(await text((await driver.get("a"))!.value), "3");
  });

  Deno.test(`${title}: who reads a value reads it to its end, whatever becomes of the record`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const value = (salt: number) => [1, 2, 3].map((i) => new Uint8Array(1_500_000).fill(salt + i));
    const big = (generation: bigint, salt = 0) => ({
      value: value(salt),
      metadata: "",
      generation,
      expires: undefined,
    });
    await driver.set("a", big(1n), "any");
    const found = async () => (await driver.get("a"))!.value;
    const readers = [await found(), await found()];
    const begun = await found() as ByteSource;
    const first = await begun.read();
    await driver.set("a", big(2n, 10), "any");
    const second = await found();
    const given = await found() as ByteSource;
    await driver.delete("a", 2n);
    assertEquals(await driver.get("a"), undefined);
    assertEquals(await driver.list("", undefined, 10), []);
    await driver.set("a", record("3", 3n), "none");
    given.cancel();
    assertEquals(await given.read(), undefined);
    for (const reader of readers) assert(isSame(await collect(reader), value(0)));
    assert(isSame(concat([first!, await collect(begun)]), value(0)));
    assert(isSame(await collect(second), value(10)));
    assertEquals(await text(await found()), "3");
  });

  Deno.test(`${title}: a big value comes in pieces, and its length is known from the first`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const value = Array.from({ length: 20 }, (_, i) => new Uint8Array(2 ** 20).fill(i));
    await driver.set("a", { value, metadata: "", generation: 1n, expires: undefined }, "any");
    const source = (await driver.get("a"))!.value;
    assert(!(source instanceof Uint8Array));
    let left = 20 * 2 ** 20;
    for (let chunk; (chunk = await source.read());) {
      assert(chunk.length <= 2 ** 20);
      assertEquals(source.length, left -= chunk.length);
    }
    assertEquals(source.length, 0);
  });

  Deno.test(`${title}: keys are told apart byte by byte, and listed in the order of UTF-8`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const keys = [
      "A",
      "a",
      "a\0",
      "a/",
      "aa",
      "b",
      "é",
      "e\u0301",
      "\uffff!",
      "\u{1f600}",
      "%",
      "_",
    ];
    for (const [i, key] of keys.entries()) {
      await driver.set(key, record(key, BigInt(i + 1), i || undefined), "none");
    }
    const listed = await driver.list("", undefined, 100);
    assertEquals(listed.map(({ key }) => key), [...keys].sort(asUtf8));
    for (const { key, expires } of listed) assertEquals(expires, keys.indexOf(key) || undefined);
    const page = async (prefix: string, after: string | undefined, limit: number) =>
      (await driver.list(prefix, after, limit)).map(({ key }) => key);
    assertEquals(await page("a", undefined, 2), ["a", "a\0"]);
    assertEquals(await page("a", "a\0", 100), ["a/", "aa"]);
    assertEquals(await page("a", "A", 1), ["a"]);
    assertEquals(await page("a", "b", 100), []);
    assertEquals(await page("_", undefined, 100), ["_"]);
    assertEquals(await page("%", undefined, 100), ["%"]);
    assertEquals(await page("nothing", undefined, 100), []);
  });
}

function asUtf8(a: string, b: string): number {
  const [left, right] = [bytes(a), bytes(b)];
  const at = left.findIndex((byte, i) => byte !== right[i]);
  return at < 0 ? left.length - right.length : left[at]! - (right[at] ?? -1);
}

/** A store with a clock to set. */
function storeOver(driver: KvDriver) {
  const clock = { now: 1_000_000 };
  const store = new KvStore(driver, () => clock.now);
  return {
    clock,
    store,
    put: (key: string, value: string, options?: KvInsert) =>
      store.insert(key, value ? [bytes(value)] : [], options),
    async at(key: string) {
      const { value, metadata, generation } = await store.lookup(key);
      return { value: await text(value), metadata, generation };
    },
    keys: async () => (await store.list()).data,
  };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => work);
  return (error as Error & { kind?: string }).kind ?? String(error);
}

function insertContract(title: string, open: () => Promise<OpenDriver>): void {
  Deno.test(`${title}: the modes of an insert`, async () => {
    await using opened = await open();
    const { put, at } = storeOver(opened.driver);
    await put("a", "1", { mode: "add", metadata: "first" });
    assertEquals(await refusal(put("a", "2", { mode: "add" })), "precondition-failed");
    assertEquals((await at("a")).value, "1");
    await put("a", "2", { mode: "append" });
    await put("a", "0", { mode: "prepend", metadata: "last" });
    assertEquals(await at("a").then(({ value, metadata }) => [value, metadata]), ["012", "last"]);
    await put("a", "x");
    assertEquals(await at("a").then(({ value, metadata }) => [value, metadata]), ["x", ""]);
    await put("b", "1", { mode: "append" });
    await put("c", "", { mode: "prepend" });
    assertEquals([(await at("b")).value, (await at("c")).value], ["1", ""]);
  });

  Deno.test(`${title}: each insert has a generation of its own`, async () => {
    await using opened = await open();
    const { put, at, store } = storeOver(opened.driver);
    const seen = new Set<bigint>();
    for (let i = 0; i < 10; i++) {
      await put("a", "1");
      seen.add((await at("a")).generation);
      if (i % 3 === 0) await store.delete("a");
    }
    assertEquals(seen.size, 10);
    assert([...seen].every((generation) => generation <= Number.MAX_SAFE_INTEGER));
  });

  Deno.test(`${title}: no generation comes again, whoever deletes and inserts at one time`, async () => {
    await using opened = await open();
    const stores = [storeOver(opened.driver), storeOver(opened.driver), storeOver(opened.driver)];
    const seen: bigint[] = [];
    for (let i = 0; i < 12; i++) {
      const { put, at, store, clock } = stores[i % 3]!;
      if (i === 9) clock.now += 1;
      await put("a", `${i}`, { mode: i % 2 ? "add" : "overwrite" });
      seen.push((await at("a")).generation);
      await stores[(i * 2) % 3]!.store.delete("a");
      assertEquals(await refusal(store.delete("a")), "absent");
    }
    assertEquals(new Set(seen).size, 12);
    assertEquals([...seen].sort(), seen, "they grow");
  });

  Deno.test(`${title}: what is gone is deleted after a while, as others go`, async () => {
    await using opened = await open();
    const { put, store, clock } = storeOver(opened.driver);
    for (let i = 0; i < 10; i++) {
      await put(`${i}`, "1");
      await store.delete(`${i}`);
    }
    clock.now += 60_001;
    for (let i = 10; i < 15; i++) {
      await put(`${i}`, "1");
      await store.delete(`${i}`);
    }
    const left = await opened.driver.list("", undefined, 100);
    assertEquals(left.map(({ key }) => key), ["10", "11", "12", "13", "14"]);
  });

  Deno.test(`${title}: a generation is good for one insert`, async () => {
    await using opened = await open();
    const { put, at } = storeOver(opened.driver);
    await put("a", "1");
    const { generation: ifGeneration } = await at("a");
    await put("a", "2", { ifGeneration });
    for (const mode of ["overwrite", "append", "prepend"] as const) {
      assertEquals(await refusal(put("a", "3", { mode, ifGeneration })), "precondition-failed");
    }
    assertEquals((await at("a")).value, "2");
    await put("new", "1", { ifGeneration });
    assertEquals((await at("new")).value, "1");
  });

  Deno.test(`${title}: a store whose clock is behind another's writes over what that one wrote`, async () => {
    await using opened = await open();
    const ahead = storeOver(opened.driver);
    const behind = storeOver(opened.driver);
    ahead.clock.now = 2_000_000;
    await ahead.put("a", "1");
    await behind.put("a", "2");
    const { value, generation } = await ahead.at("a");
    assertEquals([value, generation > 2_000_000_000n], ["2", true]);
    await behind.put("a", "3", { ifGeneration: generation });
    await ahead.put("a", "4", { mode: "append" });
    assertEquals((await behind.at("a")).value, "34");
  });

  Deno.test(`${title}: of inserts at the same time none is lost`, async () => {
    await using opened = await open();
    const { put, at, store } = storeOver(opened.driver);
    await Promise.all("abcdefgh".split("").map((letter) => put("k", letter, { mode: "append" })));
    assertEquals([...(await at("k")).value].sort().join(""), "abcdefgh");
    const adds = [1, 2, 3].map((i) => put("once", `${i}`, { mode: "add" }));
    const results = await Promise.allSettled(adds);
    assertEquals(results.filter(({ status }) => status === "fulfilled").length, 1);
    const deletions = await Promise.allSettled([store.delete("once"), store.delete("once")]);
    assertEquals(deletions.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });
}

function expiryContract(title: string, open: () => Promise<OpenDriver>): void {
  Deno.test(`${title}: a value is there until its time is up, and then in no way`, async () => {
    await using opened = await open();
    const { put, at, keys, store, clock } = storeOver(opened.driver);
    await put("a", "1", { ttl: 60 });
    await put("b", "1", { ttl: 60 });
    await put("c", "1", { ttl: 60 });
    await put("d", "1");
    const { generation } = await at("a");
    clock.now += 59_999;
    assertEquals((await at("a")).value, "1");
    clock.now += 1;
    assertEquals(await keys(), ["d"]);
    assertEquals(await refusal(at("a")), "absent");
    assertEquals(await refusal(store.delete("b")), "absent");
    await put("c", "2", { mode: "append" });
    assertEquals((await at("c")).value, "2");
    await put("a", "2", { mode: "add", ifGeneration: generation });
    assertEquals(await keys(), ["a", "c", "d"]);
    clock.now += 1e12;
    assertEquals(await keys(), ["a", "c", "d"]);
  });

  Deno.test(`${title}: no value is absent, for a lookup and a deletion`, async () => {
    await using opened = await open();
    const { put, at, store } = storeOver(opened.driver);
    assertEquals(await refusal(at("a")), "absent");
    assertEquals(await refusal(store.delete("a")), "absent");
    await put("a", "1");
    await store.delete("a");
    assertEquals(await refusal(store.delete("a")), "absent");
  });
}

function listContract(title: string, open: () => Promise<OpenDriver>): void {
  Deno.test(`${title}: a list of many keys comes in pages`, async () => {
    await using opened = await open();
    const { put, store } = storeOver(opened.driver);
    for (let i = 0; i < 3000; i++) await put(`${i % 27 ? "x" : "y"}/${i}`, "1");
    const sizes: number[] = [];
    const found = new Set<string>();
    for (let cursor: string | undefined; sizes.length < 10;) {
      const { data, meta } = await store.list({ prefix: "y/", limit: 20, cursor });
      assertEquals([meta.limit, meta.prefix], [20, "y/"]);
      sizes.push(data.length);
      for (const key of data) found.add(key);
      if ((cursor = meta.next_cursor) === undefined) break;
    }
    assertEquals([sizes, found.size], [[20, 20, 20, 20, 20, 12], 112]);
    const { data, meta } = await store.list();
    assertEquals([data.length, meta.limit, Object.keys(meta)], [1000, 1000, [
      "limit",
      "next_cursor",
    ]]);
    assertEquals((await store.list({ limit: 3000 })).meta, { limit: 3000 });
  });

  Deno.test(`${title}: bad cursors and no keys at all are bad requests`, async () => {
    await using opened = await open();
    const { store } = storeOver(opened.driver);
    for (const cursor of ["?", "w8M="]) {
      assertEquals(await refusal(store.list({ cursor })), "bad-request");
    }
    assertEquals(await refusal(store.list({ limit: 0 })), "bad-request");
    assertEquals(await store.list(), { data: [], meta: { limit: 1000 } });
  });

  Deno.test(`${title}: pages give each live key once, in order, whatever becomes of others`, async () => {
    await fc.assert(fc.asyncProperty(
      fc.uniqueArray(fc.string({ unit: "grapheme", minLength: 1, maxLength: 4 }), {
        maxLength: 20,
      }),
      fc.infiniteStream(fc.boolean()),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom("", "a", "é"),
      async (keys, dies, limit, prefix) => {
        await using opened = await open();
        const { put, store, clock } = storeOver(opened.driver);
        const live: string[] = [];
        for (const key of keys) {
          const ttl = dies.next().value ? 1 : undefined;
          await put(key, "1", { ttl });
          if (!ttl && key.startsWith(prefix)) live.push(key);
        }
        clock.now += 1000;
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const { data, meta } = await store.list({ prefix, limit, cursor });
          assert(data.length <= limit && (data.length === limit || !meta.next_cursor));
          found.push(...data);
          cursor = meta.next_cursor;
          // A cursor is good though its key has gone.
          if (data.length) await store.delete(data.at(-1)!);
        } while (cursor !== undefined);
        assertEquals(found, live.sort(asUtf8));
      },
    ));
  });
}
