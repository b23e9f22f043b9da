import { Body } from "../../handles/body.ts";
import { PendingRequest } from "../../handles/pending_request.ts";
import { Pipe } from "../../service/http/pipe.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { type Bench, bench, OUT, turn, XqdStatus } from "./_bench.ts";

const BODY = "fastly_http_body";
const REQ = "fastly_http_req";
const RESP = "fastly_http_resp";
const { ok, limitexceeded, httpheadtoolarge } = XqdStatus;

function held(b: Bench): number {
  return b.sandbox.requests.quota.bodyBytes.bytes;
}

function write(b: Bench, body: number, text: string, end = 0) {
  return b.call(BODY, "write", body, text, end, OUT);
}

Deno.test("bytes that a guest has written count until they are read, appended bytes once", async () => {
  using b = bench();
  const [one, two] = [await b.body("abc"), await b.body("de")];
  assertEquals(held(b), 5);
  assertEquals(await b.call(BODY, "append", one, two), ok);
  assertEquals(await write(b, one, "0", 1), ok);
  assertEquals(held(b), 6);
  assertEquals(await b.drain(one, 2), "0abcde");
  assertEquals(held(b), 0);
});

Deno.test("a body that is freed does not count", async () => {
  using b = bench();
  for (const name of ["close", "abandon"]) {
    assertEquals(await b.call(BODY, name, await b.body("abc")), ok);
    assertEquals(held(b), 0);
  }
});

Deno.test("sent bytes count until the request has a response or has failed", async () => {
  const gate = Promise.withResolvers<void>();
  using b = bench({
    backends: { origin: () => gate.promise.then(() => new Response("a response of its own")) },
  });
  const send = async (text: string) =>
    await b.got(REQ, "send_async", await b.request(), await b.body(text), "origin");
  await send("abc");
  assertEquals(held(b), 3);
  gate.resolve();
  await turn();
  assertEquals(held(b), 0);
  const failing = await b.got(REQ, "send_async", await b.request(), await b.body("de"), "origin");
  assertEquals(held(b), 2);
  b.sandbox.handles.get(PendingRequest, failing).drop();
  await turn();
  assertEquals(held(b), 0);
});

Deno.test("a stream counts the bytes that its reader has not read", async () => {
  using b = bench({ limits: { body_bytes: 10 } });
  const response = await b.got(RESP, "new");
  const body = await b.body("abc");
  assertEquals(await b.call(RESP, "send_downstream", response, body, 1), ok);
  assertEquals(await write(b, body, "defg"), ok);
  assertEquals(held(b), 7);
  assertEquals(await write(b, body, "hijk"), limitexceeded);
  const { body: sent } = await b.exchange.response();
  assert(!(sent instanceof Uint8Array));
  await sent.read();
  await sent.read();
  assertEquals(held(b), 0);
  assertEquals(await write(b, body, "hijk"), ok);
  sent.cancel();
  assertEquals(held(b), 0);
});

Deno.test("bytes that a backend streams do not count, bytes that the guest writes around them do", async () => {
  using b = bench();
  const pipe = new Pipe();
  const body = b.sandbox.handles.insert(Body.of(pipe));
  pipe.write(new Uint8Array(100));
  assertEquals(await write(b, body, "tail"), ok);
  assertEquals(held(b), 4);
  pipe.finish();
  await b.drain(body);
  assertEquals(held(b), 0);
});

Deno.test("bytes that are stored do not count any more", async () => {
  using b = bench({ kvStores: { store: {} } });
  const store = await b.got("fastly_kv_store", "open", "store");
  const body = await b.body("abc");
  await b.got("fastly_kv_store", "insert", store, "key", body, 0, 0);
  await turn();
  assertEquals(held(b), 0);
});

Deno.test("fields that replace others take no room besides them", async () => {
  using b = bench({ limits: { header_bytes: "1KiB", header_count: 2 } });
  const request = await b.request();
  const set = (name: string, value: string) => b.now(REQ, "header_insert", request, name, value);
  assertEquals(set("a", "x".repeat(1000)), ok);
  assertEquals(set("A", "y".repeat(1000)), ok);
  assertEquals(set("a", "y".repeat(1020)), httpheadtoolarge);
  assertEquals(set("b", "y".repeat(1000)), httpheadtoolarge);
  assertEquals(b.now(REQ, "header_values_set", request, "a", "1\x002\x00"), ok);
  assertEquals(b.now(REQ, "header_values_set", request, "a", "1\x002\x003\x00"), httpheadtoolarge);
  assertEquals(set("b", ""), httpheadtoolarge);
  assertEquals(b.now(REQ, "header_remove", request, "a"), ok);
  assertEquals(set("b", ""), ok);
  assertEquals(b.exchange.metrics.limit, "header_count 2");
});

Deno.test("trailers have as much room as header fields", async () => {
  using b = bench({ limits: { header_count: 2 } });
  const body = await b.body();
  const append = () => b.now(BODY, "trailer_append", body, "a", "b");
  assertEquals([append(), append(), append()], [ok, ok, httpheadtoolarge]);
});

Deno.test("fields for a response that is still to come have as much room, too", async () => {
  using b = bench({ backends: { origin: () => new Response() }, limits: { header_count: 2 } });
  const sent = await b.got(REQ, "send_async", await b.request(), await b.body(), "origin");
  const append = () => b.now(REQ, "pending_req_header_append", sent, "a", "b", 0);
  assertEquals([append(), append(), append()], [ok, ok, httpheadtoolarge]);
});

Deno.test("a refused send has consumed its request and body, as every other one", async () => {
  using b = bench({ backends: { origin: () => new Response() }, limits: { backend_requests: 0 } });
  const [request, body] = [await b.request(), await b.body("abc")];
  const send = () => b.call(REQ, "send", request, body, "origin", OUT, OUT + 4);
  assertEquals([await send(), await send()], [limitexceeded, XqdStatus.badf]);
  assertEquals(held(b), 0);
});

Deno.test("the log has each limit of a request once", async () => {
  using b = bench({ limits: { body_bytes: 1, backend_requests: 0 } });
  const body = await b.body();
  for (let i = 0; i < 3; i++) assertEquals(await write(b, body, "abc"), limitexceeded);
  const lines = b.logs.filter(({ kind }) => kind === "host");
  assertEquals(lines.length, 1);
  assertMatch((lines[0] as { message: string }).message, /the limit is body_bytes 1B$/);
});

Deno.test("a guest that closes nothing gets 100,000 handles", () => {
  using b = bench();
  let count = 0;
  while (b.now(REQ, "new", OUT) === ok) count++;
  assertEquals([count, b.now(BODY, "new", OUT)], [100_000, limitexceeded]);
  assertEquals(b.now(REQ, "close", 1), ok);
  assertEquals(b.now(BODY, "new", OUT), ok);
});
