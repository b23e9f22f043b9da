import { Fastlike } from "../../mod.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { fetchRaw, valuesOf } from "./http.ts";
import { guestUrl, serveGuest, testGuest } from "./serving.ts";

const FORWARDED = "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n";

testGuest("rust", "behind a proxy the client and the scheme are those of its fields", async () => {
  await using served = await serveGuest("rust", { trustProxy: ["loopback"] });
  const get = (path: string) => fetchRaw(served.port, path, { headers: FORWARDED });
  assertEquals((await get("/client")).body, "192.0.2.7\n");
  const url = await get("/url");
  assertEquals(url.body, "https://test.example/url\n");
  assertEquals(valuesOf(url, "x-fastly-ssl"), ["1"]);
  assertEquals((await fetchRaw(served.port, "/client")).body, "127.0.0.1\n");
});

testGuest("rust", "fields of a peer that is not trusted are ignored", async () => {
  await using served = await serveGuest("rust", { trustProxy: ["10.0.0.0/8"] });
  const get = (path: string) => fetchRaw(served.port, path, { headers: FORWARDED });
  assertEquals((await get("/client")).body, "127.0.0.1\n");
  const url = await get("/url");
  assertEquals(url.body, "http://test.example/url\n");
  assertEquals(valuesOf(url, "x-fastly-ssl"), []);
});

testGuest("rust", "no client can say that it came over TLS", async () => {
  for (const trustProxy of [[], ["10.0.0.0/8"], ["loopback"]]) {
    await using served = await serveGuest("rust", { trustProxy });
    for (const target of ["/url", "http://test.example/url", "https://test.example/url"]) {
      const url = await fetchRaw(served.port, target, { headers: "fastly-SSL: 1\r\n" });
      assertEquals(url.body, "http://test.example/url\n");
      assertEquals(valuesOf(url, "x-fastly-ssl"), []);
    }
  }
});

testGuest("rust", "a backend gets none of the fields in which clients have no say", async () => {
  const fields = ["Fastly-SSL", "Fastly-FF", "Fastly-XQD-Cache-Key", "fastly-xqd-api"];
  const kept = ["Fastly-Key", "CDN-Loop", "Fastly-Debug", "Fastly-Client-IP", "X-Fastly-SSL"];
  const seen: string[][] = [];
  await using served = await serveGuest("rust", {
    backends: {
      origin: ({ headers }) => {
        const names = [...headers.keys()].filter((name) => /fastly|cdn/.test(name));
        seen.push(names.sort());
        return new Response("from the origin");
      },
    },
  });
  const headers = [...fields, ...kept].map((name) => `${name}: ${"0".repeat(64)}\r\n`).join("");
  for (const path of ["/proxy/", "/websocket"]) {
    assertEquals((await fetchRaw(served.port, path, { headers })).body, "from the origin");
  }
  const passed = kept.map((name) => name.toLowerCase()).sort();
  assertEquals(seen, [passed, passed]);
});

testGuest("rust", "the handler believes proxies, too, and instances have their own", async () => {
  await using app = await Fastlike.load(guestUrl("rust"), { trustProxy: ["private"] });
  const remoteAddr = { transport: "tcp", hostname: "10.0.0.1", port: 9 } as const;
  const request = () =>
    new Request("http://test.example/client", { headers: { "x-forwarded-for": "192.0.2.7" } });
  const client = async (response: Promise<Response>) => await (await response).text();
  assertEquals(await client(app.handler(request(), { remoteAddr })), "192.0.2.7\n");
  const alone = app.instantiate({ trustProxy: [] });
  assertEquals(await client(alone.handle(request(), { remoteAddr })), "10.0.0.1\n");
});

Deno.test("a range that is none fails the load", async () => {
  await assertRejects(
    () => Fastlike.load(guestUrl("hello"), { trustProxy: ["near"] }),
    TypeError,
    'Cannot trust the proxy "near"',
  );
});
