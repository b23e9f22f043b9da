import { connect } from "node:net";
import { listen } from "../../server/listener.ts";
import type { Listener } from "../../server/listen_options.ts";
import { collect } from "../../service/http/bytes.ts";
import type { Exchange } from "../../service/http/exchange.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { fetchRaw } from "../guests/http.ts";
import { answerText, head, Wire } from "./wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

/** A listener that has little patience with heads. */
async function impatient() {
  let answered = 0;
  const listener = await listen({
    hostname: "127.0.0.1",
    port: 0,
    headTimeout: 100,
    answer(exchange) {
      answerText(exchange, String(++answered));
      return Promise.resolve();
    },
  });
  return {
    port: listener.port,
    answered: () => answered,
    [Symbol.asyncDispose]: () => listener.drain(0),
  };
}

/** Sends a field now and then until the connection ends; returns the bytes received by then. */
async function drip(wire: Wire, start: string): Promise<string> {
  let over = false;
  const rest = wire.rest().finally(() => over = true);
  await wire.send(start);
  while (!over) {
    await wire.send("A: b\r\n").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return await rest;
}

for (
  const [title, start] of [
    ["sends its head field by field", "GET / HTTP/1.1\r\n"],
    ["sends nothing to begin with", ""],
  ] as const
) {
  Deno.test(`a client that ${title} is cut with a 408, and others are answered`, async () => {
    await using server = await impatient();
    using slow = await Wire.open(server.port);
    const cut = start ? drip(slow, start) : slow.rest();
    let over = false;
    cut.then(() => over = true);
    let others = 0;
    do {
      assertEquals((await fetchRaw(server.port, "/")).status, 200);
      others++;
    } while (!over);
    assertMatch(
      await cut,
      /^HTTP\/1\.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/,
    );
    assertEquals(server.answered(), others, "no guest has seen the slow one");
  });
}

Deno.test("a slow head on a connection that has served is cut, too", async () => {
  await using server = await impatient();
  using wire = await Wire.open(server.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  assertMatch(await wire.until("\r\n\r\n"), /^HTTP\/1\.1 200 /);
  await wire.exactly(1);
  assertMatch(await drip(wire, "GET / HTTP/1.1\r\n"), /^HTTP\/1\.1 408 /);
  assertEquals(server.answered(), 1);
});

Deno.test("a head that is there in time may be followed by a body that takes longer", async () => {
  await using server = await impatient();
  using wire = await Wire.open(server.port);
  using other = await Wire.open(server.port);
  await wire.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\na");
  await wire.until("\r\n\r\n");
  await wire.exactly(1);
  assertMatch(await other.rest(), /^HTTP\/1\.1 408 /, "the listener has looked meanwhile");
  await wire.send("bGET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  assertMatch(await wire.until("\r\n\r\n"), /^HTTP\/1\.1 200 /);
});

/** A listener that answers each request with so many bytes, and ends connections that move nothing for 200 ms. */
async function stalling(size: number, answer?: (exchange: Exchange) => Promise<void>) {
  const told: [boolean, string][] = [];
  const listener = await listen({
    hostname: "127.0.0.1",
    port: 0,
    stallTime: 200,
    stalled: (exchange, what) => void told.push([exchange !== undefined, what]),
    async answer(exchange) {
      if (answer) await answer(exchange);
      else exchange.respond(head(200), new Uint8Array(size));
    },
  });
  return { listener, told, [Symbol.asyncDispose]: () => listener.drain(0) };
}

const TAKES_NOTHING = "A connection was cut, as its client takes nothing of what it has asked for";
const SENDS_NOTHING = "A request was ended, as its client does not go on sending its content";

/** Resolves when the listener has no connections. */
async function emptied({ listener }: { listener: Listener }): Promise<void> {
  while (listener.connections()) await new Promise((resolve) => setTimeout(resolve, 5));
}

for (
  const [title, size, request] of [
    ["a whole body", 64 << 20, GET],
    ["many small responses", 20_000, GET.repeat(2000)],
  ] as const
) {
  Deno.test(`a client that takes nothing of ${title} is cut`, async () => {
    await using server = await stalling(size);
    using wire = await Wire.open(server.listener.port);
    await wire.send(request);
    while (!server.listener.connections()) await new Promise((resolve) => setTimeout(resolve, 1));
    await emptied(server);
    assertEquals(server.told, [[true, TAKES_NOTHING]]);
  });
}

Deno.test("so is one that has ended its sending side", async () => {
  await using server = await stalling(64 << 20);
  using wire = await Wire.open(server.listener.port);
  await wire.send(GET);
  await wire.halfClose();
  while (!server.told.length) await new Promise((resolve) => setTimeout(resolve, 5));
  await emptied(server);
  assertEquals(server.told.map(([, what]) => what), [TAKES_NOTHING]);
});

Deno.test("a client that takes its response slowly gets all of it", async () => {
  const size = 24 << 20;
  await using server = await stalling(size);
  const socket = connect(server.listener.port, "127.0.0.1");
  socket.write(GET);
  let got = 0;
  while (got < size) {
    const piece = socket.read(2 << 20) ?? socket.read();
    if (piece) got += piece.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (socket.destroyed) break;
  }
  socket.destroy();
  assert(got >= size, `${got} bytes have come`);
  assertEquals(server.told, []);
});

Deno.test("a client that sends its content byte by byte gets a 408 once nothing else moves", async () => {
  const failed = Promise.withResolvers<unknown>();
  await using server = await stalling(0, async (exchange) => {
    await collect(exchange.body).catch(failed.resolve);
  });
  using wire = await Wire.open(server.listener.port);
  await wire.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n");
  let over = false;
  const rest = wire.rest().finally(() => over = true);
  while (!over) {
    await wire.send("x").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertMatch(await rest, /^HTTP\/1\.1 408 [^]*The content comes too slowly/);
  assertMatch(String(await failed.promise), /The content comes too slowly/);
  assertEquals(server.told, [[true, SENDS_NOTHING]]);
});

Deno.test("content without a reader, or that waits for 100 Continue, has no time limit", async () => {
  await using server = await stalling(0, async (exchange) => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    answerText(exchange, new TextDecoder().decode(await collect(exchange.body)));
  });
  for (const expect of ["", "Expect: 100-continue\r\n"]) {
    using wire = await Wire.open(server.listener.port);
    await wire.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n${expect}\r\n`);
    if (expect) await wire.until("100 Continue\r\n\r\n");
    else await new Promise((resolve) => setTimeout(resolve, 500));
    await wire.send("x");
    assertMatch(await wire.until("\r\n\r\nx"), /^HTTP\/1\.1 200 /);
  }
  assertEquals(server.told, []);
});
