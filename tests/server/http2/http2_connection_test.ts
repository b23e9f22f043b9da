import { Buffer } from "node:buffer";
import { connect, constants } from "node:http2";
import type { Exchange } from "../../../service/http/exchange.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { answerText, bytes, head, serving, Tap, textOf } from "../wire.ts";
import { curl } from "../../curl.ts";
import {
  ACK,
  AHEAD,
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  H2C,
  hello,
  number,
  RawConnection,
  request,
  statusOf,
  TYPE,
} from "./frames.ts";

Deno.test("a client that gives no window holds up its own stream only", async () => {
  const tap = new Tap();
  const piece = "x".repeat(60_000);
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/small")) return answerText(exchange, "small");
    exchange.respond(head(200), tap);
  }, H2C);
  using raw = await RawConnection.open(server.port, hello([4, 100_000]));
  // The connection's window is larger than the stream's.
  await raw.send(frame(TYPE.window, 0, 0, number(10_000_000)), request(1, "/large"));
  for (let i = 0; i < 50; i++) tap.push(piece);
  await received(raw, 1, 100_000);
  await raw.send(request(3, "/small"));
  await received(raw, 3, 5);
  const reads = tap.reads;
  assert(reads < 10, `${reads} pieces were read`);
  tap.end();
  await raw.send(frame(TYPE.window, 0, 1, number(10_000_000)));
  await received(raw, 1, 50 * 60_000 - 100_000);
  await raw.find(({ type, flags, stream }) =>
    stream === 1 && type <= 1 && (flags & END_STREAM) > 0
  );
});

/** Takes DATA frames of a stream until there are so many bytes. */
async function received(raw: RawConnection, stream: number, count: number): Promise<void> {
  for (let left = count; left > 0;) {
    const found = await raw.find((one) => one.type === TYPE.data && one.stream === stream);
    assert(found, `${left} bytes are missing`);
    left -= found.payload.length;
    if (left <= 0) assertEquals(left, 0);
  }
}

Deno.test("a guest that does not read holds up its own client only", async () => {
  const go = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    if (exchange.head.url.endsWith("/slow")) await go.promise;
    answerText(exchange, String((await textOf(exchange.body)).length));
  }, H2C);
  const session = connect(`http://127.0.0.1:${server.port}`);
  const slow = session.request({ ":path": "/slow", ":method": "POST" });
  const large = Buffer.alloc(5_000_000);
  slow.end(large);
  const quick = session.request({ ":path": "/quick", ":method": "POST" });
  quick.end(large);
  assertEquals(await textIn(quick), "5000000");
  assert(slow.writableLength > 3_000_000, `${slow.writableLength} bytes wait`);
  go.resolve();
  assertEquals(await textIn(slow), "5000000");
  session.close();
});

async function textIn(stream: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

Deno.test("HTTP/1 is served on the same port in clear, however the first bytes are cut, and nothing of HTTP/2 without h2c", async () => {
  await using both = await serving((exchange) => answerText(exchange, exchange.head.method), H2C);
  for (const method of ["GET", "POST", "PRINT", "PUT"]) {
    using raw = await RawConnection.open(both.port, new Uint8Array());
    const text = Buffer.from(
      `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    let answer = "";
    raw.socket.removeAllListeners("data").on("data", (chunk) => answer += chunk);
    for (let at = 0; at < text.length; at++) await raw.send(text.subarray(at, at + 1));
    await raw.closed;
    assertMatch(answer, new RegExp(`^HTTP/1\\.1 200 [^]*\r\n\r\n${method}$`));
  }
  await using one = await serving((exchange) => answerText(exchange, "ok"));
  assert((await curl(AHEAD, `http://127.0.0.1:${one.port}/`)).code !== 0);
});

Deno.test("an HTTP/2 client's first bytes may come one by one", async () => {
  await using server = await serving((exchange) => answerText(exchange, "ok"), H2C);
  using raw = await RawConnection.open(server.port, new Uint8Array());
  const all = Buffer.concat([hello([3, 100]), request(1, "/")]);
  await raw.sendInPieces(all, 1);
  const data = await raw.find(({ type }) => type === TYPE.data);
  assertEquals(data?.payload.toString(), "ok");
});

Deno.test("at the drain a client gets GOAWAY, its running requests are answered, and later ones are not begun", async () => {
  const started: string[] = [];
  const go = Promise.withResolvers<void>();
  const server = await serving(async (exchange) => {
    started.push(exchange.head.url);
    await go.promise;
    answerText(exchange, "ok");
  }, H2C);
  using raw = await RawConnection.open(server.port);
  await raw.send(request(1, "/running"), frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
  await raw.find(({ type, flags }) => type === TYPE.ping && flags === ACK);
  const drained = server.drain(60_000);
  const goaway = await raw.find(({ type }) => type === TYPE.goaway);
  assertEquals([goaway!.payload.readUInt32BE(0), goaway!.payload.readUInt32BE(4)], [1, 0]);
  await raw.send(request(3, "/late"));
  go.resolve();
  assertEquals((await raw.find(({ type }) => type === TYPE.data))?.payload.toString(), "ok");
  await drained;
  await raw.closed;
  assertEquals(started, ["http://a.test/running"]);
});

Deno.test("a client that stops reading is ended by the time limit, and its neighbour is not", async () => {
  const events: string[] = [];
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/small")) return answerText(exchange, "small");
    exchange.respond(head(200), new Uint8Array(5_000_000));
  }, { ...H2C, stallTime: 200, stalled: (_, event) => void events.push(event) });
  using raw = await RawConnection.open(server.port);
  await raw.send(request(1, "/large"));
  const reset = await raw.find(({ type, stream }) => type === TYPE.reset && stream === 1);
  assertEquals(reset!.payload.readUInt32BE(0), constants.NGHTTP2_CANCEL);
  assertEquals(events, [
    "A request was ended, as its client takes nothing of what it has asked for",
  ]);
  await raw.send(frame(TYPE.window, 0, 0, number(100_000)), request(3, "/small"));
  assert(await raw.find(({ type, stream }) => type === TYPE.data && stream === 3));
});

Deno.test("content that comes too slowly gets a 408", async () => {
  await using server = await serving(async (exchange) => {
    await textOf(exchange.body).catch(() => {});
  }, { ...H2C, stallTime: 200, stalled() {} });
  using raw = await RawConnection.open(server.port);
  await raw.send(request(1, "/", { method: "POST", ends: false }));
  const answer = await raw.find(({ type, stream }) => type === TYPE.headers && stream === 1);
  assertEquals(statusOf(answer!.payload), "408");
});

Deno.test("an extended CONNECT is a WebSocket's handshake to the guest, and 2xx is no answer to it", async () => {
  let seen: Exchange | undefined;
  await using server = await serving((exchange) => {
    seen = exchange;
    if (exchange.head.url.endsWith("/refused")) return answerText(exchange, "no WebSocket here");
    const stream = exchange.takeOver!(
      head(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", "x", "X-Own", "1"),
    )!;
    stream.pipe(stream);
  }, H2C);
  using raw = await RawConnection.open(server.port);
  const open = (stream: number, path: string) =>
    frame(
      TYPE.headers,
      END_HEADERS,
      stream,
      block([
        [":method", "CONNECT"],
        [":protocol", "websocket"],
        [":scheme", "http"],
        [":authority", "a.test"],
        [":path", path],
        ["sec-websocket-protocol", "chat"],
      ]),
    );
  await raw.send(open(1, "/socket"), frame(TYPE.data, 0, 1, bytes("ping")));
  const answer = await raw.find(({ type, stream }) => type === TYPE.headers && stream === 1);
  assertEquals(statusOf(answer!.payload), "200");
  const echo = await raw.find(({ type, stream }) => type === TYPE.data && stream === 1);
  assertEquals(echo!.payload.toString(), "ping");
  assertEquals(seen!.head.method, "GET");
  const { headers } = seen!.head;
  assertEquals(
    ["connection", "upgrade", "sec-websocket-version", "sec-websocket-protocol"].map((name) =>
      headers.get(name)
    ),
    ["Upgrade", "websocket", "13", "chat"],
  );
  assertEquals(headers.get("sec-websocket-key")?.length, 24);
  await raw.send(open(3, "/refused"));
  const refused = await raw.find(({ type, stream }) => type === TYPE.headers && stream === 3);
  assertEquals(statusOf(refused!.payload), "501");
});
