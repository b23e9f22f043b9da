import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import type { ByteSource } from "../../service/http/bytes.ts";
import { HostError } from "../../service/errors.ts";
import { answerText, head, serving, Tap, textOf, Wire } from "./wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("a body with a length arrives in pieces and counts down", async () => {
  const lengths: (number | undefined)[] = [];
  await using server = await serving(async (exchange) => {
    const body = exchange.body as ByteSource;
    lengths.push(body.length);
    let text = "";
    for (let chunk; (chunk = await body.read());) {
      text += new TextDecoder().decode(chunk);
      lengths.push(body.length);
    }
    answerText(exchange, `<${text}>`);
  });
  using wire = await Wire.open(server.port);
  await wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  while (lengths.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await wire.send("def");
  await wire.until("<abcdef>");
  assertEquals(lengths, [6, 3, 0]);
});

Deno.test("a chunked body arrives with its trailers", async () => {
  await using server = await serving(async (exchange) => {
    const body = exchange.body as ByteSource;
    const text = await textOf(body);
    answerText(exchange, `<${text}|${body.trailers?.raw.join()}>`);
  });
  using wire = await Wire.open(server.port);
  const upload = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nx-sum: 6\r\n\r\n";
  await wire.send(upload + upload);
  await wire.until("<abcde|X-Sum,5,x-sum,6>");
  await wire.until("<abcde|X-Sum,5,x-sum,6>");
});

Deno.test("an empty chunked body ends at once", async () => {
  await using server = await serving(async (exchange) => {
    answerText(exchange, `<${await textOf(exchange.body)}>`);
  });
  using wire = await Wire.open(server.port);
  const upload = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  await wire.send(upload + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + upload);
  for (let i = 0; i < 3; i++) await wire.until("<>");
});

Deno.test("an upload waits for a slow guest", async () => {
  const go = Promise.withResolvers<void>();
  const size = 32 << 20;
  let count = 0;
  await using server = await serving(async (exchange) => {
    await go.promise;
    const body = exchange.body as ByteSource;
    for (let chunk; (chunk = await body.read());) count += chunk.length;
    answerText(exchange, "done");
  });
  using wire = await Wire.open(server.port);
  await wire.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  let sent = 0;
  const sending = (async () => {
    const piece = "x".repeat(1 << 20);
    for (; sent < size; sent += piece.length) await wire.send(piece);
  })();
  // The sender stands still: nothing moves over several turns of the loop.
  for (let before = -1; before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert(sent < size / 2, `${sent} bytes were taken ahead`);
  go.resolve();
  await sending;
  await wire.until("done");
  assertEquals(count, size);
});

const CONTINUE = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

Deno.test("100 Continue is sent when the guest first reads", async () => {
  const go = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    exchange.inform(head(103, "a", "b"));
    await go.promise;
    answerText(exchange, `<${await textOf(exchange.body)}>`);
  });
  using wire = await Wire.open(server.port);
  await wire.send(CONTINUE);
  assertStringIncludes(await wire.until("\r\n\r\n"), "HTTP/1.1 103 Early Hints\r\n");
  go.resolve();
  assertEquals(await wire.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await wire.send("body");
  assertStringIncludes(await wire.until("<body>"), "Connection: keep-alive\r\n");
  await wire.send(GET);
  await wire.until("<>");
});

Deno.test("100 Continue is sent for a response that is made of the request's body", async () => {
  await using server = await serving((exchange) => exchange.respond(head(200), exchange.body));
  using wire = await Wire.open(server.port);
  await wire.send(CONTINUE);
  assertEquals(await wire.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await wire.send("body");
  await wire.until("\r\n4\r\nbody\r\n");
});

Deno.test("there is no 100 behind the response's head", async () => {
  const go = Promise.withResolvers<void>();
  const tap = new Tap();
  await using server = await serving(async (exchange) => {
    exchange.respond(head(200, "Content-Length", "6"), tap);
    await go.promise;
    await (exchange.body as ByteSource).read();
    tap.push("two");
    tap.end();
  });
  using wire = await Wire.open(server.port);
  tap.push("one");
  await wire.send(CONTINUE);
  await wire.until("one");
  await wire.send("body");
  go.resolve();
  assertEquals(await wire.rest(), "two");
});

Deno.test("without a read there is no 100, and the connection closes after the response", async () => {
  await using server = await serving((exchange) => answerText(exchange, "no", 417));
  using wire = await Wire.open(server.port);
  await wire.send(CONTINUE);
  const text = await wire.rest();
  assert(text.startsWith("HTTP/1.1 417 "));
  assertStringIncludes(text, "Connection: close\r\n");
});

for (const read of ["nothing", "a part"]) {
  Deno.test(`a large upload of which the guest reads ${read} does not wedge the connection`, async () => {
    await using server = await serving(async (exchange) => {
      if (read === "a part" && exchange.head.method === "POST") {
        await (exchange.body as ByteSource).read();
      }
      answerText(exchange, exchange.head.method);
    });
    using wire = await Wire.open(server.port);
    const size = 8 << 20;
    await wire.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    await wire.send("x".repeat(size) + GET);
    await wire.until("POST");
    await wire.until("GET");
  });
}

Deno.test("an upload that the guest gives up is discarded while it works on", async () => {
  const uploaded = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    const body = exchange.body as ByteSource;
    await body.read();
    body.cancel();
    await assertRejects(async () => await body.read(), HostError, "given up");
    await uploaded.promise;
    answerText(exchange, "ok");
  });
  using wire = await Wire.open(server.port);
  const size = 16 << 20;
  await wire.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  await wire.send("x".repeat(size));
  uploaded.resolve();
  await wire.until("ok");
});

Deno.test("a guest reads on after its response has gone out", async () => {
  const read = Promise.withResolvers<string>();
  const sent = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    if (exchange.head.method === "GET") return answerText(exchange, "next");
    answerText(exchange, "early");
    await sent.promise;
    read.resolve(await textOf(exchange.body));
  });
  using wire = await Wire.open(server.port);
  await wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nlate");
  await wire.until("early");
  await wire.send("body" + GET);
  sent.resolve();
  assertEquals(await read.promise, "latebody");
  await wire.until("next");
});
