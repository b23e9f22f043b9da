import type { ServerResponse } from "node:http";
import { assertEquals } from "../assert.ts";
import { Wire } from "../server/wire.ts";
import { exchange, fetchRaw, type RawResponse, valuesOf } from "./http.ts";
import { type Origin, type Served, serveGuest, startOrigin, testGuest } from "./serving.ts";

const NAMES = ["rust-2020", "assemblyscript", "rust", "go", "javascript"];
/** Guests whose SDK has no cache but the host's. */
const OLD = ["rust-2020", "assemblyscript"];

function get(served: Served, path: string, headers = ""): Promise<RawResponse> {
  return fetchRaw(served.port, `/proxy${path}`, { headers });
}

/** An origin that counts its answers. */
function counting(headers: Record<string, string> = {}): Promise<Origin> {
  let count = 0;
  return startOrigin((_, response) => {
    response.writeHead(200, headers);
    response.end(`${++count}`);
  });
}

for (const name of NAMES) {
  testGuest(name, "an origin's answer is not asked for again", async () => {
    await using origin = await counting();
    await using served = await serveGuest(name, { backends: { origin: origin.url } });
    const responses = [await get(served, "/a"), await get(served, "/a"), await get(served, "/b")];
    assertEquals(responses.map(({ body }) => body), ["1", "1", "2"]);
    const states = responses.map((response) => valuesOf(response, "x-cache"));
    assertEquals(states, [["MISS"], ["HIT"], ["MISS"]]);
    assertEquals(origin.seen.map(({ target }) => target), ["/a", "/b"]);
  });

  testGuest(name, "a GET with content is neither answered from the cache nor kept", async () => {
    await using origin = await counting();
    await using served = await serveGuest(name, { backends: { origin: origin.url } });
    const head = "GET /proxy/a HTTP/1.1\r\nHost: test.example\r\n";
    const fat = [
      () => exchange(served.port, `${head}Content-Length: 6\r\n\r\npoison`),
      () => exchange(served.port, `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`),
    ];
    for (const ask of fat) await ask();
    assertEquals((await get(served, "/a")).body, "3");
    for (const ask of fat) await ask();
    assertEquals((await get(served, "/a")).body, "3");
    assertEquals(origin.seen.length, 5);
  });

  testGuest(name, "fifty clients of one origin are one request, and read along", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    await using origin = await startOrigin((_, response) => asked.resolve(response));
    await using served = await serveGuest(name, { backends: { origin: origin.url } });
    const clients = Array.from({ length: 50 }, () => get(served, "/a"));
    const answer = await asked.promise;
    answer.write("first,");
    using wire = await Wire.open(served.port);
    await wire.send("GET /proxy/a HTTP/1.1\r\nHost: test.example\r\n\r\n");
    await wire.until("first,");
    answer.end("last");
    const responses = await Promise.all(clients);
    await wire.until("last");
    assertEquals(new Set(responses.map(({ body }) => body)), new Set(["first,last"]));
    assertEquals(origin.seen.length, 1);
  });
}

for (const name of OLD) {
  testGuest(name, "an override says how long, whatever the origin does", async () => {
    let now = Date.now();
    await using origin = await counting({ "cache-control": "max-age=0" });
    const backends = { origin: origin.url };
    await using served = await serveGuest(name, { backends, clock: () => now });
    const ask = async (headers = "") => (await get(served, "/a", headers)).body;
    assertEquals([await ask(), await ask()], ["1", "2"]);
    assertEquals([await ask("X-Cache-Ttl: 30\r\n"), await ask()], ["3", "3"]);
    now += 29_999;
    assertEquals(await ask(), "3");
    now += 1;
    assertEquals(await ask("X-Cache-Ttl: 0\r\n"), "4");
    assertEquals(await ask(), "5");
  });

  testGuest(name, "an override lets requests pass", async () => {
    await using origin = await counting();
    await using served = await serveGuest(name, { backends: { origin: origin.url } });
    const responses = [];
    for (const headers of ["", "X-Cache-Pass: 1\r\n", ""]) {
      responses.push(await get(served, "/a", headers));
    }
    assertEquals(responses.map(({ body }) => body), ["1", "2", "1"]);
    const states = responses.map((response) => valuesOf(response, "x-cache"));
    assertEquals(states, [["MISS"], [], ["HIT"]]);
  });

  testGuest(name, "the cache can be turned off", async () => {
    await using origin = await counting();
    const backends = { origin: origin.url };
    await using served = await serveGuest(name, { backends, cache: false });
    const responses = [await get(served, "/a"), await get(served, "/a")];
    assertEquals(responses.map(({ body }) => body), ["1", "2"]);
    assertEquals(valuesOf(responses[1]!, "x-cache"), []);
  });
}

testGuest("rust-2020", "a client that leaves does not cut the answer off for others", async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  await using origin = await startOrigin((_, response) => asked.resolve(response));
  await using served = await serveGuest("rust-2020", { backends: { origin: origin.url } });
  let answer: ServerResponse;
  {
    using first = await Wire.open(served.port);
    await first.send("GET /proxy/a HTTP/1.1\r\nHost: test.example\r\n\r\n");
    answer = await asked.promise;
    answer.write("first,");
    await first.until("first,");
  }
  const second = get(served, "/a");
  answer.end("last");
  assertEquals((await second).body, "first,last");
  assertEquals(origin.seen.length, 1);
});

testGuest("rust-2020", "a part, a HEAD and a condition are answered from the whole", async () => {
  await using origin = await startOrigin((_, response) => {
    response.writeHead(200, { etag: '"1"', "content-length": "10" });
    response.end("0123456789");
  });
  await using served = await serveGuest("rust-2020", { backends: { origin: origin.url } });
  const part = await get(served, "/a", "Range: bytes=2-4\r\n");
  assertEquals([part.status, part.body], [206, "234"]);
  assertEquals(valuesOf(part, "content-range"), ["bytes 2-4/10"]);
  const head = await fetchRaw(served.port, "/proxy/a", { method: "HEAD" });
  assertEquals([head.status, valuesOf(head, "content-length")], [200, ["10"]]);
  assertEquals((await get(served, "/a", 'If-None-Match: "1"\r\n')).status, 304);
  assertEquals(origin.seen.length, 1);
});

for (const name of OLD) {
  testGuest(
    name,
    "an instance's own answer is read to its end, after that of its guest",
    async () => {
      const answer = Promise.withResolvers<ServerResponse>();
      await using origin = await startOrigin((_, response) => answer.resolve(response));
      await using served = await serveGuest(name);
      const instance = served.app.instantiate({ backends: { origin: origin.url } });
      const asked = instance.handle(new Request("http://test.example/proxy/a"));
      (await answer.promise).write("first,");
      const reader = (await asked).body!.pipeThrough(new TextDecoderStream()).getReader();
      assertEquals((await reader.read()).value, "first,");
      (await answer.promise).end("last");
      assertEquals((await reader.read()).value, "last");
      assertEquals((await reader.read()).done, true);
    },
  );
}
