import { Body } from "../../handles/body.ts";
import { HostError } from "../../service/errors.ts";
import { Pipe } from "../../service/http/pipe.ts";
import { assertEquals } from "../assert.ts";
import { startOrigin } from "../guests/serving.ts";
import { bench, BUF, OUT, OUT2, OUT3, watch, XqdStatus } from "./_bench.ts";
import { GENERATION, KvError, MODULE, open } from "./_kv.ts";

const { ok, badf, httpincomplete } = XqdStatus;

Deno.test("a body that comes from a backend is stored whole, and its handle is consumed", async () => {
  await using origin = await startOrigin((_, response) => {
    response.write("first ");
    setImmediate(() => response.end("second"));
  });
  using kv = await open({ s: {} }, { backends: { origin: origin.url } });
  const { b } = kv;
  const request = await b.request();
  const sent = await b.call(
    "fastly_http_req",
    "send",
    request,
    await b.body(),
    "origin",
    OUT,
    OUT2,
  );
  assertEquals(sent, ok);
  const body = b.memory.u32(OUT2);
  assertEquals(await kv.insert("key", body), KvError.ok);
  assertEquals((await kv.lookup("key")).value, "first second");
  assertEquals(b.now("fastly_http_body", "close", body), badf);
});

Deno.test("an insert waits for its body, and a body that breaks off stores nothing", async () => {
  const pipe = new Pipe();
  using b = bench({ kvStores: { s: {} } }, { body: pipe });
  const store = await b.got(MODULE, "open", "s");
  const { body } = b.sandbox.requests.downstream;
  const insert = watch(b.call(MODULE, "insert", store, "key", body, 0, 0, OUT));
  pipe.write(Uint8Array.of(1));
  await Promise.resolve();
  assertEquals(insert.settled, false);
  pipe.abort(new HostError("http-incomplete", "Cannot read on"));
  assertEquals(await insert.value, httpincomplete);
  const pending = await b.got(MODULE, "lookup", store, "key", 0, 0);
  const outs = [OUT, BUF, 100, OUT2, GENERATION, OUT3];
  assertEquals(await b.call(MODULE, "lookup_wait_v2", pending, ...outs), ok);
  assertEquals(b.memory.u32(OUT3), KvError.notFound);
});

/** A body of so many mebibytes, which are there one at a time. */
function mebibytes(count: number) {
  let left = count;
  return {
    get length() {
      return left * 2 ** 20;
    },
    trailers: undefined,
    read: () => left-- > 0 ? new Uint8Array(2 ** 20).fill(left) : undefined,
    cancel: () => void (left = 0),
  };
}

Deno.test("a value of 100 MiB is stored and read back", async () => {
  using b = bench({ kvStores: { s: {} } }, { body: mebibytes(100) });
  const store = await b.got(MODULE, "open", "s");
  const insert = await b.got(
    MODULE,
    "insert",
    store,
    "key",
    b.sandbox.requests.downstream.body,
    0,
    0,
  );
  assertEquals(await b.got(MODULE, "insert_wait", insert), KvError.ok);
  const pending = await b.got(MODULE, "lookup", store, "key", 0, 0);
  const outs = [OUT, BUF, 100, OUT2, GENERATION, OUT3];
  assertEquals(await b.call(MODULE, "lookup_wait_v2", pending, ...outs), ok);
  const body = b.memory.u32(OUT);
  assertEquals(b.now("fastly_http_body", "known_length", body, GENERATION), ok);
  assertEquals(b.memory.u64(GENERATION), 100n * 2n ** 20n);
  let length = 0;
  do {
    assertEquals(b.now("fastly_http_body", "read", body, BUF, 0x1_0000, OUT), ok);
    length += b.memory.u32(OUT);
  } while (b.memory.u32(OUT));
  assertEquals(length, 100 * 2 ** 20);
});

Deno.test("a value that is too large fails the insert", async () => {
  using b = bench({ kvStores: { s: {} } }, { body: mebibytes(101) });
  const store = await b.got(MODULE, "open", "s");
  const insert = await b.got(
    MODULE,
    "insert",
    store,
    "key",
    b.sandbox.requests.downstream.body,
    0,
    0,
  );
  assertEquals(await b.got(MODULE, "insert_wait", insert), KvError.tooLarge);
});

Deno.test("lookups under way can be selected among, and stay ready", async () => {
  using kv = await open({ s: { key: "1" } });
  const { b, store } = kv;
  const body = b.sandbox.handles.insert(Body.of(new Pipe()));
  const pending = await b.got(MODULE, "lookup", store, "key", 0, 0);
  b.memory.setU32(BUF, body);
  b.memory.setU32(BUF + 4, pending);
  for (let i = 0; i < 2; i++) {
    assertEquals(await b.got("fastly_async_io", "select", BUF, 2, 0), 1);
    assertEquals(await b.got("fastly_async_io", "is_ready", pending), 1);
  }
});

Deno.test("an insert whose result is not awaited is made all the same", async () => {
  using kv = await open();
  const { b, store } = kv;
  await b.got(MODULE, "insert", store, "key", await b.body("x"), 0, 0);
  assertEquals((await kv.lookup("key")).value, "x");
});
