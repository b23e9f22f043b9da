import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import type { Exchange } from "../../service/http/exchange.ts";
import { tunnel } from "../../service/backends/upgrade.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { rawOrigin, type Wire as OriginWire } from "../service/backends/origins.ts";
import { answerText, bytes, head, serving, Tap, textOf, Wire } from "./wire.ts";

const UPGRADE = "GET /live HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n" +
  "Upgrade: websocket\r\n\r\n";
const SWITCH = head(
  101,
  "Upgrade",
  "websocket",
  "Connection",
  "Upgrade",
  "X-Odd",
  "a",
  "X-Odd",
  "b",
);
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
  "Connection: Upgrade\r\nX-Odd: a\r\nX-Odd: b\r\n\r\n";

/** Takes the connection, and answers each byte with its upper case. */
function shout(exchange: Exchange): Duplex {
  const socket = exchange.takeOver!(SWITCH)!;
  socket.on("data", (chunk: Uint8Array) => {
    socket.write(new TextDecoder().decode(chunk).toUpperCase());
  });
  socket.on("end", () => socket.end());
  return socket;
}

Deno.test("a connection that is taken over carries bytes both ways, after the head as it is", async () => {
  await using server = await serving((exchange) => void shout(exchange));
  using wire = await Wire.open(server.port);
  await wire.send(UPGRADE);
  assertEquals(await wire.until("\r\n\r\n"), SWITCHED);
  await wire.send("some bytes");
  assertEquals(await wire.exactly(10), "SOME BYTES");
});

Deno.test("bytes that a client sends ahead of the response to its upgrade are not lost", async () => {
  const go = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    await go.promise;
    shout(exchange);
  });
  using wire = await Wire.open(server.port);
  await wire.send(UPGRADE + "early ");
  await wire.send("birds");
  go.resolve();
  assertEquals(await wire.until("BIRDS"), SWITCHED + "EARLY BIRDS");
});

Deno.test("the access log has the connection when it ends, with its bytes", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await serving((exchange) => {
    shout(exchange).on("close", () => closed.resolve());
    exchange.onGone(() => {
      throw new Error("a connection in other hands does not leave");
    });
  });
  using wire = await Wire.open(server.port);
  await wire.send(UPGRADE);
  await wire.until("\r\n\r\n");
  await wire.send("twelve bytes");
  await wire.exactly(12);
  assertEquals(server.lines.length, 0);
  await wire.halfClose();
  assertEquals(await wire.rest(), "");
  await closed.promise;
  assertEquals(
    server.lines.map(({ target, status, bytes, whole }) => [target, status, bytes, whole]),
    [["/live", 101, 12, true]],
  );
  assertEquals(server.troubles, []);
});

Deno.test("a request after a refused upgrade is answered in its turn", async () => {
  await using server = await serving((exchange) => {
    answerText(exchange, exchange.takeOver ? "no thanks" : "next", 404);
  });
  using wire = await Wire.open(server.port);
  await wire.send(`${UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
  const text = await wire.until("no thanks");
  assertMatch(text, /^HTTP\/1.1 404 Not Found\r\nContent-Length: 9\r\n/);
  assertMatch(await wire.until("next"), /^HTTP\/1.1 404 Not Found\r\nContent-Length: 4\r\n/);
  assertEquals(server.lines[0]!.status, 404);
  await wire.send("not HTTP\r\n");
  assertMatch(await wire.rest(), /^HTTP\/1.1 400 /);
});

Deno.test("a request after an upgrade to h2c, which is never accepted, is answered in its turn, and content is no request", async () => {
  await using server = await serving(async (exchange) => {
    answerText(exchange, `${exchange.head.url} ${await textOf(exchange.body)};`);
  });
  using wire = await Wire.open(server.port);
  const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
  const upgrade = "GET /first HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  await wire.send(
    `${upgrade}POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\n\r\n`,
  );
  await wire.until("http://x/first ;");
  await wire.send(hidden);
  await wire.until(`http://x/p ${hidden};`);
  assertEquals((await server.logged(2)).length, 2);
});

Deno.test("such an answer may be long, and streams with early hints before it", async () => {
  const size = 4 << 20;
  await using server = await serving((exchange) => {
    exchange.inform(head(103, "Link", "</a>"));
    const body = new Tap();
    exchange.respond(head(200), body);
    for (let i = 0; i < 64; i++) body.push("x".repeat(size / 64));
    body.end();
  });
  using wire = await Wire.open(server.port);
  await wire.send(UPGRADE);
  assertMatch(await wire.until("\r\n\r\n"), /^HTTP\/1.1 103 /);
  const text = await wire.until("\r\n0\r\n\r\n");
  assert(text.length > size, `${text.length}`);
});

const ordinary: [title: string, request: string, body: string][] = [
  [
    "HTTP/2 that is offered",
    "POST /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n" +
    "Upgrade: h2c\r\nContent-Length: 4\r\n\r\nbody",
    "body",
  ],
  ["a protocol without the option", "GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", ""],
  [
    "a protocol for a request with a body",
    "POST /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
    "Content-Length: 2\r\n\r\nhi",
    "hi",
  ],
];
for (const [title, request, body] of ordinary) {
  Deno.test(`${title} leaves the connection to HTTP`, async () => {
    await using server = await serving(async (exchange) => {
      assertEquals(exchange.takeOver, undefined);
      answerText(exchange, `got ${await textOf(exchange.body)}`);
    });
    using wire = await Wire.open(server.port);
    for (let i = 0; i < 2; i++) {
      await wire.send(request);
      assertEquals((await wire.until(`got ${body}`)).split(" ")[1], "200");
    }
  });
}

Deno.test("a client that leaves before the answer is noticed, and nothing is taken over", async () => {
  const gone = Promise.withResolvers<Duplex | undefined>();
  await using server = await serving((exchange) =>
    new Promise((resolve) =>
      exchange.onGone(() => {
        gone.resolve(exchange.takeOver!(SWITCH));
        resolve();
      })
    )
  );
  const wire = await Wire.open(server.port);
  await wire.send(UPGRADE);
  wire.close();
  assertEquals(await gone.promise, undefined);
  assertEquals(server.troubles, []);
});

Deno.test("a connection in other hands ends when the listener has drained", async () => {
  const server = await serving((exchange) => void shout(exchange));
  using wire = await Wire.open(server.port);
  await wire.send(UPGRADE);
  await wire.until("\r\n\r\n");
  await server.drain(20);
  assertEquals(await wire.rest(), "");
});

/** A client's connection and a backend's, with a tunnel between. */
async function tunnelled(
  backend: (wire: OriginWire) => Promise<void>,
  client: (wire: Wire, far: Duplex) => Promise<void>,
): Promise<void> {
  const origin = rawOrigin(backend);
  const far = connectTcp({
    host: "127.0.0.1",
    port: Number(new URL(origin.url).port),
    allowHalfOpen: true,
  });
  {
    await using server = await serving((exchange) => tunnel(exchange.takeOver!(SWITCH)!, far));
    using wire = await Wire.open(server.port);
    await wire.send(UPGRADE);
    await wire.until("\r\n\r\n");
    await client(wire, far);
  }
  await origin.close();
}

Deno.test("a tunnel passes on the end of one side while the other goes on", async () => {
  await tunnelled(async (wire) => {
    const all = await wire.rest();
    await wire.write(`had ${all}`);
  }, async (wire) => {
    await wire.send("everything");
    await wire.halfClose();
    assertEquals(await wire.rest(), "had everything");
  });
});

Deno.test("a tunnel ends when the backend closes", async () => {
  await tunnelled(async (wire) => {
    await wire.until("go");
    await wire.write("last words");
  }, async (wire, far) => {
    await wire.send("go");
    assertEquals(await wire.rest(), "last words");
    wire.close();
    await closed(far);
  });
});

Deno.test("a tunnel ends when the client leaves", async () => {
  const ended = Promise.withResolvers<string>();
  await tunnelled(async (wire) => {
    await wire.write("hello");
    ended.resolve(await wire.rest());
  }, async (wire, far) => {
    await wire.exactly(5);
    await wire.send("bye");
    wire.close();
    assertEquals(await ended.promise, "bye");
    await closed(far);
  });
});

Deno.test("a tunnel ends when the backend is reset", async () => {
  await tunnelled(async (wire) => void await wire.until("go"), async (wire, far) => {
    await wire.send("go");
    far.destroy(new Error("reset"));
    assertEquals(await wire.rest(), "");
  });
});

Deno.test("a tunnel takes no more from the backend than the client reads", async () => {
  const size = 1 << 20;
  let written = 0;
  const done = Promise.withResolvers<void>();
  await tunnelled(async (wire) => {
    for (; written < 64; written++) await wire.write("x".repeat(size));
    done.resolve();
  }, async (wire) => {
    // The sockets' own buffers fill, and then the backend cannot write on.
    for (let before = -1; before !== written;) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert(written < 60, `${written} MiB were taken`);
    for (let left = 64; left > 0; left--) await wire.exactly(size);
    await done.promise;
  });
});

function closed(socket: Duplex): Promise<void> {
  return socket.closed
    ? Promise.resolve()
    : new Promise((resolve) => socket.on("close", () => resolve()));
}

Deno.test("bytes of a taken connection are those after the head", async () => {
  const socket = Promise.withResolvers<Duplex>();
  await using server = await serving((exchange) => {
    const taken = exchange.takeOver!(SWITCH)!;
    taken.end(bytes("0123456789"));
    taken.resume();
    socket.resolve(taken);
  });
  using wire = await Wire.open(server.port);
  await wire.send(UPGRADE);
  assertEquals(await wire.rest(), `${SWITCHED}0123456789`);
  wire.close();
  await closed(await socket.promise);
  assertEquals(server.lines.map(({ bytes }) => bytes), [10]);
});
