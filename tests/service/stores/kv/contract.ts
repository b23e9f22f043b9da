/**
 * Contract of drivers of KV stores, and of a store over one: `kvContract` runs its tests for one driver.
 *
 * @module
 */
import type { KvDriver } from "../../../../service/stores/kv/driver.ts";
import { type KvInsert, KvStore } from "../../../../service/stores/kv/store.ts";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import * as fc from "../../../properties.ts";
import { asUtf8, bytes, driverContract, type OpenDriver, text } from "./driver_contract.ts";
import { orderContract } from "./property.ts";

/** Runs the contract over a driver. */
export function kvContract(title: string, open: () => Promise<OpenDriver>): void {
  driverContract(title, open);
  insertContract(title, open);
  expiryContract(title, open);
  listContract(title, open);
  orderContract(title, open);
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

  Deno.test(`${title}: no generation is used again, whatever deletes and inserts run at one time`, async () => {
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

  Deno.test(`${title}: marks of deleted keys are removed after a while`, async () => {
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

  Deno.test(`${title}: a store whose clock is behind another's overwrites that one's values`, async () => {
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

  Deno.test(`${title}: expired records are swept, as long as writes go on`, async () => {
    await using opened = await open();
    const { driver } = opened;
    if (!driver.sweep) return;
    const { put, store, clock } = storeOver(driver);
    using _ = { [Symbol.dispose]: () => store.close() };
    for (let i = 0; i < 1200; i++) await put(`${i}`, "1", { ttl: 60 });
    await put("lasting", "1");
    await store.delete("0");
    const count = async () => (await driver.list("", undefined, 10_000)).length;
    assertEquals(await count(), 1201);
    clock.now += 60_000;
    await put("expired, but its generation is remembered", "1");
    assertEquals(await count(), 1202);
    clock.now += 60_000;
    await put("one write brings the sweep", "1");
    while (await count() > 3) await new Promise((resolve) => setTimeout(resolve));
    assertEquals((await store.list()).data.length, 3);
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
