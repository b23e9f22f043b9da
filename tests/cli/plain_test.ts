import fc from "npm:fast-check@4.10.2";
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { readPlainRequest } from "../../cli/wire_plain.ts";
import { assert, assertEquals } from "../assert.ts";
import { answerText, bytes, head, serving, Wire } from "./wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const read = (text: string) => readPlainRequest(Buffer.from(text, "latin1"));

Deno.test("a plain request is its line and its fields, without the blanks around values", () => {
  assertEquals(read("GET /a?b HTTP/1.1\r\nHOST:a:1\r\nx: \t b c\xe9 \r\nX:\r\n\r\n"), {
    method: "GET",
    target: "/a?b",
    host: "a:1",
    raw: ["HOST", "a:1", "x", "b c\xe9", "X", ""],
  });
});

Deno.test("a request that asks for what happens anyway, that the connection stays open, is plain", () => {
  const raw = ["Host", "a", "Connection", "Keep-Alive"];
  assertEquals(read("GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n")?.raw, raw);
});

const NOT_PLAIN = {
  "with a body": "GET / HTTP/1.1\r\nHost: a\r\ncontent-length: 2\r\n\r\n",
  "with chunks": "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  "that expects something": "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
  "that upgrades": "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n",
  "about the connection": "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  "about more of the connection": "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x\r\n\r\n",
  "with a method that has a body": "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
  "of HTTP/1.0": "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
  "for a proxy": "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "without a host": "GET / HTTP/1.1\r\nx: a\r\n\r\n",
  "with two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
  "with a host that is none": "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
  "that goes on": "GET / HTTP/1.1\r\nHost: a\r\n",
  "with another behind it": GET + GET,
  "with bytes behind it": `${GET}x`,
  "with a bare line feed": "GET / HTTP/1.1\r\nHost: a\nx: y\r\n\r\n",
  "with a bare carriage return": "GET / HTTP/1.1\r\nHost: a\rx: y\r\n\r\n",
  "with a folded line": "GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n",
  "with a blank before a colon": "GET / HTTP/1.1\r\nHost: a\r\nb : c\r\n\r\n",
  "with a name that is none": "GET / HTTP/1.1\r\nHost: a\r\n: c\r\n\r\n",
  "with a line without a colon": "GET / HTTP/1.1\r\nHost: a\r\nbc\r\n\r\n",
  "with a NUL": "GET / HTTP/1.1\r\nHost: a\r\nb: \0\r\n\r\n",
  "with two blanks in its line": "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
  "with a target that is not ASCII": "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n",
  "of many bytes": `GET / HTTP/1.1\r\nHost: a\r\nb: ${"c".repeat(20_000)}\r\n\r\n`,
};
for (const [what, text] of Object.entries(NOT_PLAIN)) {
  Deno.test(`a request ${what} is left to node`, () => assertEquals(read(text), undefined));
}

Deno.test("whatever is taken for a plain request node reads in the same way", async () => {
  let seen: IncomingMessage | undefined;
  const server = createServer((request, response) => {
    seen = request;
    response.end("ok");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const start = "GET /a HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nx-y:  z \r\n\r\n";
  const piece = fc.constantFrom(
    ...[
      "\r",
      "\n",
      "\r\n",
      " ",
      "\t",
      ":",
      "\0",
      "\x7f",
      "\xe9",
      ",",
      "a",
      "HTTP/1.1",
      "Host: b",
      "X: 1\r\n",
      "Connection: keep-alive\r\n",
    ],
  );
  const edit = fc.record({ at: fc.nat(start.length), drop: fc.nat(2), piece });
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      let text = start;
      for (const { at, drop, piece } of edits) {
        text = text.slice(0, at) + piece + text.slice(at + drop);
      }
      const plain = read(text);
      if (!plain) return;
      taken++;
      seen = undefined;
      using wire = await Wire.open(port);
      await wire.send(text);
      await wire.until("\r\n\r\n");
      assert(seen, JSON.stringify(text));
      const { method, url, rawHeaders } = seen;
      assertEquals({ method, url, raw: rawHeaders }, {
        method: plain.method,
        url: plain.target,
        raw: [...plain.raw],
      });
    }),
    { numRuns: 2000 },
  );
  assert(taken > 50, `only ${taken} were plain`);
  await new Promise((done) => server.close(done));
});

Deno.test("a connection goes on in node's hands when a request is not plain, and stays there", async () => {
  const seen: string[] = [];
  await using server = await serving(async (exchange) => {
    const { body } = exchange;
    const chunk = body instanceof Uint8Array ? body : await body.read();
    seen.push(`${exchange.head.method} ${chunk?.length ?? 0}`);
    answerText(exchange, "ok");
  });
  using wire = await Wire.open(server.port);
  for (
    const text of [
      GET,
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
      GET,
      GET + GET,
    ]
  ) {
    await wire.send(text);
    await wire.until("ok");
  }
  await wire.until("ok");
  assertEquals(seen, ["GET 0", "POST 3", "GET 0", "GET 0", "GET 0"]);
});

Deno.test("a head that arrives in pieces is answered", async () => {
  await using server = await serving((exchange) => answerText(exchange, exchange.head.url));
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  await wire.until("http://a/");
  for (const piece of ["GET /b HT", "TP/1.1\r\nHo", "st: a\r\n\r", "\n"]) await wire.send(piece);
  await wire.until("http://a/b");
});

Deno.test("what is sent ahead is answered in its turn, plain or not", async () => {
  const { promise: first, resolve: came } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    const isFirst = exchange.head.url.endsWith("/first");
    if (isFirst) came();
    if (isFirst) await released;
    answerText(exchange, isFirst ? "one" : exchange.head.url);
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET.replace("/", "/first"));
  await first;
  await wire.send(GET.replace("/", "/second"));
  await wire.send(GET.replace("GET /", "POST /third"));
  await wire.send(GET.replace("/", "/four"));
  release();
  const all = await wire.until("http://a/four");
  assertEquals([...all.matchAll(/one|http:\/\/a\/[a-z]+/g)].map(([text]) => text), [
    ...["one", "http://a/second", "http://a/third", "http://a/four"],
  ]);
});

Deno.test("a response of any size reaches a client that reads late, and the next one follows", async () => {
  for (const size of [0, 1, 16_384, 16_385, 100_000, 5_000_000]) {
    await using server = await serving((exchange) => {
      if (exchange.head.url.endsWith("/next")) return answerText(exchange, "next");
      exchange.respond(head(200, "Content-Length", String(size)), new Uint8Array(size).fill(97));
    });
    using wire = await Wire.open(server.port);
    await wire.send(GET);
    await wire.send(GET.replace("/", "/next"));
    await wire.until("\r\n\r\n");
    assertEquals(await wire.exactly(size), "a".repeat(size));
    assert((await wire.until("next")).startsWith("HTTP/1.1 200"));
  }
});

Deno.test("a guest that closes the connection closes it after its response", async () => {
  await using server = await serving((exchange) =>
    exchange.respond(head(200, "Connection", "close", "Content-Length", "2"), bytes("ok"))
  );
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  assert((await wire.rest()).endsWith("\r\n\r\nok"));
});

/** Intervals that begin from now on pass when they are told to. */
function heldIntervals(): Disposable & { pass(): void } {
  const { setInterval } = globalThis;
  const due: (() => void)[] = [];
  globalThis.setInterval = ((run: () => void) => {
    due.push(run);
    return setInterval(() => {}, 2 ** 30);
  }) as typeof setInterval;
  return {
    pass: () => due.forEach((run) => run()),
    [Symbol.dispose]: () => void (globalThis.setInterval = setInterval),
  };
}

Deno.test("a connection that is idle for long is closed; one whose guest is at work is not", async () => {
  using rounds = heldIntervals();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: first, resolve: came } = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    if (exchange.head.url.endsWith("/busy")) {
      came();
      await released;
    }
    answerText(exchange, "ok");
  });
  using idle = await Wire.open(server.port);
  using busy = await Wire.open(server.port);
  await idle.send(GET);
  await idle.until("ok");
  await busy.send(GET.replace("/", "/busy"));
  await first;
  for (let seconds = 0; seconds <= 80; seconds += 5) rounds.pass();
  assertEquals(await idle.rest(), "");
  release();
  await busy.until("ok");
  while (server.lines.length < 2) await new Promise((resolve) => setTimeout(resolve));
  rounds.pass(); // the time that a guest was at work is no idle time
  await busy.send(GET);
  await busy.until("ok");
});
