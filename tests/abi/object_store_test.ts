import { assertEquals } from "../assert.ts";
import { type Bench, bench, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const { ok, error, inval, badf, none } = XqdStatus;
const MODULE = "fastly_object_store";
const kvStores = { s: { key: "value" } };

/** Result of a lookup: the value, or that it has not written the handle. */
async function found(b: Bench, status: number): Promise<string | undefined> {
  assertEquals(status, ok);
  const body = b.memory.u32(OUT);
  return body === UNTOUCHED ? undefined : await b.drain(body);
}

async function lookup(b: Bench, store: number, key: string): Promise<string | undefined> {
  b.memory.setU32(OUT, UNTOUCHED);
  return await found(b, await b.call(MODULE, "lookup", store, key, OUT));
}

async function lookupLater(b: Bench, store: number, key: string): Promise<string | undefined> {
  const pending = await b.got(MODULE, "lookup_async", store, key);
  b.memory.setU32(OUT, UNTOUCHED);
  return await found(b, await b.call(MODULE, "pending_lookup_wait", pending, OUT));
}

for (const look of [lookup, lookupLater]) {
  Deno.test(`${look.name} gives a value; an absent one is no failure, and no body either`, async () => {
    using b = bench({ kvStores });
    const store = await b.got(MODULE, "open", "s");
    assertEquals(await look(b, store, "key"), "value");
    assertEquals(await look(b, store, "other"), undefined);
  });
}

Deno.test("an insert replaces the value, at once or later", async () => {
  using b = bench({ kvStores });
  const store = await b.got(MODULE, "open", "s");
  const body = await b.body("new");
  assertEquals(await b.call(MODULE, "insert", store, "key", body), ok);
  assertEquals(b.now("fastly_http_body", "close", body), badf);
  assertEquals(await lookup(b, store, "key"), "new");
  const pending = await b.got(MODULE, "insert_async", store, "key", await b.body("newer"));
  assertEquals(await b.call(MODULE, "pending_insert_wait", pending), ok);
  assertEquals(await b.call(MODULE, "pending_insert_wait", pending), badf);
  assertEquals(await lookup(b, store, "key"), "newer");
});

Deno.test("a deletion tells whether there was a value", async () => {
  using b = bench({ kvStores });
  const store = await b.got(MODULE, "open", "s");
  for (const status of [ok, none]) {
    const pending = await b.got(MODULE, "delete_async", store, "key");
    assertEquals(await b.call(MODULE, "pending_delete_wait", pending), status);
  }
  assertEquals(await lookup(b, store, "key"), undefined);
});

Deno.test("a bad key fails, but one that is no UTF-8 is invalid; the body is left alone", async () => {
  using b = bench({ kvStores });
  const store = await b.got(MODULE, "open", "s");
  const body = await b.body("kept");
  const cases = [["", error], ["a#b", error], ["../x", error], [
    Uint8Array.of(0xff),
    inval,
  ]] as const;
  for (const [key, status] of cases) {
    assertEquals(b.now(MODULE, "lookup", store, key, OUT), status);
    assertEquals(b.now(MODULE, "lookup_async", store, key, OUT), status);
    assertEquals(b.now(MODULE, "insert", store, key, body), status);
    assertEquals(b.now(MODULE, "insert_async", store, key, body, OUT), status);
    assertEquals(b.now(MODULE, "delete_async", store, key, OUT), status);
  }
  assertEquals(await b.drain(body), "kept");
});

Deno.test("a store, and its pending operations, are the same under both names", async () => {
  using b = bench({ kvStores });
  const store = await b.got("fastly_kv_store", "open", "s");
  assertEquals(await lookup(b, store, "key"), "value");
  const pending = await b.got("fastly_kv_store", "lookup", store, "key", 0, 0);
  assertEquals(await found(b, await b.call(MODULE, "pending_lookup_wait", pending, OUT)), "value");
});

Deno.test("handles of other kinds are refused", async () => {
  using b = bench({ kvStores });
  const body = await b.body();
  for (const wrong of [0, 0xffff_fffe, body]) {
    assertEquals(b.now(MODULE, "lookup", wrong, "key", OUT), badf);
    assertEquals(b.now(MODULE, "lookup_async", wrong, "key", OUT), badf);
    assertEquals(b.now(MODULE, "insert", wrong, "key", body), badf);
    assertEquals(b.now(MODULE, "insert_async", wrong, "key", body, OUT), badf);
    assertEquals(b.now(MODULE, "delete_async", wrong, "key", OUT), badf);
    assertEquals(b.now(MODULE, "pending_lookup_wait", wrong, OUT), badf);
    assertEquals(b.now(MODULE, "pending_insert_wait", wrong), badf);
    assertEquals(b.now(MODULE, "pending_delete_wait", wrong), badf);
  }
});
