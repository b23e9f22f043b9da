/** KV stores whose drivers take too long: no guest waits for ever. */
import { memoryDriver } from "../../service/stores/kv/memory_driver.ts";
import type { KvDriver, KvRecord } from "../../service/stores/kv/driver.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { silent, wrapped } from "../service/slow_driver.ts";
import { bench, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";
import { open } from "./_kv.ts";

const INTERNAL = 6;
const LATE = /: the driver has not answered within limits\.driver_time \(20 ms\)\. Check what /;

function late(driver: KvDriver) {
  const logged: string[] = [];
  return {
    logged,
    kvDriver: () => driver,
    limits: { driver_time: "20ms" },
    log: (entry: { readonly kind: string; readonly message?: string }) => {
      if (entry.kind === "host") logged.push(entry.message!);
    },
  };
}

Deno.test("a driver that never answers fails each call of a KV store after driver_time, with the reason in the log", async () => {
  const { logged, ...options } = late(silent(memoryDriver()));
  using kv = await open({ s: {} }, options);
  assertEquals(await kv.insert("key", "value"), INTERNAL);
  assertEquals((await kv.lookup("key")).code, INTERNAL);
  assertEquals(await kv.remove("key"), INTERNAL);
  assertEquals((await kv.list()).code, INTERNAL);
  assertEquals(logged.length, 4);
  for (const message of logged) {
    assertMatch(message, /Cannot (read from|write to) KV store "s"/);
    assertMatch(message, LATE);
  }
});

Deno.test("a driver that never answers fails the calls of object stores after driver_time", async () => {
  const { logged, ...options } = late(silent(memoryDriver()));
  using b = bench({ kvStores: { s: {} }, ...options });
  const store = await b.got("fastly_object_store", "open", "s");
  assertEquals(await b.call("fastly_object_store", "lookup", store, "key", OUT), XqdStatus.error);
  const insert = await b.call("fastly_object_store", "insert", store, "key", await b.body("value"));
  assertEquals(insert, XqdStatus.error);
  for (const message of logged) assertMatch(message, LATE);
  assertEquals(logged.length, 2);
});

Deno.test("a driver that never takes the entries of the options fails each call, and is asked again at the next", async () => {
  let calls = 0;
  const { logged: _, ...options } = late(wrapped(memoryDriver(), () => {
    calls++;
    return new Promise(() => {});
  }));
  using kv = await open({ s: { key: "value" } }, options);
  assertEquals((await kv.lookup("key")).code, INTERNAL);
  assertEquals((await kv.lookup("key")).code, INTERNAL);
  assertEquals(calls, 2);
});

/** A record with a value that breaks off in its midst: the next piece never comes. */
function endless(record: KvRecord) {
  let cancelled = false;
  const value = {
    length: 100,
    trailers: undefined,
    pieces: 0,
    read: () => value.pieces++ ? new Promise<Uint8Array>(() => {}) : Uint8Array.of(1),
    cancel: () => void (cancelled = true),
  };
  return { found: { ...record, value }, cancelled: () => cancelled };
}

const RECORD: KvRecord = { value: [], metadata: "", generation: 5n, expires: undefined };

Deno.test("a value of which a driver never gives the rest fails the read of its body, and the insert that adds to it", async () => {
  const { logged, ...options } = late({ ...memoryDriver(), get: () => endless(RECORD).found });
  using kv = await open({ s: {} }, options);
  const { b, store } = kv;
  const pending = await b.got("fastly_kv_store", "lookup", store, "key", 0, 0);
  b.memory.setU32(OUT, UNTOUCHED);
  const outs = [OUT, 0x3000, 100, 0x3100, 0x3200, 0x3300];
  assertEquals(
    await b.call("fastly_kv_store", "lookup_wait_v2", pending, ...outs),
    XqdStatus.ok,
  );
  const body = b.memory.u32(OUT);
  const read = () => b.call("fastly_http_body", "read", body, 0x3000, 100, OUT);
  assertEquals([await read(), await read()], [XqdStatus.ok, XqdStatus.error]);
  assertEquals(await kv.insert("key", "more", { mode: "append" }), INTERNAL);
  for (const message of logged) assertMatch(message, LATE);
  assertEquals(logged.length, 2);
});

Deno.test("a value that a driver gives too late is let go of", async () => {
  const answer = Promise.withResolvers<ReturnType<typeof endless>["found"]>();
  const { logged: _, ...options } = late({ ...memoryDriver(), get: () => answer.promise });
  using kv = await open({ s: {} }, options);
  assertEquals((await kv.lookup("key")).code, INTERNAL);
  const { found, cancelled } = endless(RECORD);
  answer.resolve(found);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(cancelled(), true);
});
