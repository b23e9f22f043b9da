import { assert, assertEquals } from "../assert.ts";
import { BUF, OUT, XqdStatus } from "./_bench.ts";
import {
  FRESH,
  HTTP_CACHE,
  HttpCaching,
  STALE,
  State,
  usesOf,
  writeRecord,
} from "./_http_cache.ts";

const { ok, inval, badf, buflen, none } = XqdStatus;
const { mustInsert, ifError } = State;
const SECOND = 10n ** 9n;
const KEY = /^[0-9a-f]{64}$/;

Deno.test("the suggested request is a GET for the whole content, with conditions for the stored object", async () => {
  using c = new HttpCaching();
  const fields = ["If-None-Match", '"mine"', "Range", "bytes=0-1", "Accept", "a"];
  const miss = await c.begin(fields, "HEAD");
  const request = await c.b.got(HTTP_CACHE, "get_suggested_backend_request", miss);
  assertEquals(await c.headers(request, "fastly_http_req"), { accept: "a" });
  assertEquals((await c.b.read("fastly_http_req", "method_get", [request])).text, "GET");
  const saying = { maxAge: 10, swr: 10 };
  await c.insert(miss, "x", saying, ["ETag", '"1"', "Last-Modified", "yesterday"]);
  c.pass(10);
  const stale = await c.begin(fields);
  assertEquals(await c.state(stale), STALE | mustInsert);
  const next = await c.b.got(HTTP_CACHE, "get_suggested_backend_request", stale);
  assertEquals(await c.headers(next, "fastly_http_req"), {
    accept: "a",
    "if-none-match": '"1"',
    "if-modified-since": "yesterday",
  });
});

Deno.test("a response is prepared anew: the one that is given stays", async () => {
  using c = new HttpCaching();
  const lookup = await c.begin();
  const actions: string[] = [];
  const cases: [string[], number?][] = [
    [[]],
    [["Cache-Control", "private"]],
    [["Set-Cookie", "a=1"]],
    [[], 500],
    [[], 304],
    [["Cache-Control", "max-age=1"], 500],
  ];
  for (const [fields, status] of cases) {
    const given = await c.response(fields, status);
    const { action, response } = await c.prepare(lookup, given);
    assert(response !== given);
    assertEquals([c.code(given), c.code(response)], [status ?? 200, status ?? 200]);
    actions.push(action);
  }
  assertEquals(actions, [
    "insert",
    "record-uncacheable",
    "record-uncacheable",
    "do-not-store",
    "do-not-store",
    "insert",
  ]);
});

Deno.test("a 304 renews the stored object: the head is merged, the content stays", async () => {
  using c = new HttpCaching();
  const old = ["ETag", '"1"', "X", "old", "Age", "9", "Content-Type", "a/b"];
  await c.store("content", { maxAge: 10, swr: 10 }, old);
  c.pass(12);
  const stale = await c.begin();
  const other = await c.prepare(stale, await c.response(["ETag", '"2"'], 304));
  assertEquals(other.action, "do-not-store", "somebody else's condition was answered");
  const answer = await c.response(["X", "new", "ETag", 'W/"1"', "Cache-Control", "max-age=5"], 304);
  const { action, response } = await c.prepare(stale, answer);
  assertEquals([action, c.code(response)], ["update", 200]);
  assertEquals((await c.suggest(stale, response)).maxAge, 5n);
  const fresh = await c.b.got(
    HTTP_CACHE,
    "transaction_update_and_return_fresh",
    stale,
    response,
    ...writeRecord(c.b, { maxAge: 5 }),
  );
  const headers = {
    "content-type": "a/b",
    x: "new",
    etag: 'W/"1"',
    "cache-control": "max-age=5",
    "content-length": "7",
    age: "0",
  };
  for (const handle of [fresh, await c.begin()]) {
    assertEquals(await c.state(handle), FRESH);
    assertEquals(await c.found(handle), { status: ok, code: 200, headers, body: "content" });
  }
  assertEquals(c.code(response), 200, "the response stays, too");
  assertEquals(usesOf(c.b), ["miss", "stale", "hit"]);
});

Deno.test("a 304 that makes the response private answers that client alone, and the object is not found again", async () => {
  using c = new HttpCaching();
  await c.store("content", { maxAge: 10, swr: 10 }, ["ETag", '"1"', "Cache-Control", "max-age=10"]);
  c.pass(12);
  const stale = await c.begin();
  const answer = ["ETag", '"1"', "Cache-Control", "private, max-age=10", "Set-Cookie", "a=b"];
  const { action, response } = await c.prepare(stale, await c.response(answer, 304));
  assertEquals(action, "update");
  assertEquals((await c.suggest(stale, response)).maxAge, 0n);
  const record = writeRecord(c.b, { maxAge: 0 });
  const fresh = await c.b.got(
    HTTP_CACHE,
    "transaction_update_and_return_fresh",
    stale,
    response,
    ...record,
  );
  const { headers, body } = await c.found(fresh);
  assertEquals([headers["set-cookie"], body], [undefined, "content"]);
  assertEquals(await c.state(await c.begin()), mustInsert);
});

Deno.test("an update of nothing is refused, and the obligation stays", async () => {
  using c = new HttpCaching();
  const miss = await c.begin();
  const record = writeRecord(c.b, {});
  const response = await c.response();
  assertEquals(c.b.now(HTTP_CACHE, "transaction_update", miss, response, ...record), badf);
  assertEquals(await c.state(miss), mustInsert);
  assertEquals(c.b.now(HTTP_CACHE, "transaction_choose_stale", miss), badf);
  await c.insert(miss, "x", { maxAge: 1, swr: 9 });
  c.pass(1);
  const stale = await c.begin();
  const again = await c.response(["X", "1"]);
  c.ok(HTTP_CACHE, "transaction_update", stale, again, ...record);
  assertEquals((await c.found(await c.begin())).headers["x"], "1");
});

Deno.test("all suggestions that are wanted are filled in; a length only if it is known", async () => {
  using c = new HttpCaching();
  const lookup = await c.begin();
  const fields = [
    "Cache-Control",
    "max-age=60, stale-while-revalidate=5, stale-if-error=7",
    "Age",
    "3",
    "Vary",
    "X-B, x-a",
    "Surrogate-Key",
    "k1 b\u00e4d k2",
  ];
  const response = await c.response(fields);
  const { keys, ...rest } = await c.suggest(lookup, response, { keys: 128 });
  const [own, ...named] = String(keys).split(" ");
  assert(KEY.test(own!), "the key of the URL");
  assertEquals(named, ["k1", "k2"]);
  assertEquals(rest, {
    status: ok,
    mask: 0b1001_1110,
    maxAge: 60n,
    vary: "x-a x-b",
    age: 3n,
    swr: 5n,
    length: undefined,
    sie: 7n,
  });
  const long = await c.response(["Content-Length", "12"]);
  assertEquals((await c.suggest(lookup, long)).length, 12n);
  assertEquals((await c.suggest(lookup, long)).maxAge, 3600n);
  assertEquals(String((await c.suggest(lookup, long)).keys).length, 64);
  const bare = await c.suggest(lookup, response, { mask: 0 });
  assertEquals([bare.status, bare.mask, bare.maxAge], [ok, 0, 60n]);
  c.b.assertFilled(BUF, 0x200);
});

Deno.test("suggestions without room tell the lengths that would do, and no more", async () => {
  using c = new HttpCaching();
  const lookup = await c.begin();
  const response = await c.response(["Vary", "x-a, x-b"]);
  const tight = await c.suggest(lookup, response, { vary: 6 });
  assertEquals([tight.status, tight.mask, tight.vary, tight.keys], [buflen, 0b1_0010, 7, 64]);
  c.b.assertFilled(BUF, 0x200);
  const keys = await c.suggest(lookup, response, { keys: 63, mask: 16 });
  assertEquals([keys.status, keys.mask, keys.keys], [buflen, 16, 64]);
  assertEquals((await c.suggest(lookup, response, { vary: 7, keys: 64 })).status, ok);
  assertEquals((await c.suggest(lookup, response, { mask: 256 })).status, inval);
});

Deno.test("an object kept for errors is found once no fetch can replace it", async () => {
  using c = new HttpCaching();
  await c.store("old", { maxAge: 10, sie: 60 }, ["ETag", '"1"']);
  c.pass(10);
  const leader = await c.begin();
  const follower = await c.begin();
  const state = await c.state(leader);
  assertEquals(state & (FRESH | mustInsert | ifError), mustInsert | ifError);
  assertEquals((await c.found(leader)).status, none);
  assertEquals(await c.number("get_max_age_ns", leader), `status ${none}`);
  c.ok(HTTP_CACHE, "transaction_choose_stale", leader);
  for (const handle of [leader, follower]) {
    assertEquals(await c.state(handle), STALE | ifError);
    assertEquals((await c.found(handle, 0)).body, "old");
    assertEquals((await c.found(handle, 1)).headers["age"], "10");
  }
  assertEquals(await c.number("get_stale_if_error_ns", leader), 60n * SECOND);
  assertEquals(await c.state(await c.begin()) & mustInsert, mustInsert, "nothing has changed");
  assertEquals(usesOf(c.b), ["miss", "stale", "stale", "miss"]);
  c.pass(60);
  assertEquals(await c.state(await c.begin(["x", "y"], "GET", { key: "k" })), mustInsert);
});

Deno.test("an object kept for errors is revalidated, and renewed by a 304", async () => {
  using c = new HttpCaching();
  await c.store("old", { maxAge: 10, sie: 60 }, ["ETag", '"1"']);
  c.pass(30);
  const leader = await c.begin();
  const request = await c.b.got(HTTP_CACHE, "get_suggested_backend_request", leader);
  assertEquals((await c.headers(request, "fastly_http_req"))["if-none-match"], '"1"');
  const { action, response } = await c.prepare(leader, await c.response([], 304));
  assertEquals(action, "update");
  c.ok(HTTP_CACHE, "transaction_update", leader, response, ...writeRecord(c.b, {}));
  assertEquals((await c.found(await c.begin())).body, "old");
});

Deno.test("a client gets the range, the word or the head that it asks for; others the whole", async () => {
  using c = new HttpCaching();
  await c.store("0123456789", {}, ["ETag", '"1"']);
  const ask = async (fields: string[], method = "GET", forClient = 1) =>
    await c.found(await c.begin(fields, method), forClient);
  const part = await ask(["Range", "bytes=2-4"]);
  assertEquals([part.code, part.body], [206, "234"]);
  assertEquals(part.headers["content-range"], "bytes 2-4/10");
  assertEquals(part.headers["content-length"], "3");
  assertEquals((await ask(["Range", "bytes=2-4"], "GET", 0)).body, "0123456789");
  const same = await ask(["If-None-Match", '"1"']);
  assertEquals([same.code, same.body, same.headers["etag"]], [304, "", '"1"']);
  const beyond = await ask(["Range", "bytes=10-"]);
  assertEquals([beyond.code, beyond.headers["content-range"]], [416, "bytes */10"]);
  const head = await ask([], "HEAD");
  assertEquals([head.code, head.body, head.headers["content-length"]], [200, "", "10"]);
});

Deno.test("a found object is decoded if the request asks for it", async () => {
  using c = new HttpCaching();
  const stream = new Blob(["hello"]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const lookup = await c.begin();
  const response = await c.response(["Content-Encoding", "gzip"]);
  const record = writeRecord(c.b, {});
  const body = await c.b.got(HTTP_CACHE, "transaction_insert", lookup, response, ...record);
  assertEquals(await c.b.call("fastly_http_body", "write", body, bytes, 0, OUT), ok);
  c.ok("fastly_http_body", "close", body);
  const request = await c.request(["Range", "bytes=0-1"]);
  c.ok("fastly_http_req", "auto_decompress_response_set", request, 1);
  const found = await c.found(c.lookup(request).handle);
  assertEquals([found.code, found.body, found.headers], [200, "hello", { age: "0" }]);
});
