import {
  memoryFixtures,
  TestHost,
  type TestHostOptions,
  UnmockedRequestError,
} from "../../testing.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { guestUrl, testGuestOnce } from "../guests/serving.ts";

const GUESTS = ["rust", "go", "javascript"];

function start(guest: string, options: Omit<TestHostOptions, "wasm"> = {}): Promise<TestHost> {
  return TestHost.start({ wasm: guestUrl(guest), ...options });
}

for (const guest of GUESTS) {
  testGuestOnce(
    guest,
    "a mocked backend answers, and the test sees the requests to it",
    async () => {
      await using host = await start(guest, {
        backends: { origin: (request) => new Response(`mock of ${request.method}`) },
      });
      const response = await host.fetch("/proxy/users?id=1", {
        method: "POST",
        headers: { "x-test": "a" },
        body: JSON.stringify({ name: "Ada" }),
      });
      assertEquals(await response.text(), "mock of POST");
      const [call, ...others] = host.calls("origin");
      assertEquals(others, []);
      assertEquals(call?.method, "POST");
      assertEquals(call?.path, "/users?id=1");
      assertEquals(call?.headers.get("X-Test"), "a");
      assertEquals(await call?.json(), { name: "Ada" });
      assertEquals(host.calls("other"), []);
    },
  );

  testGuestOnce(
    guest,
    "a request that is not mocked fails the test, with its backend and URL",
    async () => {
      await using host = await start(guest, { backends: { origin: { "GET /known": {} } } });
      assertEquals((await host.fetch("/proxy/known")).status, 200);
      const error = await assertRejects(() => host.fetch("/proxy/unknown"), UnmockedRequestError);
      assertStringIncludes(error.message, 'Backend "origin" has no mock for GET http');
      assertStringIncludes(
        error.message,
        "/unknown. Add one: TestHost.start({ backends: { origin:",
      );
      assert(
        host.hostLog.some(({ level, message }) => level === "error" && message === error.message),
      );
    },
  );

  testGuestOnce(guest, "a backend that nothing defines fails the test as well", async () => {
    await using host = await start(guest);
    const error = await assertRejects(() => host.fetch("/proxy/path"), UnmockedRequestError);
    assertEquals([error.backend, error.method], ["origin", "GET"]);
    assert(error.url.endsWith("/path"), error.url);
  });

  testGuestOnce(
    guest,
    "logs, standard output and error are there when the response is",
    async () => {
      await using host = await start(guest);
      await host.fetch("/log");
      assertEquals(host.logs("events"), ["hello log"]);
      assertEquals(host.logs("other"), []);
      assertStringIncludes(host.stdout, "hello stdout");
      assertStringIncludes(host.stderr, "hello stderr");
    },
  );

  testGuestOnce(guest, "a sleep of the guest ends when the test moves the time", async () => {
    await using host = await start(guest, { clock: "frozen", limits: { wall_time: "none" } });
    const response = host.fetch("/sleep?ms=3600000");
    let done = false;
    response.then(() => done = true);
    await host.advance("59m");
    assert(!done);
    await host.advance("1m");
    assertEquals((await response).status, 200);
  });

  testGuestOnce(guest, "a streamed body is seen whole, though nobody reads it", async () => {
    // Go's SDK gives a body up when the response comes before its end.
    const mock = async (request: Request) => {
      if (guest === "go") await request.bytes();
      return { body: "taken" };
    };
    await using host = await start(guest, { backends: { origin: mock } });
    const response = await host.fetch("/upload");
    assertEquals(await response.text(), "taken");
    const sent = await host.calls("origin")[0]!.text();
    assertEquals(sent.split("\n").filter(Boolean).length, 100);
  });
}

Deno.test("calls to real backends are recorded with the fields as they were sent", async () => {
  const { promise: listening, resolve } = Promise.withResolvers<number>();
  await using server = Deno.serve(
    { port: 0, onListen: ({ port }) => resolve(port) },
    () => new Response("real"),
  );
  const url = `http://127.0.0.1:${await listening}`;
  const store = memoryFixtures();
  {
    await using host = await start("rust", { backends: { origin: url }, record: store });
    const request = { headers: { authorization: "secret" } };
    assertEquals(await (await host.fetch("/proxy/path", request)).text(), "real");
    assertEquals(
      [...host.calls("origin")[0]!.headers].find(([name]) => /host/i.test(name))?.[1],
      "localhost",
    );
  }
  const [fixture] = await store.load("origin") ?? [];
  assertEquals(fixture?.response.body, "real");
  assert(!JSON.stringify(fixture).includes("secret"));
  await server.shutdown();
  // Nothing leaves the process any more.
  await using host = await start("rust", { backends: { origin: url }, replay: store });
  assertEquals(await (await host.fetch("/proxy/path")).text(), "real");
  const error = await assertRejects(() => host.fetch("/proxy/other"), UnmockedRequestError);
  assertStringIncludes(error.message, "has no recorded response");
});

Deno.test("a KV store is the guest's: each side sees the other's values, until they expire", async () => {
  await using host = await start("rust", { kv: { settings: { ada: "1815" } }, clock: "frozen" });
  assertEquals(await (await host.fetch("/kv/get?key=ada")).text(), "1815");
  const kv = host.kv("settings");
  await kv.put("grace", "1906", { metadata: "m", ttl: 60 });
  const found = await host.fetch("/kv/get?key=grace");
  assertEquals([await found.text(), found.headers.get("x-metadata")], ["1906", "m"]);
  await host.fetch("/kv/put?key=alan", { method: "POST", body: "1912" });
  assertEquals(await kv.get("alan"), "1912");
  assertEquals(await kv.list("a"), ["ada", "alan"]);
  assertEquals(await kv.metadata("grace"), "m");
  assertEquals([await kv.delete("ada"), await kv.delete("ada")], [true, false]);
  await host.advance("60s");
  assertEquals([await kv.get("grace"), await kv.get("ada")], [undefined, undefined]);
  assertEquals((await host.fetch("/kv/get?key=grace")).status, 404);
  const error = await assertRejects(() => Promise.try(() => host.kv("none")), TypeError);
  assertStringIncludes(error.message, 'the KV store "none"');
});

Deno.test("config and secret stores are given by short names", async () => {
  await using host = await start("rust", {
    config: { settings: { greeting: "hi" } },
    secrets: { settings: { key: "hidden" } },
  });
  assertEquals(await (await host.fetch("/config?key=greeting")).text(), "hi");
  assertEquals(await (await host.fetch("/secret?key=key")).text(), "hidden");
});

Deno.test("cached objects can be seen, expire as the time moves, and can be purged", async () => {
  await using host = await start("rust", {
    backends: { origin: { headers: { "cache-control": "max-age=60", "surrogate-key": "k" } } },
  });
  const use = async () => (await host.fetch("/proxy/path")).cache;
  assertEquals([await use(), await use()], [["miss"], ["hit"]]);
  await host.advance("61s");
  assertEquals([await use(), await use()], [["miss"], ["hit"]]);
  assertEquals(await host.cache.purge("k"), 1);
  assertEquals(await use(), ["miss"]);
  assertEquals(await host.cache.purgeAll(), 1);
  assertEquals([await use(), await use()], [["miss"], ["hit"]]);
  assertEquals(host.calls("origin").length, 4);
});

Deno.test("rate counters count by the time of the test", async () => {
  await using host = await start("rust");
  const check = async () =>
    await (await host.fetch("/rate/check?entry=a&limit=1&minutes=1")).text();
  const told = [];
  for (let i = 0; i < 12 && told.at(-1) !== "blocked\n"; i++) told.push(await check());
  assertEquals(told.at(-1), "blocked\n");
  await host.advance("90s");
  assertEquals(await check(), "allowed\n");
});

Deno.test("a backend's time limits pass by the time of the test", async () => {
  const { promise: listening, resolve } = Promise.withResolvers<number>();
  const asked = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const server = Deno.serve({ port: 0, onListen: ({ port }) => resolve(port) }, async () => {
    asked.resolve();
    await ended;
    return new Response();
  });
  const url = `http://127.0.0.1:${await listening}`;
  {
    await using host = await start("rust", {
      clock: "frozen",
      backends: { origin: { url, timeouts: { firstByte: 15_000 } } },
    });
    const response = host.fetch("/proxy/path");
    await asked.promise;
    await host.advance("15s");
    assertStringIncludes(await (await response).text(), "HttpResponseTimeout");
  }
  end();
  await server.shutdown();
});

Deno.test("a guest that waits longer than wall_time is ended when the test moves the time", async () => {
  await using host = await start("rust", { clock: "frozen", limits: { wall_time: "30s" } });
  const response = host.fetch("/sleep?ms=100000");
  await host.advance("31s");
  assertEquals((await response).status, 504);
});

Deno.test("early hints and trailers belong to the response", async () => {
  await using host = await start("rust");
  const hinted = await host.fetch("/early-hint");
  assertEquals(hinted.earlyHints.map(({ status, headers }) => [status, headers.get("link")]), [
    [103, "</style.css>; rel=preload; as=style"],
  ]);
  const { trailers } = hinted;
  assertEquals([...await trailers], []);
  for (const path of ["/trailers", "/trailers?stream"]) {
    const response = await host.fetch(path);
    await response.text();
    assertEquals((await response.trailers).get("x-checksum"), "abc");
  }
});

Deno.test("a client is set for all requests, or for one", async () => {
  await using host = await start("rust", { client: { ip: "192.0.2.1" } });
  const ip = async (init = {}) => (await (await host.fetch("/client", init)).text()).trim();
  assertEquals([await ip(), await ip({ client: { ip: "192.0.2.2" } }), await ip()], [
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.1",
  ]);
  host.client({ ip: "2001:db8::1" });
  assertEquals(await ip(), "2001:db8::1");
  host.client({});
  assertEquals(await ip(), "192.0.2.1");
});

Deno.test("a session keeps cookies by domain, path, time and scheme", async () => {
  const cookies = [
    "plain=1",
    "short=1; Max-Age=60",
    "path=1; Path=/deep",
    "other=1; Domain=example.org",
    "secure=1; Secure",
    "wide=1; Domain=example.com",
  ];
  await using host = await start("rust", {
    cache: false,
    baseUrl: "https://www.example.com",
    backends: {
      origin: {
        "/set": { headers: { "set-cookie": cookies } },
        "/unset": { headers: { "set-cookie": "plain=; Max-Age=0" } },
        "*": (request) => new Response(request.headers.get("cookie") ?? ""),
      },
    },
  });
  const session = host.session();
  const seen = async (url: string) => (await (await session.fetch(url)).text()).split("; ").sort();
  await session.fetch("/proxy/set");
  // The path of the request that set them is /proxy.
  assertEquals(await seen("/proxy/a"), ["plain=1", "secure=1", "short=1", "wide=1"]);
  assertEquals(await seen("http://www.example.com/proxy/a"), ["plain=1", "short=1", "wide=1"]);
  assertEquals(await seen("https://api.example.com/proxy/a"), ["wide=1"]);
  await host.advance("61s");
  await session.fetch("/proxy/unset");
  assertEquals(await seen("/proxy/a"), ["secure=1", "wide=1"]);
  assertEquals(await (await host.session().fetch("/proxy/a")).text(), "");
});

Deno.test("a reset puts all back to the start", async () => {
  await using host = await start("rust", {
    kv: { settings: { a: "1" } },
    clock: "frozen",
    now: new Date("2026-01-02T03:04:05Z"),
    backends: { origin: [{ body: "once", headers: { "cache-control": "max-age=60" } }] },
  });
  for (let i = 0; i < 2; i++) {
    assertEquals(host.now, Date.UTC(2026, 0, 2, 3, 4, 5));
    assertEquals(await host.kv("settings").list(), ["a"]);
    assertEquals((await host.fetch("/proxy/path")).cache, ["miss"]);
    await host.fetch("/log");
    await host.kv("settings").put("b", "2");
    await host.advance("10s");
    assertEquals([host.calls().length, host.logs().length], [1, 1]);
    await host.reset();
    assertEquals([host.calls(), host.logs(), host.stdout, host.hostLog], [[], [], "", []]);
  }
});

Deno.test("the same seed gives the guest the same random numbers", async () => {
  const wat = `(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
    (import "fastly_http_resp" "new" (func $resp (param i32) (result i32)))
    (import "fastly_http_body" "write"
      (func $write (param i32 i32 i32 i32 i32) (result i32)))
    (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (drop (call $random (i32.const 64) (i32.const 16)))
      (drop (call $body (i32.const 0)))
      (drop (call $resp (i32.const 4)))
      (drop (call $write (i32.load (i32.const 0)) (i32.const 64) (i32.const 16) (i32.const 0) (i32.const 8)))
      (drop (call $send (i32.load (i32.const 4)) (i32.load (i32.const 0)) (i32.const 0)))))`;
  const { assemble } = await import("../../cli/wat.ts");
  const wasm = await assemble("random.wat", wat);
  await using host = await TestHost.start({ wasm, random: 1 });
  const bytes = async () => (await (await host.fetch("/")).bytes()).toHex();
  const [first, second] = [await bytes(), await bytes()];
  assert(first !== second && first.length === 32, first);
  host.random(1);
  assertEquals([await bytes(), await bytes()], [first, second]);
  await host.reset();
  assertEquals(await bytes(), first);
  host.random(2);
  assert(await bytes() !== first);
});

Deno.test("idle waits for guests that go on after their response", async () => {
  await using host = await start("rust");
  assertEquals(await (await host.fetch("/background")).text(), "sent\n");
  await host.idle();
  assertEquals(host.logs("events"), ["after response"]);
});

Deno.test("two requests at a time each get the error of their own unmocked request", async () => {
  await using host = await start("rust", { backends: { origin: { "/a": { body: "a" } } } });
  const [a, b] = await Promise.allSettled([host.fetch("/proxy/a"), host.fetch("/proxy/b")]);
  assertEquals([a.status, b.status], ["fulfilled", "rejected"]);
});

Deno.test("a request that the test gives up rejects, and the guest learns that its client has left", async () => {
  await using host = await start("rust", { clock: "frozen" });
  const controller = new AbortController();
  const response = host.fetch("/sleep?ms=1000", { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => response, Error, "enough");
});

Deno.test("a client has a place, which look-ups of its address find", async () => {
  await using host = await start("rust");
  const geo = { city: "Paris", country_code: "FR" };
  const place = async (init = {}) => await (await host.fetch("/geo", init)).text();
  assertEquals(await place({ client: { ip: "192.0.2.7", geo } }), "Paris, FR\n");
  host.client({ ip: "192.0.2.8", geo: { ...geo, city: "Lyon" } });
  assertEquals(await place(), "Lyon, FR\n");
});
