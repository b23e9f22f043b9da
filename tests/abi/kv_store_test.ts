import type { LogEntry } from "../../service/log.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { bench, BUF, OUT, OUT2, OUT3, UNTOUCHED, XqdStatus } from "./_bench.ts";
import { GENERATION, insertRecord, KvError, listRecord, MODULE, open, RECORD } from "./_kv.ts";

const { ok, inval, badf, buflen } = XqdStatus;

for (
  const [open, module] of [["open", MODULE], ["open_v2", MODULE], ["open", "fastly_object_store"]]
) {
  Deno.test(`${module}.${open} finds stores by name`, async () => {
    using b = bench({ kvStores: { s: {} } });
    assert(await b.got(module!, open!, "s"));
    b.memory.setU32(OUT, UNTOUCHED);
    for (const name of ["other", "", "__proto__", Uint8Array.of(0xff)]) {
      assertEquals(b.now(module!, open!, name, OUT), inval);
    }
    assertEquals(b.memory.u32(OUT), UNTOUCHED);
  });
}

Deno.test("a value is looked up with its metadata and its generation", async () => {
  using kv = await open();
  assertEquals(await kv.insert("key", "value", { metadata: "about" }), KvError.ok);
  const { generation, ...found } = await kv.lookup("key");
  assertEquals(found, {
    status: ok,
    code: KvError.ok,
    metadata: "about",
    length: 5,
    value: "value",
  });
  assert(generation > 0n && generation < 2n ** 53n);
  await kv.insert("key", "");
  const { metadata, length, value } = await kv.lookup("key");
  assertEquals([metadata, length, value], ["", 0, ""]);
});

Deno.test("a lookup of old has no generation to tell, and writes four bytes for it", async () => {
  using kv = await open({ s: { key: { value: "v", metadata: "m" } } });
  const { b } = kv;
  b.fill(GENERATION, 8);
  const pending = await b.got(MODULE, "lookup_v2", kv.store, "key", 0, 0);
  const outs = [OUT, BUF, 100, OUT2, GENERATION, OUT3];
  assertEquals(await b.call(MODULE, "lookup_wait", pending, ...outs), ok);
  assertEquals([b.memory.u32(GENERATION), b.memory.u32(OUT3)], [0, KvError.ok]);
  b.assertFilled(GENERATION + 4, 4);
  assertEquals([b.text(BUF, b.memory.u32(OUT2)), await b.drain(b.memory.u32(OUT))], ["m", "v"]);
});

Deno.test("an absent key is not found, and nothing else is written", async () => {
  using kv = await open();
  const { status, code, length, value, generation } = await kv.lookup("key");
  assertEquals([status, code, length, value], [ok, KvError.notFound, UNTOUCHED, undefined]);
  assertEquals(Number(generation & 0xffff_ffffn), UNTOUCHED);
  assertEquals(kv.b.memory.u32(OUT), UNTOUCHED);
  assertEquals(await kv.remove("key"), KvError.notFound);
});

Deno.test("metadata that does not fit tells its length", async () => {
  using kv = await open();
  await kv.insert("key", "value", { metadata: "about" });
  const { status, length } = await kv.lookup("key", 4);
  assertEquals([status, length], [buflen, 5]);
});

Deno.test("the mode of an insert has no bit and always counts", async () => {
  using kv = await open();
  assertEquals(await kv.insert("key", "1", { mode: "add" }), KvError.ok);
  assertEquals(await kv.insert("key", "x", { mode: "add" }), KvError.preconditionFailed);
  assertEquals(await kv.insert("key", "2", { mode: "append" }), KvError.ok);
  assertEquals(await kv.insert("key", "0", { mode: "prepend" }), KvError.ok);
  assertEquals((await kv.lookup("key")).value, "012");
});

Deno.test("a generation is good for one insert", async () => {
  using kv = await open();
  await kv.insert("key", "1");
  const { generation: ifGeneration } = await kv.lookup("key");
  assertEquals(await kv.insert("key", "2", { ifGeneration }), KvError.ok);
  assertEquals(await kv.insert("key", "3", { ifGeneration }), KvError.preconditionFailed);
  assertEquals((await kv.lookup("key")).value, "2");
});

Deno.test("a value is there for the seconds of its time to live", async () => {
  let now = 5_000;
  using kv = await open({ s: {} }, { clock: () => now });
  await kv.insert("key", "1", { ttl: 10 });
  now += 9_999;
  assertEquals((await kv.lookup("key")).value, "1");
  now += 1;
  assertEquals((await kv.lookup("key")).code, KvError.notFound);
  await kv.insert("key", "1", { ttl: 0 });
  assertEquals(await kv.remove("key"), KvError.notFound);
});

Deno.test("a deleted key is absent", async () => {
  using kv = await open({ s: { key: "1" } });
  assertEquals(await kv.remove("key"), KvError.ok);
  assertEquals(await kv.remove("key"), KvError.notFound);
  assertEquals((await kv.lookup("key")).code, KvError.notFound);
});

Deno.test("a list is JSON with a cursor to the next page", async () => {
  using kv = await open({ s: { b: "", a: "", "c/1": "", "c/2": "" } });
  assertEquals(await kv.list(), {
    code: KvError.ok,
    json: '{"data":["a","b","c/1","c/2"],"meta":{"limit":1000}}',
  });
  const first = await kv.list({ limit: 1, prefix: "c/" });
  assertEquals(
    first.json,
    '{"data":["c/1"],"meta":{"limit":1,"prefix":"c/","next_cursor":"Yy8x"}}',
  );
  const second = await kv.list({ limit: 1, prefix: "c/", cursor: "Yy8x" });
  assertEquals(second.json, '{"data":["c/2"],"meta":{"limit":1,"prefix":"c/"}}');
  assertEquals(
    (await kv.list({ prefix: "none" })).json,
    '{"data":[],"meta":{"limit":1000,"prefix":"none"}}',
  );
});

Deno.test("a list of nothing, or from a cursor that is none, is a bad request", async () => {
  using kv = await open();
  for (const query of [{ limit: 0 }, { cursor: "?" }, { cursor: "w8M=" }]) {
    assertEquals(await kv.list(query), { code: KvError.badRequest, json: undefined });
  }
});

Deno.test("options that are empty, unknown or wild are refused", async () => {
  using kv = await open();
  const { b, store } = kv;
  const list = (mask: number, record = RECORD) => b.now(MODULE, "list", store, mask, record, OUT);
  assertEquals(list(listRecord(b, { cursor: "" })), inval);
  assertEquals(list(listRecord(b, { prefix: "" })), inval);
  assertEquals(list(listRecord(b, {}) | 16), inval);
  assertEquals(list(listRecord(b, { prefix: "\xff" })), inval);
  assertEquals(list(0, 0x1_fffe), inval);
  b.memory.setU32(RECORD, 2);
  assertEquals(list(0), inval);
  const insert = async (mask: number, record = RECORD) =>
    await b.call(MODULE, "insert", store, "key", await b.body("x"), mask, record, OUT);
  assertEquals(await insert(insertRecord(b, { metadata: "" })), inval);
  assertEquals(await insert(insertRecord(b, { metadata: "\xff" })), inval);
  assertEquals(await insert(insertRecord(b, {}) | 64), inval);
  assertEquals(await insert(0, 0x1_fffe), inval);
  b.memory.setU32(RECORD, 4);
  assertEquals(await insert(0), inval);
  for (const start of ["lookup", "delete"]) {
    assertEquals(b.now(MODULE, start, store, "key", 2, RECORD, OUT), inval);
  }
});

Deno.test("options that there need not be may be missing, and some say nothing here", async () => {
  using kv = await open({ s: { old: "1" } });
  const { b, store } = kv;
  b.memory.setU32(0, 77); // no mode: nothing may be read from there
  const pending = await b.got(MODULE, "insert", store, "key", await b.body("x"), 0, 0);
  assertEquals(await b.got(MODULE, "insert_wait", pending), KvError.ok);
  const listing = await b.got(MODULE, "list", store, 0, 0);
  assertEquals(await b.call(MODULE, "list_wait", listing, OUT, OUT2), ok);
  const mask = insertRecord(b, {});
  const background = 2;
  const fetch = await b.got(
    MODULE,
    "insert",
    store,
    "k",
    await b.body(),
    mask | background | 5,
    RECORD,
  );
  assertEquals(await b.got(MODULE, "insert_wait", fetch), KvError.ok);
  for (const start of ["lookup", "delete"]) {
    await b.got(MODULE, start, store, "old", 1, 0xffff_ffff);
  }
});

Deno.test("a bad key is refused at once, and its body is left alone", async () => {
  using kv = await open();
  const { b, store } = kv;
  b.memory.setU32(OUT2, UNTOUCHED);
  for (const key of ["", "a#b", "..", " ", "x".repeat(1025), Uint8Array.of(0xff)]) {
    assertEquals(b.now(MODULE, "lookup", store, key, 0, 0, OUT2), inval);
    assertEquals(b.now(MODULE, "delete", store, key, 0, 0, OUT2), inval);
    const body = await b.body("kept");
    assertEquals(b.now(MODULE, "insert", store, key, body, 0, RECORD, OUT2), inval);
    assertEquals(await b.drain(body), "kept");
  }
  assertEquals(b.memory.u32(OUT2), UNTOUCHED);
});

Deno.test("handles of other kinds are refused, and each waiting consumes its own", async () => {
  using kv = await open({ s: { key: "1" } });
  const { b, store } = kv;
  const body = await b.body("x");
  for (const wrong of [0, 0xffff_fffe, body]) {
    assertEquals(b.now(MODULE, "lookup", wrong, "key", 0, 0, OUT), badf);
    assertEquals(b.now(MODULE, "delete", wrong, "key", 0, 0, OUT), badf);
    assertEquals(b.now(MODULE, "list", wrong, 0, 0, OUT), badf);
    assertEquals(b.now(MODULE, "insert", wrong, "key", body, 0, 0, OUT), badf);
  }
  assertEquals(b.now(MODULE, "insert", store, "key", store, 0, 0, OUT), badf);
  const pending = await b.got(MODULE, "lookup", store, "key", 0, 0);
  const waits: [string, number[]][] = [
    ["insert_wait", [OUT]],
    ["delete_wait", [OUT]],
    ["list_wait", [OUT, OUT2]],
    ["lookup_wait_v2", [OUT, BUF, 100, OUT2, GENERATION, OUT3]],
    ["lookup_wait", [OUT, BUF, 100, OUT2, GENERATION, OUT3]],
  ];
  const statuses: number[] = [];
  for (const [wait, outs] of waits) statuses.push(await b.call(MODULE, wait, pending, ...outs));
  assertEquals(statuses, [badf, badf, badf, ok, badf]);
});

Deno.test("pointers that cannot be written to are refused, whatever there is to write", async () => {
  using kv = await open({ s: { key: "1" } });
  const { b, store } = kv;
  const wild = 0x1_ffff;
  for (const key of ["key", "none"]) {
    const pending = await b.got(MODULE, "lookup", store, key, 0, 0);
    const outs = [OUT, BUF, 100, OUT2, GENERATION, wild];
    assertEquals(await b.call(MODULE, "lookup_wait_v2", pending, ...outs), inval, key);
    const deletion = await b.got(MODULE, "delete", store, key, 0, 0);
    assertEquals(await b.call(MODULE, "delete_wait", deletion, wild), inval);
  }
});

Deno.test("a value for which KV in memory has no room is too large, and the log names the limit", async () => {
  using kv = await open({ s: { old: "kept" } }, { limits: { kv_bytes: 100 } });
  const { b } = kv;
  assertEquals(await kv.insert("a", "x".repeat(92)), KvError.ok);
  assertEquals(await kv.insert("b", ""), KvError.tooLarge);
  assertEquals(await kv.insert("a", "x".repeat(93)), KvError.tooLarge);
  assertEquals((await kv.lookup("a")).length, 0);
  assertEquals(b.exchange.metrics.limit, "kv_bytes 100B");
  assertEquals(b.service.counters.limits, { kv_bytes: 1 });
  assertEquals(await kv.remove("a"), KvError.ok);
  assertEquals(await kv.insert("b", "x".repeat(92)), KvError.ok);
  const body = await b.body("y");
  const objects = "fastly_object_store";
  assertEquals(await b.call(objects, "insert", kv.store, "c", body), inval);
});

Deno.test("a failed change whose result is not awaited is logged", async () => {
  using kv = await open({ s: {} }, { limits: { kv_bytes: 10 } });
  const { b } = kv;
  const mask = insertRecord(b, {});
  await b.got(MODULE, "insert", kv.store, "key", await b.body("x".repeat(92)), mask, RECORD);
  b.sandbox.end();
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(b.exchange.metrics.limit, "kv_bytes 10B");
});

Deno.test("a driver that fails is an internal error to the guest, and a line in the log", async () => {
  const fail = () => Promise.reject(new Error("the disk is full"));
  const kvDriver = () => ({ get: fail, set: fail, delete: fail, list: fail });
  using kv = await open({ s: {} }, { kvDriver });
  const { b } = kv;
  const internal = 6;
  assertEquals(await kv.insert("key", "value"), internal);
  assertEquals((await kv.lookup("key")).code, internal);
  assertEquals(await kv.remove("key"), internal);
  assertEquals((await kv.list()).code, internal);
  assertEquals(b.bugs.length, 4);
  assertEquals(b.bugs.every((line) => line.includes("the disk is full")), true);
  b.logs.length = 0;
  const mask = insertRecord(b, {});
  await b.got(MODULE, "insert", kv.store, "key", await b.body("x"), mask, RECORD);
  b.sandbox.end();
  await new Promise((resolve) => setTimeout(resolve));
  const [{ kind, message }] = b.logs as [LogEntry & { kind: "host" }];
  assertEquals([kind, b.logs.length], ["host", 1]);
  assertMatch(message, /^A change to a KV store failed: Error: the disk is full/);
});
