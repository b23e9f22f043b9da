import { Pipe } from "../../service/http/pipe.ts";
import { assert, assertEquals } from "../assert.ts";
import { bench, BUF, OUT, OUT2, turn, UNTOUCHED, watch, XqdStatus } from "./_bench.ts";
import {
  Caching,
  FRESH,
  MODULE,
  RECORD,
  requestWith,
  type Saying,
  STALE,
  writeRecord,
} from "./_cache.ts";

const { ok, inval, badf, buflen, unsupported, none } = XqdStatus;

Deno.test("a lookup finds an inserted object with all its options", async () => {
  using c = new Caching();
  await c.store("key", "value", {
    maxAge: 103,
    age: 2,
    swr: 7,
    edge: 1,
    metadata: "about",
    sensitive: true,
  });
  c.pass(1.5);
  const found = await c.lookup("key");
  assertEquals(await c.state(found), FRESH);
  assertEquals(await c.numbers(found), [5n, 103_000_000_000n, 7_000_000_000n, 3_500_000_000n, 1n]);
  const { text } = await c.b.read(MODULE, "get_user_metadata", [found]);
  assertEquals([text, await c.read(found)], ["about", "value"]);
  assertEquals(await c.number("get_hits", await c.lookup("key")), 2n);
  assertEquals(await c.b.call(MODULE, "close", found), ok);
  assertEquals(await c.b.call(MODULE, "close", found), badf);
});

Deno.test("a lookup that finds no object has a state alone", async () => {
  using c = new Caching();
  const handle = await c.lookup("key");
  assertEquals(await c.state(handle), 0);
  assertEquals(await c.numbers(handle), Array(5).fill(`status ${none}`));
  c.b.memory.setU32(OUT, UNTOUCHED);
  assertEquals(await c.b.call(MODULE, "get_user_metadata", handle, BUF, 10, OUT), none);
  assertEquals(c.b.memory.u32(OUT), UNTOUCHED);
  assertEquals((await c.open(handle)).status, none);
});

Deno.test("metadata that does not fit says how long it is, and is there before the content", async () => {
  using c = new Caching();
  await c.b.got(MODULE, "insert", "key", ...writeRecord(c.b, { metadata: "12345" }));
  const found = await c.lookup("key");
  const { status, length } = await c.b.read(MODULE, "get_user_metadata", [found], 4);
  assertEquals([status, length], [buflen, 5]);
});

Deno.test("an object is found from a handle of before only, once it has gone", async () => {
  using c = new Caching();
  await c.store("key", "value", { maxAge: 10, swr: 5 });
  const early = await c.lookup("key");
  c.pass(10);
  const stale = await c.lookup("key");
  c.pass(5);
  const late = await c.lookup("key");
  const states = [await c.state(early), await c.state(stale), await c.state(late)];
  assertEquals(states, [FRESH, STALE, 0]);
  assertEquals(await c.read(early), "value");
});

Deno.test("options that make no sense are refused, and nothing is stored", async () => {
  using c = new Caching();
  const refused = async (saying: Saying, bits = 0) => {
    const [mask, record] = writeRecord(c.b, saying);
    return await c.b.call(MODULE, "insert", "key", mask | bits, record, OUT);
  };
  assertEquals(await refused({ maxAge: 5, edge: 6 }), inval);
  assertEquals(await refused({ keys: "a\u00e4" }), inval);
  assertEquals(await refused({ vary: "a b:" }), XqdStatus.error);
  assertEquals(await refused({ request: 999 }), badf);
  assertEquals(await refused({}, 1), unsupported);
  assertEquals(await refused({}, 1 << 10), unsupported);
  assertEquals(await refused({}, 1 << 11), inval);
  const long = "k".repeat(8136);
  assertEquals(await c.b.call(MODULE, "insert", long, ...writeRecord(c.b, {}), OUT), inval);
  assertEquals(await c.b.call(MODULE, "lookup", long, 0, 0, OUT), inval);
  for (const [bit, status] of [[0, unsupported], [2, unsupported], [4, inval]]) {
    assertEquals(c.b.now(MODULE, "lookup", "key", 1 << bit!, RECORD, OUT), status);
  }
  assertEquals(await c.state(await c.lookup("key")), 0);
  await c.store("k".repeat(8135), "value");
});

Deno.test("request fields choose among variants", async () => {
  using c = new Caching();
  const [german, french] = [
    await requestWith(c.b, "Lang", "de"),
    await requestWith(c.b, "lang", "fr"),
  ];
  await c.store("key", "ja", { vary: "LANG", request: german });
  await c.store("key", "oui", { vary: "lang", request: french });
  assertEquals(await c.read(await c.lookup("key", { request: german })), "ja");
  assertEquals(await c.read(await c.lookup("key", { request: french })), "oui");
  assertEquals(await c.state(await c.lookup("key")), 0);
});

Deno.test("objects that are cached on behalf of another service are separate", async () => {
  using c = new Caching();
  const other = await c.b.request();
  assertEquals(c.b.now("fastly_http_req", "on_behalf_of", other, "other"), ok);
  await c.store("key", "theirs", { request: other });
  assertEquals(await c.state(await c.lookup("key")), 0);
  assertEquals(await c.read(await c.lookup("key", { request: other })), "theirs");
});

Deno.test("one body of a handle is open at a time", async () => {
  using c = new Caching();
  await c.store("key", "value");
  const found = await c.lookup("key");
  const { body } = await c.open(found);
  assertEquals((await c.open(found)).status, badf);
  assertEquals(await c.b.drain(body), "value");
  const second = await c.open(found, { from: 1, to: 2 });
  assertEquals([second.status, (await c.open(found)).status], [ok, badf]);
  assertEquals(await c.b.call("fastly_http_body", "close", second.body), ok);
  assertEquals(await c.read(found, { to: 2 }), "ue");
  assertEquals(await c.b.call(MODULE, "get_body", found, 1, RECORD, OUT), unsupported);
  assertEquals(await c.b.call(MODULE, "get_body", found, 8, RECORD, OUT), inval);
});

Deno.test("an object is read while it is written, and its length is known afterwards", async () => {
  using c = new Caching();
  const writer = await c.b.got(MODULE, "insert", "key", ...writeRecord(c.b, {}));
  using d = c.other();
  const early = await d.lookup("key");
  const { body } = await d.open(early);
  const read = watch(d.b.call("fastly_http_body", "read", body, BUF, 100, OUT));
  await turn();
  assertEquals(read.settled, false);
  await c.add(writer, "012345");
  assertEquals([await read.value, d.b.memory.u32(OUT)], [ok, 6]);
  await c.write(writer, "6789");
  assertEquals(await d.b.drain(body), "6789");
  assertEquals(await d.number("get_length", early), `status ${none}`);
  assertEquals(await d.number("get_length", await d.lookup("key")), 10n);
});

Deno.test("a guest that reads more than it has written itself gets an error at once", async () => {
  using c = new Caching();
  const writer = await c.b.got(MODULE, "insert", "key", ...writeRecord(c.b, {}));
  const { body } = await c.open(await c.lookup("key"));
  const read = () => c.b.call("fastly_http_body", "read", body, BUF, 100, OUT);
  c.b.memory.setU32(BUF, body);
  const select = () => c.b.call("fastly_async_io", "select", BUF, 1, 0, OUT);
  assertEquals([await select(), await read()], [XqdStatus.error, XqdStatus.error]);
  assertEquals(await c.b.got("fastly_async_io", "is_ready", body), 0);
  await c.add(writer, "01");
  assertEquals([await read(), c.b.memory.u32(OUT), await read()], [ok, 2, XqdStatus.error]);
  await c.write(writer, "5");
  assertEquals(await c.b.drain(body), "5");
});

Deno.test("an object that is abandoned, or not as long as declared, breaks off", async () => {
  using c = new Caching();
  for (const [length, end] of [[undefined, "abandon"], [4, "close"], [6, "close"]] as const) {
    const saying = length === undefined ? {} : { length };
    const writer = await c.b.got(MODULE, "insert", "key", ...writeRecord(c.b, saying));
    await c.add(writer, "01234");
    assertEquals(await c.b.call("fastly_http_body", end, writer), ok);
    const { body } = await c.open(await c.lookup("key"));
    let status;
    do status = await c.b.call("fastly_http_body", "read", body, BUF, 100, OUT); while (
      status === ok && c.b.memory.u32(OUT)
    );
    assert(status !== ok, `${length} ${end}`);
  }
});

Deno.test("a range waits for its first byte only if the lookup asked for that", async () => {
  using c = new Caching();
  const transaction = await c.transaction("key", { insist: true });
  const record = writeRecord(c.b, {});
  const call = "transaction_insert_and_stream_back";
  assertEquals(await c.b.call(MODULE, call, transaction, ...record, OUT, OUT2), ok);
  const [writer, back] = [c.b.memory.u32(OUT), c.b.memory.u32(OUT2)];
  using d = c.other();
  const opened = watch(d.open(await d.lookup("key", { insist: true }), { from: 6, to: 7 }));
  await turn();
  assertEquals(opened.settled, false);
  assertEquals(
    (await c.open(back, { from: 6, to: 7 })).status,
    XqdStatus.error,
    "its own to write",
  );
  await c.write(writer, "0123456789");
  assertEquals(await d.b.drain((await opened.value).body), "67");
  assertEquals(await c.read(back, { from: 6, to: 7 }), "67");
  assertEquals([await c.state(transaction), await c.state(back)], [0, FRESH]);
  assertEquals(await c.number("get_hits", back), 0n);
});

Deno.test("the bytes of the cache are an option", async () => {
  using c = new Caching({ limits: { cache_bytes: 2500 } });
  for (const key of ["a", "b", "c"]) await c.store(key, "1".repeat(500));
  assertEquals([await c.state(await c.lookup("a")), await c.state(await c.lookup("c"))], [
    0,
    FRESH,
  ]);
});

Deno.test("content of a client's request outlives the request only if it fills an object", async () => {
  let kept = 0;
  const source = () => Object.assign(new Pipe(), { keep: () => void kept++ });
  {
    using b = bench({}, { body: source() });
    const object = await b.got(MODULE, "insert", "key", ...writeRecord(b, {}));
    const { body } = b.sandbox.requests.downstream;
    assertEquals(b.call("fastly_http_body", "append", object, body), ok);
    assertEquals(kept, 1);
  }
  using b = bench({}, { body: source() });
  const { body } = b.sandbox.requests.downstream;
  assertEquals(b.call("fastly_http_body", "append", await b.body("plain"), body), ok);
  assertEquals(kept, 1);
});
