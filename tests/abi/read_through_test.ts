import { EMPTY } from "../../service/http/bytes.ts";
import { SEND_FAILURES } from "../../service/errors.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { defaultSurrogateKey, requestKey } from "../../service/cache/http/key.ts";
import { NO_OVERRIDE } from "../../service/cache/http/override.ts";
import type { ServiceOptions } from "../../service/options.ts";
import type { CacheUse } from "../../service/http/request_metrics.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Bench, bench, BUF, OUT, OUT2, turn, XqdStatus } from "./_bench.ts";
import { Origin, replyOf, start } from "./_origins.ts";

const REQ = "fastly_http_req";
const RESP = "fastly_http_resp";
const { ok, error } = XqdStatus;
const DETAIL = BUF;
const KEY = "0123456789ABCDEFfedcba9876543210".repeat(2);

/** Parts of a request besides its URL. */
interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly backend?: string;
}

async function requestOf(b: Bench, url: string, { method, headers = {} }: Sent = {}) {
  const request = await b.request(url, method);
  for (const [name, value] of Object.entries(headers)) {
    assertEquals(b.now(REQ, "header_append", request, name, value), ok);
  }
  return request;
}

/** Sends, and reads the whole answer. */
async function sent(b: Bench, name: string, url: string, options: Sent = {}): Promise<string> {
  const { backend = "origin", body = "" } = options;
  const request = await requestOf(b, url, options);
  const content = await b.body(body);
  if (name.startsWith("send_async")) {
    const extra = name === "send_async_v2" ? [0] : [];
    const pending = await b.got(REQ, name, request, content, backend, ...extra);
    const reply = await replyOf(b, "pending_req_wait", pending);
    return await b.drain(reply.body);
  }
  const extra = name === "send" ? [] : [DETAIL];
  b.memory.setBytes(DETAIL, new Uint8Array(20));
  const status = await b.call(REQ, name, request, content, backend, ...extra, OUT, OUT + 4);
  assertEquals(status, ok, name);
  return await b.drain(b.memory.u32(OUT + 4));
}

/** A backend that counts, and a bench in front of it. */
function counting(options: ServiceOptions = {}, headers: Record<string, string> = {}): Bench {
  let count = 0;
  const origin = () => new Response(`${++count}`, { headers });
  return bench({ backends: { origin, other: origin }, ...options });
}

Deno.test("send, send_v2 and send_async go through the cache, the others past it", async () => {
  using b = counting();
  const names = ["send", "send_v2", "send_async"];
  for (const name of [...names, ...names]) {
    assertEquals(await sent(b, name, "http://a/"), "1", name);
  }
  assertEquals(await sent(b, "send_v3", "http://a/"), "2");
  assertEquals(await sent(b, "send_async_v2", "http://a/"), "3");
  const request = await b.request("http://a/");
  const body = await b.body();
  const pending = await b.got(REQ, "send_async_streaming", request, body, "origin");
  assertEquals(b.now("fastly_http_body", "close", body), ok);
  assertEquals(await b.drain((await replyOf(b, "pending_req_wait", pending)).body), "4");
  assertEquals(b.exchange.metrics.cache, ["miss", ...Array(5).fill("hit")]);
});

Deno.test("a send that waits for an object that the guest itself has to store is refused at once", async () => {
  using b = counting();
  const url = "http://a/";
  const { cache } = b.service;
  const key = requestKey({ url, headers: new HeaderList() }, undefined, "origin");
  const own = cache.transaction(key, new HeaderList(), b.sandbox).take().obligation!;
  const request = await b.request(url);
  assertEquals(b.now(REQ, "send", request, await b.body(), "origin", OUT, OUT2), error);
  const pending = await start(b, "origin", { url });
  assertEquals(await b.call(REQ, "pending_req_poll", pending, OUT, OUT + 4, OUT + 8), ok);
  b.memory.setU32(BUF, pending);
  assertEquals(await b.call(REQ, "pending_req_select", BUF, 1, OUT, OUT + 4, OUT + 8), error);
  own.cancel();
  assertEquals(await b.drain((await replyOf(b, "pending_req_wait", pending)).body), "1");
});

Deno.test("a cache hit does not suspend the guest", async () => {
  using b = counting();
  await sent(b, "send", "http://a/");
  const request = await b.request("http://a/");
  assertEquals(b.now(REQ, "send", request, await b.body(), "origin", OUT, OUT2), ok);
  const pending = await start(b, "origin", { url: "http://a/" });
  assertEquals(b.now("fastly_async_io", "is_ready", pending, OUT), ok);
  assertEquals(b.memory.u32(OUT), 1);
  assertEquals(b.now(REQ, "pending_req_poll", pending, OUT, OUT2, OUT2 + 4), ok);
  assertEquals(b.memory.u32(OUT), 1);
});

Deno.test("other methods, content, upgrades and a pass go to the backend", async () => {
  using b = counting();
  assertEquals(await sent(b, "send", "http://a/"), "1");
  assertEquals(await sent(b, "send", "http://a/", { method: "POST" }), "2");
  assertEquals(await sent(b, "send", "http://a/", { body: "query" }), "3");
  assertEquals(await sent(b, "send", "http://a/", { headers: { upgrade: "x" } }), "4");
  const request = await b.request("http://a/");
  assertEquals(b.now(REQ, "cache_override_set", request, 1, 0, 0), ok);
  const reply = await replyOf(b, "send", request, await b.body(), "origin");
  assertEquals(await b.drain(reply.body), "5");
  const names = await b.page(RESP, "header_names_get", [reply.response]);
  assertEquals(names.values, ["content-type"]);
  assertEquals(await sent(b, "send", "http://a/"), "1");
  assertEquals(b.exchange.metrics.cache, ["miss", "pass", "pass", "pass", "pass", "hit"]);
});

Deno.test("without the cache every request goes to its backend", async () => {
  using b = counting({ cache: false });
  assertEquals([await sent(b, "send", "http://a/"), await sent(b, "send", "http://a/")], [
    "1",
    "2",
  ]);
  assertEquals(b.exchange.metrics.cache, []);
});

Deno.test("look-ups of addresses are not cached", async () => {
  const asked: (string | null)[] = [];
  const geolocation = (request: Request) => {
    asked.push(request.headers.get("fastly-xqd-arg1"));
    return new Response("{}");
  };
  using b = bench({ backends: { geolocation } });
  for (const address of ["192.0.2.1", "192.0.2.2"]) {
    const headers = { "fastly-xqd-arg1": address };
    await sent(b, "send", "http://www.fastly.com/geolocation", { headers, backend: "geolocation" });
  }
  assertEquals([asked, b.exchange.metrics.cache], [["192.0.2.1", "192.0.2.2"], []]);
});

Deno.test("the backend, the host and the service on whose behalf it is are part of the key", async () => {
  using b = counting();
  assertEquals(await sent(b, "send", "http://a/"), "1");
  assertEquals(await sent(b, "send", "http://a/", { backend: "other" }), "2");
  assertEquals(await sent(b, "send", "http://a/", { headers: { host: "b" } }), "3");
  const request = await b.request("http://a/");
  assertEquals(b.now(REQ, "on_behalf_of", request, "someone"), ok);
  const reply = await replyOf(b, "send", request, await b.body(), "origin");
  assertEquals(await b.drain(reply.body), "4");
  assertEquals(await sent(b, "send", "http://a/"), "1");
});

Deno.test("a dynamic backend's target is part of the key", () => {
  using b = counting();
  const { service, sandbox } = b;
  const make = (url: string) => sandbox.cacheNameOf(service.backends.make("dynamic", { url }));
  sandbox.addBackend(service.backends.make("dynamic", "http://a.test"));
  assert(make("http://a.test") !== make("http://b.test"));
  assertEquals(make("http://a.test"), make("http://a.test"));
  assertEquals(sandbox.cacheNameOf(service.findBackend("origin")!), "origin");
});

Deno.test("a key of the guest's own is shared by URLs and backends, and goes nowhere", async () => {
  const seen: [string, string | null][] = [];
  const origin = ({ url, headers }: Request) => {
    seen.push([url, headers.get("fastly-xqd-cache-key")]);
    return new Response("x");
  };
  using b = bench({ backends: { origin, other: origin } });
  const headers = { "fastly-xqd-cache-key": KEY };
  await sent(b, "send", "http://a/1", { headers });
  const lower = { "fastly-xqd-cache-key": KEY.toLowerCase() };
  await sent(b, "send", "http://a/2", { headers: lower, backend: "other" });
  await sent(b, "send", "http://a/3", { headers, method: "POST" });
  await sent(b, "send_v3", "http://a/4", { headers });
  assertEquals(seen, [["http://a/1", null], ["http://a/3", null], ["http://a/4", null]]);
});

Deno.test("a key that is none fails the send, and the detail says so", async () => {
  using b = counting();
  const request = await requestOf(b, "http://a/", { headers: { "fastly-xqd-cache-key": "abc" } });
  const body = await b.body();
  assertEquals(await b.call(REQ, "send_v2", request, body, "origin", DETAIL, OUT, OUT2), error);
  assertEquals(SEND_FAILURES[b.memory.u32(DETAIL)], "http_request_cache_key_invalid");
});

Deno.test("edits of a pending request reach each cached answer, and not the object", async () => {
  using b = counting();
  await sent(b, "send", "http://a/");
  for (const expected of ["1", undefined]) {
    const pending = await start(b, "origin", { url: "http://a/" });
    if (expected) b.now(REQ, "pending_req_header_insert", pending, "x-edit", expected, 0);
    const { response } = await replyOf(b, "pending_req_wait", pending);
    const { values } = await b.page(RESP, "header_values_get", [response, "x-edit"]);
    assertEquals(values, expected ? [expected] : []);
  }
});

Deno.test("a gzipped answer is kept gzipped, and decoded for a request that asks for it", async () => {
  let asked = 0;
  const origin = () => {
    asked++;
    const body = new Blob(["plain text"]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Response(body, { headers: { "content-encoding": "gzip" } });
  };
  using b = bench({ backends: { origin } });
  for (const decode of [1, 0, 1]) {
    const request = await b.request("http://a/");
    assertEquals(b.now(REQ, "auto_decompress_response_set", request, decode), ok);
    const { response, body } = await replyOf(b, "send", request, await b.body(), "origin");
    const { values } = await b.page(RESP, "header_values_get", [response, "content-encoding"]);
    assertEquals(values, decode ? [] : ["gzip"]);
    assertEquals((await b.drain(body)) === "plain text", decode === 1);
  }
  assertEquals(asked, 1);
});

Deno.test("a range does not apply to content that is decoded", async () => {
  for (const [coding, status, text] of [["gzip", 200, "plain text"], ["", 206, "lai"]] as const) {
    const origin = () => {
      const body = new Blob(["plain text"]).stream();
      return coding
        ? new Response(body.pipeThrough(new CompressionStream(coding)), {
          headers: { "content-encoding": coding },
        })
        : new Response(body);
    };
    using b = bench({ backends: { origin } });
    await sent(b, "send", "http://a/");
    const request = await requestOf(b, "http://a/", { headers: { range: "bytes=1-3" } });
    assertEquals(b.now(REQ, "auto_decompress_response_set", request, 1), ok);
    const { response, body } = await replyOf(b, "send", request, await b.body(), "origin");
    assertEquals(b.now(RESP, "status_get", response, OUT), ok);
    assertEquals([b.memory.u32(OUT) & 0xffff, await b.drain(body)], [status, text]);
  }
});

Deno.test("a lookup that takes too long is a timeout to the guest", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const leader = await start(b, "origin", { url: "http://a/" });
  const timeout = async (tag: number) => {
    const request = await b.request("http://a/");
    for (let i = 0; i < 5; i++) b.memory.setU32(OUT + 4 * i, 0);
    assertEquals(b.now(REQ, "cache_override_v3_set", request, tag, OUT), ok);
    return request;
  };
  const late = await timeout(16);
  b.memory.setBytes(DETAIL, new Uint8Array(20));
  const status = await b.call(REQ, "send_v2", late, await b.body(), "origin", DETAIL, OUT, OUT2);
  assertEquals([status, SEND_FAILURES[b.memory.u32(DETAIL)]], [error, "http_response_timeout"]);
  assertEquals(origin.requests.length, 1);
  const passed = await b.got(REQ, "send_async", await timeout(16 | 1), await b.body(), "origin");
  origin.answer(new Response("passed"), 1);
  assertEquals(await b.drain((await replyOf(b, "pending_req_wait", passed)).body), "passed");
  origin.answer(new Response("led"));
  assertEquals(await b.drain((await replyOf(b, "pending_req_wait", leader)).body), "led");
});

Deno.test("the fetch of a guest that ends early goes on for the guests that wait", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  await start(b, "origin", { url: "http://a/" });
  const { service } = b;
  const uses: CacheUse[] = [];
  const target = { url: "http://a/", headers: new HeaderList() };
  const waiting = service.readThrough.send({
    key: requestKey(target, undefined, "origin"),
    request: {
      ...target,
      method: "GET",
      framing: "automatic",
      body: EMPTY,
      limits: service.limits,
    },
    backend: service.findBackend("origin")!,
    override: NO_OVERRIDE,
    used: (use) => void uses.push(use),
  });
  b.sandbox.end();
  await turn();
  assertEquals(origin.requests[0]!.signal.aborted, false);
  origin.answer(new Response("whole"));
  assertEquals((await waiting.response).status, 200);
  assertEquals(uses, ["collapsed"]);
});

Deno.test("a purge of the URL's own key takes the object away", async () => {
  using b = counting();
  await sent(b, "send", "http://a/");
  const key = defaultSurrogateKey({ url: "http://a/", headers: new HeaderList() });
  assertEquals(b.service.cache.purge(key, false), 1);
  assertEquals(await sent(b, "send", "http://a/"), "2");
});

Deno.test("a client cannot choose the cache key of its request", async () => {
  const headers = { "cache-control": "max-age=60" };
  const origin = (request: Request) => new Response(new URL(request.url).pathname, { headers });
  using b = bench({ backends: { origin } }, {
    headers: ["Host", "a", "Fastly-XQD-Cache-Key", KEY],
  });
  const { request } = b.sandbox.requests.downstream;
  for (const path of ["/one", "/other"]) {
    assertEquals(b.now(REQ, "uri_set", request, `http://a${path}`), ok);
    const copy = await requestOf(b, `http://a${path}`);
    const { values } = await b.page(REQ, "header_names_get", [request]);
    for (const name of values) {
      const { text } = await b.read(REQ, "header_value_get", [request, name]);
      assertEquals(b.now(REQ, "header_append", copy, name, text), ok);
    }
    assertEquals(await b.call(REQ, "send", copy, await b.body(), "origin", OUT, OUT + 4), ok);
    assertEquals(await b.drain(b.memory.u32(OUT + 4)), path);
  }
});

Deno.test("a client cannot have its request answered by the geo look-up", async () => {
  const origin = () => new Response("from the origin");
  const url = "http://www.fastly.com/geolocation";
  const headers = ["Host", "www.fastly.com", "Fastly-XQD-API", "geolocation"];
  using b = bench({ backends: { origin } }, { url, headers });
  const { request, body } = b.sandbox.requests.downstream;
  assertEquals(await b.call(REQ, "send", request, body, "origin", OUT, OUT + 4), ok);
  assertEquals(await b.drain(b.memory.u32(OUT + 4)), "from the origin");
});
