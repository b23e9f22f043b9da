import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import type { ByteSource } from "../../service/http/bytes.ts";
import { answerText, bytes, head, serving, Tap, Wire } from "./wire.ts";

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
  tap.end("X-Sum", "1", "Content-Length", "9", "host", "a", "x-sum", "caf\xe9"); // RFC 9110, section 6.5.1
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
  assertEquals((await server.logged(1)).map((line) => line.whole), [false]);
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
  assertEquals((await server.logged(1)).map(({ whole }) => whole), [false]);
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
  assertEquals((await server.logged(1)).map((line) => line.whole), [false]);
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
