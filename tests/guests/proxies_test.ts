import { Fastlike } from "../../mod.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { fetchRaw, valuesOf } from "./http.ts";
import { guestUrl, serveGuest, testGuest } from "./serving.ts";

const FORWARDED = "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n";

testGuest("rust", "behind a proxy the client and the scheme are what it says", async () => {
  await using served = await serveGuest("rust", { trustProxy: ["loopback"] });
  const get = (path: string) => fetchRaw(served.port, path, { headers: FORWARDED });
  assertEquals((await get("/client")).body, "192.0.2.7\n");
  const url = await get("/url");
  assertEquals(url.body, "https://test.example/url\n");
  assertEquals(valuesOf(url, "x-fastly-ssl"), ["1"]);
  assertEquals((await fetchRaw(served.port, "/client")).body, "127.0.0.1\n");
});

testGuest("rust", "a peer that is not trusted cannot say who the client is", async () => {
  await using served = await serveGuest("rust", { trustProxy: ["10.0.0.0/8"] });
  const get = (path: string) => fetchRaw(served.port, path, { headers: FORWARDED });
  assertEquals((await get("/client")).body, "127.0.0.1\n");
  const url = await get("/url");
  assertEquals(url.body, "http://test.example/url\n");
  assertEquals(valuesOf(url, "x-fastly-ssl"), []);
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
