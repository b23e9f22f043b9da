import { type ByteSource, collect } from "../../service/http/bytes.ts";
import type { ServerExchange } from "../../server/exchange.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { answerText, bytes, head, Tap, textOf } from "./wire.ts";
import { Memory, turn } from "./memory.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A GET with this version, fields and path. */
function get(version: string, fields = "", path = "/"): string {
  return `GET ${path} HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;
}

const PERSISTENCE: [request: string, guest: string | undefined, persists: boolean][] = [
  [get("1.1"), undefined, true],
  [get("1.1", "Connection: keep-alive\r\n"), undefined, true],
  [get("1.1", "Connection: close\r\n"), undefined, false],
  [get("1.1", "Connection: x, Close\r\n"), undefined, false],
  [get("1.1", "Connection: keep-alive\r\nConnection: close\r\n"), undefined, false],
  [get("1.1", "Connection: close\r\n"), "keep-alive", false],
  [get("1.1"), "close", false],
  [get("1.1"), "Close, x", false],
  [get("1.1"), "keep-alive", true],
  [get("1.0"), undefined, false],
  [get("1.0"), "keep-alive", false],
  [get("1.0", "Connection: keep-alive\r\n"), undefined, true],
  [get("1.0", "Connection: Keep-Alive\r\n"), "close", false],
  [get("1.2"), undefined, true],
];
for (const [request, guest, persists] of PERSISTENCE) {
  const what = request.split("\r\n").filter((line) => /HTTP|^Conn/.test(line)).join(", ");
  Deno.test(`${what}, and the guest's ${guest}: ${persists ? "stays open" : "closes"} (9.3)`, async () => {
    const memory = new Memory((exchange) => {
      const fields = guest === undefined ? [] : ["Connection", guest, "Keep-Alive", "timeout=1"];
      exchange.respond(head(200, "Content-Length", "2", ...fields), bytes("ok"));
    });
    await memory.send(request);
    assertEquals(memory.closed, !persists);
    const told = memory.output.match(/^(connection|keep-alive): .*$/gim)!.join();
    if (persists) assertEquals(told, "Connection: keep-alive,Keep-Alive: timeout=75");
    else assertMatch(told, /^Connection: close(, x)?$/);
    memory.destroy();
  });
}

Deno.test("a close holds with Expect: 100-continue, whether content comes with it or not (wire: expect-close)", async () => {
  const echo = async (exchange: ServerExchange) => {
    answerText(exchange, `<${await textOf(exchange.body)}>`);
  };
  const post = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n" +
    "Content-Length: 2\r\n\r\n";
  for (const pieces of [[`${post}hi`], [post, "hi"]]) {
    const memory = new Memory(echo);
    await memory.send(...pieces);
    assert(memory.closed);
    assertMatch(memory.output, /Connection: close\r\n\r\n<hi>$/);
    assertEquals(memory.output.includes("100 Continue"), pieces.length === 2);
  }
});

Deno.test("the guest's other connection options and its Upgrade field stay", async () => {
  const memory = new Memory((exchange) => {
    const fields = ["Upgrade", "x/1", "connection", "keep-alive, upgrade", "Content-Length", "0"];
    exchange.respond(head(426, ...fields), bytes(""));
  });
  await memory.send(GET);
  assertStringIncludes(memory.output, "Upgrade: x/1\r\n");
  assertStringIncludes(memory.output, "Connection: keep-alive, upgrade\r\n");
  memory.destroy();
});

Deno.test("the scheme of URLs is the connection's", async () => {
  const memory = new Memory(undefined, undefined, "https");
  await memory.send(GET + get("1.1", "", "http://b/c"));
  assertEquals(memory.taken.map(({ url }) => url), ["https://a/", "https://b/c"]);
  memory.destroy();
});

Deno.test("a URL beyond its bound gets a 414, fields beyond theirs a 431, and a request just within both is taken", async () => {
  const bounds = { lineBytes: 100, headBytes: 200 };
  const room = 100 - "GET  HTTP/1.1".length;
  const fields = (count: number) => `X: ${"x".repeat(count)}\r\n`;
  const of = async (request: string) => {
    const memory = new Memory(undefined, bounds);
    await memory.send(request);
    memory.destroy();
    const bytewise = new Memory(undefined, bounds);
    await bytewise.send(...request);
    bytewise.destroy();
    assertEquals(bytewise.statuses, memory.statuses);
    return memory.statuses;
  };
  assertEquals(await of(get("1.1", "", "/".padEnd(room, "a"))), [200]);
  assertEquals(await of(get("1.1", "", "/".padEnd(room + 1, "a"))), [414]);
  const used = get("1.1", fields(0)).length;
  assertEquals(await of(get("1.1", fields(200 - used))), [200]);
  assertEquals(await of(get("1.1", fields(201 - used))), [431]);
  assertEquals(await of(`${"\r\n".repeat(101)}`), [431]);
});

Deno.test("205 has no content, and says so", async () => {
  const memory = new Memory((exchange) => answerText(exchange, "content", 205));
  await memory.send(GET + GET);
  assertEquals(memory.statuses, [205, 205]);
  assertEquals(memory.output.match(/content-length: .*/gi), [
    "Content-Length: 0",
    "Content-Length: 0",
  ]);
  assert(!memory.output.includes("content\r\n"));
  memory.destroy();
});

Deno.test("a client that sends much ahead waits, and all of it is answered in the end", async () => {
  const go = Promise.withResolvers<void>();
  let count = 0;
  const memory = new Memory(async (exchange) => {
    count++;
    await go.promise;
    answerText(exchange, "ok");
  });
  const batch = GET.repeat(500);
  for (let i = 0; i < 20; i++) await memory.send(batch);
  assertEquals(count, 1);
  assert(memory.connection.stream.isPaused(), "270 kB are not taken");
  go.resolve();
  while (count < 10_000) await turn();
  await memory.quiet();
  assertEquals(memory.statuses.length, 10_000);
  memory.destroy();
});

Deno.test("a request after a close is not started", async () => {
  let count = 0;
  const memory = new Memory((exchange) => {
    count++;
    answerText(exchange, "ok");
  });
  await memory.send(get("1.1", "Connection: close\r\n") + GET, GET);
  assertEquals([count, memory.statuses, memory.closed], [1, [200], true]);
});

Deno.test("content that was left unread, and that is too much to be read, closes behind the response", async () => {
  const memory = new Memory((exchange) => answerText(exchange, "no", 413));
  await memory.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 40}\r\n\r\nsome`, "more");
  assertEquals([memory.statuses, memory.closed], [[413], true]);
  assert(memory.output.endsWith("no"));
});

Deno.test("content that was left unread, and that takes too long to come, closes behind the response", async () => {
  const { setTimeout } = globalThis;
  const expired: (() => void)[] = [];
  const later = (callback: () => void, ms?: number) =>
    ms === 10_000 ? expired.push(callback) : setTimeout(callback, ms);
  globalThis.setTimeout = later as unknown as typeof setTimeout;
  try {
    const memory = new Memory((exchange) => answerText(exchange, "ok"));
    await memory.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome");
    assertEquals([memory.statuses, memory.closed, expired.length], [[200], false, 1]);
    await memory.send("more");
    assertEquals([memory.closed, expired.length], [false, 1]);
    expired[0]!();
    await memory.quiet();
    assertEquals(memory.closed, true);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

Deno.test("content that was left unread comes to its end, and the next request is answered", async () => {
  const memory = new Memory((exchange) => answerText(exchange, exchange.head.method));
  await memory.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  assertEquals(memory.statuses, [200]);
  await memory.send("lo\r\n0\r\n\r\nGET / HTT", "P/1.1\r\nHost: a\r\n\r\n");
  assertEquals([memory.statuses, memory.closed], [[200, 200], false]);
  memory.destroy();
});

Deno.test("content that fills a cached object goes on arriving once its request is over, at the pace of its readers", async () => {
  for (const fields of ["", "Connection: close\r\n"]) {
    const taken = Promise.withResolvers<ByteSource>();
    const memory = new Memory((exchange) => {
      if (!(exchange.body instanceof Uint8Array)) {
        exchange.body.keep!();
        taken.resolve(exchange.body);
      }
      answerText(exchange, "ok");
    });
    const head = `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: 300000\r\n\r\n`;
    await memory.send(head, "x".repeat(100_000));
    assertEquals([memory.statuses, memory.closed], [[200], false]);
    await memory.send("x".repeat(100_000));
    assert(memory.connection.stream.isPaused(), "nobody has read");
    const content = collect(await taken.promise);
    await memory.send("x".repeat(100_000));
    assertEquals((await content).length, 300_000);
    await memory.quiet();
    assertEquals(memory.closed, fields !== "");
    if (!memory.closed) await memory.send(GET);
    assertEquals(memory.statuses.length, fields ? 1 : 2);
    memory.destroy();
  }
});

Deno.test("content that fills a cached object is discarded once the object is not needed any more", async () => {
  const taken = Promise.withResolvers<ByteSource>();
  const memory = new Memory((exchange) => {
    const body = exchange.body as ByteSource;
    body.keep!();
    taken.resolve(body);
    answerText(exchange, "ok");
  });
  await memory.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 40}\r\n\r\nsome`);
  assertEquals([memory.statuses, memory.closed], [[200], false]);
  (await taken.promise).cancel();
  await memory.quiet();
  assertEquals([memory.statuses, memory.closed], [[200], true]);
});

Deno.test("content that the guest has given up goes on being read before its response, up to a bound", async () => {
  const go = Promise.withResolvers<void>();
  const memory = new Memory(async (exchange) => {
    if (!(exchange.body instanceof Uint8Array)) exchange.body.cancel();
    await go.promise;
    answerText(exchange, "ok");
  });
  await memory.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 40}\r\n\r\n`);
  const piece = "x".repeat(2 ** 20);
  for (let i = 0; i < 66; i++) await memory.send(piece);
  assert(memory.connection.stream.isPaused());
  go.resolve();
  await memory.quiet();
  assertEquals([memory.statuses, memory.closed], [[200], true]);
  memory.destroy();
});

Deno.test("a guest that asks for content late sends no 100 for a later request", async () => {
  const late = Promise.withResolvers<ServerExchange>();
  const memory = new Memory((exchange) => {
    if (exchange.head.url.endsWith("/first")) late.resolve(exchange);
    if (!exchange.head.url.endsWith("/second")) answerText(exchange, "ok");
  });
  const post = (path: string, expect: string, content: string) =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\n${expect}Transfer-Encoding: chunked\r\n\r\n${content}`;
  await memory.send(post("/first", "", "2\r\nhi\r\n0\r\nX: y\r\n\r\n"));
  await memory.send(post("/second", "Expect: 100-continue\r\n", ""));
  const { body } = await late.promise;
  assertEquals(new TextDecoder().decode(await collect(body)), "hi");
  await memory.quiet();
  assert(!memory.output.includes("100 Continue"));
  memory.destroy();
});

Deno.test("a stream that ends its response in pieces of any size writes them in order", async () => {
  const sizes = [1, 100, 16_384, 16_385, 70_000, 3];
  const tap = new Tap();
  const memory = new Memory((exchange) => exchange.respond(head(200), tap));
  await memory.send(GET);
  for (const [index, size] of sizes.entries()) tap.push(`${index}`.repeat(size));
  tap.end();
  await memory.quiet();
  const [, ...parts] = memory.output.slice(memory.output.indexOf("\r\n\r\n") + 2).split("\r\n");
  const expected = sizes.flatMap((size, index) => [size.toString(16), `${index}`.repeat(size)]);
  assertEquals(parts, [...expected, "0", "", ""]);
  memory.destroy();
});

Deno.test("trailers that cannot be written cut the response", async () => {
  const tap = new Tap();
  const memory = new Memory((exchange) => exchange.respond(head(200), tap));
  tap.push("body");
  tap.end("X", "a\r\nb");
  await memory.send(GET);
  assert(memory.output.endsWith("4\r\nbody\r\n") || !memory.output.includes("\r\n0\r\n"));
  assert(!memory.output.includes("b\r\n\r\n"));
  memory.destroy();
});
