import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import type { ByteSource } from "../../service/http/bytes.ts";
import { HostError } from "../../service/errors.ts";
import { answerText, bytes, head, serving, Tap, textOf, Wire } from "../cli/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("a streamed response goes out head first, then each piece as it comes", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => exchange.respond(head(200), tap));
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  assertStringIncludes(await wire.until("\r\n\r\n"), "Transfer-Encoding: chunked\r\n");
  for (const piece of ["one", "three"]) {
    tap.push(piece);
    assertEquals(await wire.until("\r\n"), `${piece.length}\r\n`);
    assertEquals(await wire.until("\r\n"), `${piece}\r\n`);
  }
  tap.end();
  assertEquals(await wire.until("\r\n\r\n"), "0\r\n\r\n");
  await wire.send(GET);
  await wire.until("\r\n\r\n");
  assertEquals(server.lines.map(({ bytes, whole }) => ({ bytes, whole })), [
    { bytes: 8, whole: true },
  ]);
  tap.end();
});

Deno.test("trailers follow the body, in case, order and repeats", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => {
    exchange.respond(head(200, "Trailer", "X-Sum"), tap);
  });
  using wire = await Wire.open(server.port);
  tap.push("body");
  tap.end("X-Sum", "1", "x-sum", "caf\xe9");
  await wire.send(GET);
  assertStringIncludes(await wire.until("\r\n\r\n"), "Trailer: X-Sum\r\n");
  assertEquals(
    await wire.until("\r\n\r\n"),
    "4\r\nbody\r\n0\r\nX-Sum: 1\r\nx-sum: caf\xe9\r\n\r\n",
  );
});

Deno.test("with a declared length there are no chunks, and no trailers", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => {
    exchange.respond(head(200, "Content-Length", "4", "Trailer", "x"), tap);
  });
  using wire = await Wire.open(server.port);
  tap.push("body");
  tap.end("x", "1");
  await wire.send(GET + GET);
  const text = await wire.until("\r\n\r\nbody");
  assert(!/transfer-encoding|trailer/i.test(text), text);
  tap.push("next");
  tap.end();
  assertStringIncludes(await wire.until("next"), "HTTP/1.1 200 OK\r\nContent-Length: 4");
});

Deno.test("a body longer than declared is cut at the declared length", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/next")) return answerText(exchange, "next");
    exchange.respond(head(200, "Content-Length", "4"), tap);
  });
  using wire = await Wire.open(server.port);
  tap.push("bo");
  tap.push("dy and more");
  tap.push("and more");
  await wire.send(GET + GET.replace("/", "/next"));
  await wire.until("\r\n\r\nbody");
  assert((await wire.until("next")).startsWith("HTTP/1.1 200 OK"));
  assert(tap.cancelled, "its writer is told, and waits for no reader");
});

Deno.test("a body shorter than declared cuts the connection", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => {
    exchange.respond(head(200, "Content-Length", "9"), tap);
  });
  using wire = await Wire.open(server.port);
  tap.push("body");
  tap.end();
  await wire.send(GET);
  assert((await wire.rest()).endsWith("\r\n\r\nbody"));
  assertEquals(server.lines.map((line) => line.whole), [false]);
});

Deno.test("lengths and codings that make no sense are replaced", async () => {
  const fields = [
    ["Content-Length", "4", "content-length", "5"],
    ["Content-Length", "four"],
    ["Transfer-Encoding", "gzip"],
    ["Content-Length", "4", "Content-Length", "4"],
    [],
  ];
  await using server = await serving((exchange) => {
    const index = Number(exchange.head.url.split("/").at(-1));
    exchange.respond(head(200, ...fields[index]!), bytes("body"));
  });
  using wire = await Wire.open(server.port);
  for (const index of fields.keys()) {
    await wire.send(`GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const text = await wire.until("\r\n\r\nbody");
    assertEquals(text.match(/content-length: .*|transfer-encoding: .*/gi), ["Content-Length: 4"]);
  }
});

Deno.test("a whole body longer than its declared length is cut at it, and the next response follows", async () => {
  await using server = await serving((exchange) => {
    exchange.respond(head(200, "content-length", "2"), bytes("body"));
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET + GET);
  for (let i = 0; i < 2; i++) {
    assertStringIncludes(
      await wire.until("\r\n\r\nbo"),
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
    );
  }
  assertEquals(server.lines[0]!.bytes, 2);
});

Deno.test("a whole body shorter than its declared length cuts the connection", async () => {
  await using server = await serving((exchange) => {
    exchange.respond(head(200, "content-length", "9"), bytes("body"));
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET + GET);
  const text = await wire.rest();
  assertStringIncludes(text, "content-length: 9\r\n");
  assert(text.endsWith("\r\n\r\nbody"));
  assertEquals(server.lines.map(({ whole }) => whole), [false]);
});

Deno.test("Content-Length and Transfer-Encoding never go out together, whole or streamed", async () => {
  const fields = ["Content-Length", "4", "Transfer-Encoding", "chunked"];
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/whole")) {
      return exchange.respond(head(200, ...fields), bytes("body"));
    }
    const tap = new Tap();
    tap.push("body");
    tap.end();
    exchange.respond(head(200, ...fields), tap);
  });
  using wire = await Wire.open(server.port);
  for (const path of ["/whole", "/streamed"]) {
    await wire.send(GET.replace("/", path));
    const text = await wire.until("\r\n0\r\n\r\n");
    assertEquals(text.match(/content-length: .*|transfer-encoding: .*/gi), [
      "Transfer-Encoding: chunked",
    ]);
  }
});

Deno.test("header bytes above 0x7F leave as they came, whole and streamed", async () => {
  await using server = await serving((exchange) => {
    const fields = head(200, "X-N", exchange.head.headers.get("x-v")!);
    if (exchange.head.url.endsWith("/whole")) return exchange.respond(fields, bytes("ok"));
    // Too much to be copied behind the head: both leave as parts of one write.
    const large = bytes(`${"x".repeat(20_000)}ok`);
    if (exchange.head.url.endsWith("/large")) return exchange.respond(fields, large);
    const tap = new Tap();
    exchange.respond(fields, tap);
    tap.push("ok");
    tap.end();
  });
  using wire = await Wire.open(server.port);
  for (const path of ["/whole", "/streamed", "/large"]) {
    await wire.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nX-V: \xc3\xa9|\xe9\r\n\r\n`);
    assertStringIncludes(await wire.until("ok"), "X-N: \xc3\xa9|\xe9\r\n");
  }
});

Deno.test("a guest that asks for chunks gets chunks", async () => {
  await using server = await serving((exchange) => {
    exchange.respond(head(200, "transfer-ENCODING", "chunked"), bytes("body"));
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  assertStringIncludes(await wire.until("\r\n\r\n"), "transfer-ENCODING: chunked\r\n");
  assertEquals(await wire.until("\r\n0\r\n\r\n"), "4\r\nbody\r\n0\r\n\r\n");
});

Deno.test("a source that fails cuts the connection, and never ends it cleanly", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => exchange.respond(head(200), tap));
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  tap.push("part");
  await wire.until("part\r\n");
  tap.fail(new Error("the guest has trapped"));
  assertEquals(await wire.rest(), "");
  assertEquals(server.lines.map((line) => line.whole), [false]);
});

Deno.test("a source that fails resets a client that knows neither length nor chunks", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => exchange.respond(head(200), tap));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(bytes(GET.replace("1.1", "1.0")));
  tap.push("part");
  await connection.read(new Uint8Array(1000));
  tap.fail(new Error("the guest has trapped"));
  await assertRejects(async () => {
    while (await connection.read(new Uint8Array(1000)) !== null);
  }, Deno.errors.ConnectionReset);
  connection.close();
});

Deno.test("a fast source waits for a slow reader", async () => {
  const piece = new Uint8Array(64 * 1024).fill(0x61);
  const total = 1024; // 64 MiB: no socket buffer holds that
  let reads = 0;
  const source: ByteSource = {
    length: undefined,
    trailers: undefined,
    read: () => reads++ < total ? piece : undefined,
    cancel() {},
  };
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/ping")) return answerText(exchange, "pong");
    exchange.respond(head(200, "Content-Length", String(total * piece.length)), source);
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  await wire.until("\r\n\r\n");
  // Once reads stand still over several round trips of another client, the source is waiting.
  using other = await Wire.open(server.port);
  for (let before = -1; before !== reads;) {
    before = reads;
    for (let trip = 0; trip < 20; trip++) {
      await other.send(GET.replace("/", "/ping"));
      await other.until("pong");
    }
  }
  assert(reads < total / 2, `${reads} pieces were read ahead`);
  let left = total * piece.length;
  while (left > 0) left -= (await wire.exactly(Math.min(left, 1 << 20))).length;
  await wire.send(GET.replace("/", "/ping"));
  await wire.until("pong");
});

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
