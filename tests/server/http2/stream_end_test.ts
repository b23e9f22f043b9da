import { Buffer } from "node:buffer";
import { constants } from "node:http2";
import type { ListenOptions } from "../../../server/listen_options.ts";
import { assertEquals } from "../../assert.ts";
import { answerText, head, serving, Tap } from "../wire.ts";
import {
  ACK,
  block,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  H2C,
  number,
  RawConnection,
  request,
  TYPE,
} from "./frames.ts";

const PING = frame(TYPE.ping, 0, 0, Buffer.alloc(8));
const CONTENT = Buffer.from("abc");

/** Paths: `/echo` streams the content back, `/whole` and `/streamed` read none of it. */
function served(options: Partial<ListenOptions> = {}) {
  return serving((exchange) => {
    const { pathname } = new URL(exchange.head.url);
    if (pathname === "/echo") return exchange.respond(head(200), exchange.body);
    if (pathname === "/whole") return answerText(exchange, "done");
    const tap = new Tap();
    exchange.respond(head(200), tap);
    tap.push("done");
    tap.end(...pathname === "/trailers" ? ["x-sum", "7"] : []);
  }, { ...H2C, ...options });
}

/** End of the stream after each frame of the response: `end`, or the code of a reset. */
function ends(frames: readonly Frame[]): (string | number)[] {
  return frames.filter(({ stream }) => stream === 1).flatMap(({ type, flags, payload }) => {
    if (type === TYPE.reset) return payload.readUInt32BE();
    return (type === TYPE.data || type === TYPE.headers) && flags & END_STREAM ? "end" : [];
  });
}

Deno.test("a streamed response to a request with content ends its stream, and is not reset", async () => {
  await using server = await served();
  const trailers = frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block([["x-sum", "7"]]));
  const rests = {
    "content": [frame(TYPE.data, END_STREAM, 1, CONTENT)],
    "content with trailers": [frame(TYPE.data, 0, 1, CONTENT), trailers],
  };
  for (const [name, rest] of Object.entries(rests)) {
    using raw = await RawConnection.open(server.port);
    await raw.send(request(1, "/echo", { method: "POST", ends: false }), ...rest);
    const seen: Frame[] = [];
    for (let next; !ends(seen).length && (next = await raw.find(({ stream }) => stream === 1));) {
      seen.push(next);
    }
    await raw.send(PING);
    await raw.find(({ type, flags }) => type === TYPE.ping && flags === ACK);
    assertEquals(ends([...seen, ...raw.frames]), ["end"], name);
  }
  assertEquals((await server.logged(2)).map(({ whole }) => whole), [true, true]);
});

Deno.test("a request that its client never ends holds no stream once its response is complete", async () => {
  await using server = await served();
  for (const path of ["/whole", "/streamed", "/trailers", "/a#b"]) {
    using raw = await RawConnection.open(server.port);
    await raw.send(request(1, path, { method: "POST", ends: false }));
    const seen: Frame[] = [];
    do {
      const next = await raw.find(({ stream }) => stream === 1);
      if (!next) break;
      seen.push(next);
    } while (seen.at(-1)!.type !== TYPE.reset);
    assertEquals(ends(seen), ["end", constants.NGHTTP2_NO_ERROR], path);
  }
});

Deno.test("a client that takes back the rest of its request once it has the response resets nothing", async () => {
  await using server = await served({ resets: 2 });
  using raw = await RawConnection.open(server.port);
  for (let stream = 1; stream <= 19; stream += 2) {
    await raw.send(request(stream, "/whole", { method: "POST", ends: false }));
    const end = await raw.find((frame) => frame.stream === stream && frame.flags === END_STREAM);
    assertEquals(end?.payload.toString(), "done");
    await raw.send(frame(TYPE.reset, 0, stream, number(constants.NGHTTP2_CANCEL)));
  }
  await raw.send(PING);
  await raw.find(({ type, flags }) => type === TYPE.ping && flags === ACK);
  assertEquals(server.troubles, []);
  assertEquals((await server.logged(10)).map(({ whole }) => whole), Array(10).fill(true));
});
