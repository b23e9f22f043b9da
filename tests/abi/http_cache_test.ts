import { assert, assertEquals } from "../assert.ts";
import { BUF, INVALID_HANDLE, OUT, OUT2, watch, XqdStatus } from "./_bench.ts";
import {
  FRESH,
  HTTP_CACHE,
  HttpCaching,
  RECORD,
  State,
  usesOf,
  writeRecord,
} from "./_http_cache.ts";

const { ok, inval, badf, buflen, none } = XqdStatus;
const { mustInsert } = State;
const SECOND = 10n ** 9n;

Deno.test("GET and HEAD are cacheable, unless they pass or ask to change protocols", async () => {
  using c = new HttpCaching();
  const cacheable = (request: number) => c.b.got(HTTP_CACHE, "is_request_cacheable", request);
  assertEquals(await cacheable(await c.request()), 1);
  assertEquals(await cacheable(await c.request([], "HEAD")), 1);
  assertEquals(await cacheable(await c.request([], "POST")), 0);
  assertEquals(await cacheable(await c.request(["Connection", "upgrade", "Upgrade", "x"])), 0);
  for (const fields of [["Content-Length", "1"], ["Transfer-Encoding", "chunked"]]) {
    for (const method of ["GET", "HEAD"]) {
      assertEquals(await cacheable(await c.request(fields, method)), 0, `${method} ${fields}`);
    }
  }
  assertEquals(await cacheable(await c.request(["Content-Length", "0"])), 1);
  const passing = await c.request();
  c.ok("fastly_http_req", "cache_override_set", passing, 1, 0, 0);
  assertEquals(await cacheable(passing), 0);
  assertEquals(c.b.now(HTTP_CACHE, "is_request_cacheable", 999, OUT), badf);
});

Deno.test("the suggested key has 32 bytes, and says so when there is less room", async () => {
  using c = new HttpCaching();
  const request = await c.request();
  assertEquals(c.b.now(HTTP_CACHE, "get_suggested_cache_key", request, BUF, 32, OUT), ok);
  assertEquals(c.b.memory.u32(OUT), 32);
  const key = c.b.memory.bytes(BUF, 32);
  const same = await c.request([], "HEAD");
  assertEquals(c.b.now(HTTP_CACHE, "get_suggested_cache_key", same, BUF, 99, OUT), ok);
  assertEquals(c.b.memory.bytes(BUF, 32), key);
  assertEquals(c.b.now(HTTP_CACHE, "get_suggested_cache_key", request, BUF, 31, OUT), buflen);
  assertEquals(c.b.memory.u32(OUT), 32);
});

Deno.test("a miss gives an obligation, the inserted object can be read back, and the next lookup hits", async () => {
  using c = new HttpCaching();
  const miss = await c.begin();
  assertEquals([await c.state(miss), (await c.found(miss)).status], [mustInsert, none]);
  const back = await c.insert(miss, "0123456789", { keys: "a b" }, ["ETag", '"1"', "X", "y"]);
  assertEquals(await c.state(miss), 0);
  assertEquals(await c.state(back), FRESH);
  assertEquals((await c.found(back)).headers, {
    etag: '"1"',
    x: "y",
    "content-length": "10",
    age: "0",
  });
  c.close(back);
  c.close(miss);
  c.pass(7);
  const hit = await c.begin();
  assertEquals(await c.state(hit), FRESH);
  const found = await c.found(hit);
  assertEquals([found.code, found.body, found.headers["age"]], [200, "0123456789", "7"]);
  assertEquals(await c.number("get_hits", hit), 1n);
  assertEquals(usesOf(c.b), ["miss", "hit"]);
});

Deno.test("every getter returns the found object's value, and None if no object was found", async () => {
  using c = new HttpCaching();
  const numbers = [
    "get_length",
    "get_max_age_ns",
    "get_stale_while_revalidate_ns",
    "get_stale_if_error_ns",
    "get_age_ns",
    "get_hits",
  ];
  const lookup = await c.begin();
  for (const name of [...numbers, "get_sensitive_data"]) {
    c.b.fill(OUT, 8);
    assertEquals(await c.b.call(HTTP_CACHE, name, lookup, OUT), none, name);
    c.b.assertFilled(OUT, 8);
  }
  for (const name of ["get_surrogate_keys", "get_vary_rule"]) {
    assertEquals((await c.b.read(HTTP_CACHE, name, [lookup])).status, none, name);
  }
  const saying = { maxAge: 60, swr: 5, sie: 9, age: 2, vary: "x-b x-a", keys: "k1 k2" };
  await c.insert(lookup, "text", { ...saying, sensitive: true });
  c.pass(3);
  const hit = await c.begin();
  const told = [];
  for (const name of numbers) told.push(await c.number(name, hit));
  assertEquals(told, [
    4n,
    60n * SECOND,
    5n * SECOND,
    9n * SECOND,
    5n * SECOND,
    1n,
  ]);
  assertEquals(await c.b.got(HTTP_CACHE, "get_sensitive_data", hit), 1);
  assertEquals((await c.b.read(HTTP_CACHE, "get_surrogate_keys", [hit])).text, "k1 k2");
  assertEquals((await c.b.read(HTTP_CACHE, "get_vary_rule", [hit])).text, "x-b x-a");
  const tight = await c.b.read(HTTP_CACHE, "get_vary_rule", [hit], 3);
  assertEquals([tight.status, tight.length], [buflen, 7]);
});

Deno.test("a vary rule with commas is taken, and comes back as it was given", async () => {
  using c = new HttpCaching();
  const saying = { vary: "Accept,user-agent" };
  const mine = ["Accept", "a/b", "User-Agent", "mine"];
  const miss = await c.begin(mine);
  const back = await c.insert(miss, "mine", saying);
  for (const lookup of [back, await c.begin(mine)]) {
    const { text } = await c.b.read(HTTP_CACHE, "get_vary_rule", [lookup]);
    assertEquals(text, "Accept,user-agent");
  }
  assertEquals(await c.state(await c.begin(["Accept", "a/b", "User-Agent", "other"])), mustInsert);
});

Deno.test("keys that can be none are left out: an origin may have named them", async () => {
  using c = new HttpCaching();
  await c.store("x", { keys: `good b\u00e4d ${"k".repeat(1025)} fine` });
  const { text } = await c.b.read(HTTP_CACHE, "get_surrogate_keys", [await c.begin()]);
  assertEquals(text, "good fine");
});

Deno.test("a lookup that waits is not ready until the other starts its insert", async () => {
  using c = new HttpCaching();
  using d = c.other();
  const leader = await c.begin();
  const follower = await d.begin();
  assertEquals(await c.b.got("fastly_async_io", "is_ready", leader), 1);
  assertEquals(await d.b.got("fastly_async_io", "is_ready", follower), 0);
  const state = watch(d.state(follower));
  const response = await c.response(["X", "1"]);
  const record = writeRecord(c.b, {});
  const body = await c.b.got(HTTP_CACHE, "transaction_insert", leader, response, ...record);
  assertEquals(await state.value, FRESH);
  assertEquals(await d.number("get_length", follower), `status ${none}`);
  await c.write(body, "later");
  assertEquals((await d.found(follower)).body, "later");
  assertEquals([usesOf(c.b), usesOf(d.b)], [["miss"], ["collapsed"]]);
});

Deno.test("a call on a lookup that only the guest itself could end is refused at once", async () => {
  using c = new HttpCaching();
  const leader = await c.begin();
  const follower = await c.begin();
  assertEquals(await c.b.got("fastly_async_io", "is_ready", follower), 0);
  for (
    const name of ["get_state", "get_suggested_backend_request", "get_age_ns", "get_vary_rule"]
  ) {
    const more = name === "get_vary_rule" ? [64, OUT2] : [];
    assertEquals(c.b.now(HTTP_CACHE, name, follower, OUT, ...more), XqdStatus.error, name);
  }
  assertEquals(c.b.now(HTTP_CACHE, "get_found_response", follower, 1, OUT, OUT2), XqdStatus.error);
  await c.insert(leader, "x");
  assertEquals([await c.state(follower), (await c.found(follower)).body], [FRESH, "x"]);
});

Deno.test("an abandoned, closed or dropped obligation goes to the next lookup that waits", async () => {
  using c = new HttpCaching();
  const [first, second, third, fourth] = [
    await c.begin(),
    await c.begin(),
    await c.begin(),
    await c.begin(),
  ];
  c.ok(HTTP_CACHE, "transaction_abandon", first!);
  assertEquals(c.b.now(HTTP_CACHE, "transaction_abandon", first!), badf);
  assertEquals(await c.state(second!), mustInsert);
  c.close(third!);
  c.close(second!);
  assertEquals(await c.state(fourth!), mustInsert);
  assertEquals(c.b.now(HTTP_CACHE, "close", second!), badf);
});

Deno.test("a lookup that still waits can be neither written nor given up", async () => {
  using c = new HttpCaching();
  await c.begin();
  const waiting = await c.begin();
  const response = await c.response();
  const calls = [
    c.b.now(HTTP_CACHE, "transaction_abandon", waiting),
    c.b.now(HTTP_CACHE, "transaction_choose_stale", waiting),
    c.b.now(HTTP_CACHE, "transaction_record_not_cacheable", waiting, ...writeRecord(c.b, {})),
    c.b.now(HTTP_CACHE, "transaction_insert", waiting, response, ...writeRecord(c.b, {}), OUT),
  ];
  assertEquals(calls, [badf, badf, badf, badf]);
  c.close(waiting);
});

Deno.test("backends, owners and keys of the guest's own keep their answers apart", async () => {
  using c = new HttpCaching();
  const told = async (options: Parameters<HttpCaching["lookup"]>[1], owner?: string) => {
    const request = await c.request();
    if (owner !== undefined) c.ok("fastly_http_req", "on_behalf_of", request, owner);
    const { handle } = c.lookup(request, options);
    const found = await c.found(handle);
    if (found.status === ok) return found.body;
    c.close(await c.insert(handle, JSON.stringify([options, owner ?? ""])));
    return "miss";
  };
  const kinds = [{}, { backend: "one" }, { backend: "two" }, { key: "k" }] as const;
  for (const kind of kinds) {
    assertEquals([await told(kind), await told(kind, "other")], ["miss", "miss"]);
  }
  for (const kind of kinds) {
    assertEquals(await told(kind), JSON.stringify([kind, ""]));
    assertEquals(await told(kind, "other"), JSON.stringify([kind, "other"]));
  }
  assertEquals(await told({ key: "k", backend: "two" }), JSON.stringify([{ key: "k" }, ""]));
});

Deno.test("a lookup for an undefined backend is refused, and logged", async () => {
  using c = new HttpCaching();
  const request = await c.request();
  assertEquals(c.lookup(request, { backend: "three" }).status, inval);
  assertEquals(c.lookup(request, { backend: "three" }, "lookup").status, inval);
  const told = c.b.logs.some((e) => e.kind === "host" && e.message.includes('"three"'));
  assert(told);
  assertEquals(c.b.now(HTTP_CACHE, "transaction_lookup", request, 8, RECORD, OUT), inval);
  assertEquals(c.b.now(HTTP_CACHE, "transaction_lookup", request, 1, RECORD, OUT), inval);
  c.b.memory.setU32(RECORD, BUF);
  c.b.memory.setU32(RECORD + 4, 8136);
  assertEquals(c.b.now(HTTP_CACHE, "transaction_lookup", request, 2, RECORD, OUT), inval);
  c.b.memory.setU32(RECORD + 4, 8135);
  assertEquals(c.b.now(HTTP_CACHE, "transaction_lookup", request, 2, RECORD, OUT), ok);
});

Deno.test("a plain lookup neither waits nor obliges", async () => {
  using c = new HttpCaching();
  const leader = await c.begin();
  const look = async () => c.lookup(await c.request(), {}, "lookup").handle;
  const missed = await look();
  assertEquals([await c.state(missed), (await c.found(missed)).status], [0, none]);
  await c.insert(leader, "x");
  assertEquals(await c.state(await look()), FRESH);
  assertEquals(usesOf(c.b), ["miss", "miss", "hit"]);
});

Deno.test("where an uncacheable answer is recorded each has to ask, those that wait too", async () => {
  using c = new HttpCaching();
  const leader = await c.begin();
  const waiting = [await c.begin(), await c.begin()];
  const record = writeRecord(c.b, { maxAge: 120, swr: 60, sie: 60, keys: "k" });
  c.ok(HTTP_CACHE, "transaction_record_not_cacheable", leader, ...record);
  for (const handle of [...waiting, await c.begin()]) {
    assertEquals([await c.state(handle), (await c.found(handle)).status], [mustInsert, none]);
  }
  assertEquals(await c.state(c.lookup(await c.request(), {}, "lookup").handle), 0);
  c.pass(119);
  assertEquals(await c.state(await c.begin()), mustInsert);
  c.pass(1);
  const later = await c.begin();
  assertEquals(await c.state(later), mustInsert, "the mark has had its time");
  assertEquals(usesOf(c.b), ["miss", "pass", "pass", "pass", "pass", "pass", "miss"]);
  assertEquals(await c.number("get_max_age_ns", later), `status ${none}`);
});

Deno.test("a mark counts for the variant that its vary rule says", async () => {
  using c = new HttpCaching();
  const record = writeRecord(c.b, { vary: "x-user" });
  const leader = await c.begin(["X-User", "a"]);
  c.ok(HTTP_CACHE, "transaction_record_not_cacheable", leader, ...record);
  const users = [];
  for (const user of ["a", "a", "b", "b"]) users.push(await c.begin(["X-User", user]));
  const ready = [];
  for (const user of users) ready.push(await c.b.got("fastly_async_io", "is_ready", user));
  assertEquals(ready, [1, 1, 1, 0], "only the last waits for another");
});

Deno.test("an obligation beside others is one: it ends, and may put an object in the mark's place", async () => {
  using c = new HttpCaching();
  const record = writeRecord(c.b, { maxAge: 120 });
  c.ok(HTTP_CACHE, "transaction_record_not_cacheable", await c.begin(), ...record);
  const [first, second, third, last] = [
    await c.begin(),
    await c.begin(),
    await c.begin(),
    await c.begin(),
  ];
  c.ok(HTTP_CACHE, "transaction_abandon", first!);
  assertEquals(c.b.now(HTTP_CACHE, "transaction_abandon", first!), badf);
  assertEquals(c.b.now(HTTP_CACHE, "transaction_choose_stale", second!), badf);
  const response = await c.response();
  const update = writeRecord(c.b, {});
  assertEquals(c.b.now(HTTP_CACHE, "transaction_update", second!, response, ...update), badf);
  c.ok(HTTP_CACHE, "transaction_record_not_cacheable", second!, ...writeRecord(c.b, {}));
  assertEquals((await c.found(await c.insert(third!, "for all"))).body, "for all");
  assertEquals(await c.state(third!), 0);
  const hit = await c.begin();
  assertEquals([await c.state(hit), (await c.found(hit)).body], [FRESH, "for all"]);
  c.close(last!);
  assertEquals(usesOf(c.b).slice(-2), ["pass", "hit"]);
});

Deno.test("without a cache the calls do as before, and nothing is kept or waited for", async () => {
  using c = new HttpCaching({ cache: false });
  const [one, two] = [await c.begin(), await c.begin()];
  assertEquals([await c.state(one), await c.state(two)], [mustInsert, mustInsert]);
  const back = await c.insert(one, "mine");
  assertEquals((await c.found(back)).body, "mine");
  assertEquals(await c.state(await c.begin()), mustInsert);
  c.ok(HTTP_CACHE, "transaction_record_not_cacheable", two, ...writeRecord(c.b, {}));
  assertEquals(await c.state(await c.begin()), mustInsert);
  assertEquals(c.b.service.cache.bytes, 0);
});

Deno.test("handles of other kinds and none are refused", async () => {
  using c = new HttpCaching();
  const request = await c.request();
  const lookup = await c.begin();
  await c.insert(lookup, "x");
  for (const handle of [request, 0, 999, INVALID_HANDLE]) {
    for (const name of ["close", "transaction_abandon", "transaction_choose_stale"]) {
      assertEquals(c.b.now(HTTP_CACHE, name, handle), badf, name);
    }
    assertEquals(await c.b.call(HTTP_CACHE, "get_state", handle, OUT), badf);
    assertEquals(await c.b.call(HTTP_CACHE, "get_found_response", handle, 1, OUT, OUT2), badf);
    assertEquals(c.lookup(handle === request ? lookup : handle).status, badf);
  }
  const response = await c.response();
  const record = writeRecord(c.b, {});
  assertEquals(c.b.now(HTTP_CACHE, "transaction_insert", lookup, response, ...record, OUT), badf);
  const fresh = await c.begin([], "GET", { key: "k" });
  const unknown = c.b.now(HTTP_CACHE, "transaction_insert", fresh, await c.response(), 256, 0, OUT);
  assertEquals(unknown, inval);
  const outside = c.b.now(
    HTTP_CACHE,
    "transaction_insert",
    fresh,
    await c.response(),
    0,
    0x2_0000,
    OUT,
  );
  assertEquals(outside, inval);
  assertEquals(await c.state(fresh), mustInsert);
});

Deno.test("the HTTP cache and the core cache have no keys in common", async () => {
  using c = new HttpCaching();
  await c.store("x");
  for (const key of ["http:", "http:\0\0"]) {
    const handle = await c.b.got("fastly_cache", "lookup", key, 0, 0);
    assertEquals(await c.b.got("fastly_cache", "get_state", handle), 0);
  }
});
