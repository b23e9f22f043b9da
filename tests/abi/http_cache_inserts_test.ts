import { HostError } from "../../service/errors.ts";
import { Pipe } from "../../service/http/pipe.ts";
import { assertEquals } from "../assert.ts";
import { BUF, OUT, OUT2, turn, watch, XqdStatus } from "./_bench.ts";
import { FRESH, HTTP_CACHE, HttpCaching, State, usesOf, writeRecord } from "./_http_cache.ts";

const { ok } = XqdStatus;
const { mustInsert } = State;

Deno.test("a request that passes is sent as it is, and a part of the answer is not stored", async () => {
  using c = new HttpCaching();
  c.ok(
    ...[HTTP_CACHE, "transaction_record_not_cacheable", await c.begin()] as const,
    ...writeRecord(c.b, {}),
  );
  const cases: [method: string, fields: string[], status: number, action: string][] = [
    ["HEAD", [], 200, "do-not-store"],
    ["GET", ["Range", "bytes=0-1"], 206, "do-not-store"],
    ["GET", ["Range", "bytes=90-"], 416, "do-not-store"],
    ["GET", ["If-None-Match", '"1"'], 304, "do-not-store"],
    ["GET", ["If-Match", '"1"'], 412, "do-not-store"],
    ["GET", [], 200, "insert"],
  ];
  for (const [method, fields, status, action] of cases) {
    const lookup = await c.begin(fields, method);
    assertEquals(await c.state(lookup), mustInsert);
    const request = await c.b.got(HTTP_CACHE, "get_suggested_backend_request", lookup);
    const [name, value] = fields;
    if (name) {
      assertEquals(await c.headers(request, "fastly_http_req"), { [name.toLowerCase()]: value! });
    }
    const head = await c.response(["Cache-Control", "max-age=60"], status);
    assertEquals((await c.prepare(lookup, head)).action, action, `${method} ${fields}`);
    const own = await c.response(["Cache-Control", "private"], 200);
    assertEquals((await c.prepare(lookup, own)).action, "record-uncacheable");
  }
});

Deno.test("a soft purge of a mark makes the next request look again", async () => {
  using c = new HttpCaching();
  const record = writeRecord(c.b, {});
  c.ok(HTTP_CACHE, "transaction_record_not_cacheable", await c.begin(), ...record);
  for (const object of ["", "k"]) c.b.service.cache.purge(object, true);
  await c.state(await c.begin());
  assertEquals(usesOf(c.b), ["miss", "pass"], "a mark has no keys");
});

Deno.test("a HEAD that a guest sends itself leaves nothing for a GET", async () => {
  using c = new HttpCaching();
  const lookup = await c.begin([], "HEAD");
  const request = await c.b.got(HTTP_CACHE, "get_suggested_backend_request", lookup);
  c.ok("fastly_http_req", "method_set", request, "HEAD");
  const back = await c.insert(lookup, "", {}, ["X", "1"]);
  assertEquals((await c.found(back)).headers["x"], "1");
  assertEquals(await c.state(await c.begin()), mustInsert);
});

Deno.test("an object that no lookup can find takes no room, and can still be read back", async () => {
  using c = new HttpCaching();
  const lookup = await c.begin();
  const back = await c.insert(lookup, "content", { maxAge: 5, age: 5 });
  assertEquals((await c.found(back)).body, "content");
  assertEquals(c.b.service.cache.bytes, 0);
});

Deno.test("an object that is not written to its end is not found again", async () => {
  using c = new HttpCaching();
  const cases: [text: string, end: string, length?: number][] = [
    ["x", "abandon"],
    ["x", "close", 2],
    ["xyz", "close", 2],
  ];
  for (const [text, end, length] of cases) {
    const leader = await c.begin();
    const record = writeRecord(c.b, length === undefined ? {} : { length });
    const response = await c.response();
    const body = await c.b.got(HTTP_CACHE, "transaction_insert", leader, response, ...record);
    const reader = await c.begin();
    assertEquals(await c.state(reader), FRESH, "it may be read while it is written");
    await c.b.got("fastly_http_body", "write", body, text, 0);
    c.ok("fastly_http_body", end, body);
    const next = await c.begin();
    assertEquals(await c.state(next), mustInsert, end);
    c.close(next);
  }
});

Deno.test("appended content is stored without the guest, before bytes that are written later", async () => {
  using c = new HttpCaching({}, { body: new Pipe() });
  const lookup = await c.begin();
  const source = c.b.sandbox.requests.downstream.body;
  const record = writeRecord(c.b, {});
  const body = await c.b.got(
    HTTP_CACHE,
    "transaction_insert",
    lookup,
    await c.response(),
    ...record,
  );
  assertEquals(c.b.call("fastly_http_body", "append", body, source), ok, "it does not wait");
  assertEquals(await c.b.got("fastly_async_io", "is_ready", body), 0);
  const written = watch(c.b.call("fastly_http_body", "write", body, "!", 0, OUT2));
  const pipe = c.b.exchange.body as Pipe;
  await pipe.write(new TextEncoder().encode("hello"));
  pipe.finish();
  assertEquals(await written.value, ok);
  c.ok("fastly_http_body", "close", body);
  assertEquals((await c.found(await c.begin())).body, "hello!");
});

Deno.test("a guest may wait for content that it has appended, and not for bytes that it has to write", async () => {
  using c = new HttpCaching({}, { body: new Pipe() });
  const lookup = await c.begin();
  const args = [lookup, await c.response(), ...writeRecord(c.b, {})] as const;
  c.ok(HTTP_CACHE, "transaction_insert_and_stream_back", ...args, OUT, OUT2);
  const [writer, back] = [c.b.memory.u32(OUT), c.b.memory.u32(OUT2)];
  const status = await c.b.call(HTTP_CACHE, "get_found_response", back, 1, OUT, OUT2);
  const body = c.b.memory.u32(OUT2);
  const read = () => c.b.call("fastly_http_body", "read", body, BUF, 100, OUT);
  assertEquals([status, read()], [ok, XqdStatus.error]);
  c.ok("fastly_http_body", "append", writer, c.b.sandbox.requests.downstream.body);
  const waiting = watch(read());
  await turn();
  assertEquals(waiting.settled, false);
  const pipe = c.b.exchange.body as Pipe;
  await pipe.write(new TextEncoder().encode("hello"));
  assertEquals([await waiting.value, c.b.memory.u32(OUT)], [ok, 5]);
  pipe.finish();
  await turn();
  assertEquals(read(), XqdStatus.error);
  await c.write(writer, "!");
  assertEquals(await c.b.drain(body), "!");
});

Deno.test("an appended body that fails takes the object with it", async () => {
  using c = new HttpCaching({}, { body: new Pipe() });
  const source = c.b.sandbox.requests.downstream.body;
  const response = await c.response();
  const record = writeRecord(c.b, {});
  const body = await c.b.got(
    HTTP_CACHE,
    "transaction_insert",
    await c.begin(),
    response,
    ...record,
  );
  assertEquals(c.b.call("fastly_http_body", "append", body, source), ok);
  c.ok("fastly_http_body", "close", body);
  (c.b.exchange.body as Pipe).abort(new HostError("http-incomplete", "cut short"));
  await turn();
  assertEquals(await c.state(await c.begin()), mustInsert);
});
