import { Buffer } from "node:buffer";
import { constants } from "node:http2";
import { assertEquals } from "../../assert.ts";
import { sourceFrom } from "../../service/backends/origins.ts";
import { answerText, head, serving } from "../wire.ts";
import { FrameWatch } from "../../../server/http2/frame_watch.ts";
import {
  END_STREAM,
  frame,
  hello,
  number,
  PREFACE,
  RawConnection,
  request,
  settings,
  TYPE,
} from "./frames.ts";

const { NGHTTP2_PROTOCOL_ERROR: PROTOCOL_ERROR, NGHTTP2_STREAM_CLOSED: STREAM_CLOSED } = constants;
/** Identifier of the setting SETTINGS_INITIAL_WINDOW_SIZE. */
const INITIAL_WINDOW = 4;
const PING = frame(TYPE.ping, 0, 0, Buffer.alloc(8));
const data = (stream: number, flags = 0) => frame(TYPE.data, flags, stream, Buffer.from("x"));
const reset = (stream: number) => frame(TYPE.reset, 0, stream, number(constants.NGHTTP2_CANCEL));
const priority = (stream: number, parent: number) =>
  frame(TYPE.priority, 0, stream, Buffer.concat([number(parent), Buffer.from([7])]));
const open = (stream: number) => request(stream, "/", { method: "POST", ends: false });

/** Sequences of frames that are connection errors, with their codes. */
const ERRORS: Record<string, readonly [code: number, frames: readonly Buffer[]]> = {
  "DATA on a stream that the client has ended": [STREAM_CLOSED, [request(1, "/"), data(1)]],
  "HEADERS on a stream that the client has ended": [
    STREAM_CLOSED,
    [open(1), data(1, END_STREAM), request(3, "/"), request(1, "/")],
  ],
  "DATA on a stream that the client has reset": [STREAM_CLOSED, [open(1), reset(1), data(1)]],
  "HEADERS on a stream that the client has reset": [
    STREAM_CLOSED,
    [open(1), reset(1), request(1, "/")],
  ],
  "HEADERS on a stream below one that was opened": [
    PROTOCOL_ERROR,
    [request(5, "/"), request(3, "/")],
  ],
  "PRIORITY without a stream": [PROTOCOL_ERROR, [priority(0, 1)]],
  "PRIORITY of a stream that depends on itself": [PROTOCOL_ERROR, [priority(3, 3)]],
};

/** Sequences that are no errors. */
const VALID: Record<string, readonly Buffer[]> = {
  "requests one after another": [request(1, "/"), request(3, "/"), request(101, "/")],
  "content and trailers after other streams": [
    open(1),
    request(3, "/"),
    data(1),
    request(1, "/", { method: "POST" }),
  ],
  "a head that goes on in CONTINUATION": [
    request(1, "/", { fields: [["x-long", "x".repeat(40_000)]] }),
    request(3, "/"),
  ],
  "RST_STREAM, WINDOW_UPDATE and PRIORITY on a stream that was ended": [
    request(1, "/"),
    frame(TYPE.window, 0, 1, number(5)),
    priority(1, 0),
    reset(1),
  ],
  "PRIORITY of streams that were not opened": [priority(9, 7), priority(11, 9), request(13, "/")],
};

/** Returns the first error that a watch finds in pieces of the frames. */
function found(frames: readonly Buffer[], size: number): number | undefined {
  const all = Buffer.concat([Buffer.from(PREFACE), settings([3, 100]), ...frames, PING]);
  const watch = new FrameWatch();
  for (let at = 0; at < all.length; at += size) {
    const error = watch.read(all.subarray(at, at + size));
    if (error !== undefined) return error;
  }
  return undefined;
}

for (const [name, [code, frames]] of Object.entries(ERRORS)) {
  Deno.test(`${name} is a connection error, however the frames are cut`, () => {
    for (const size of [1, 2, 7, 9, 13, 100_000]) assertEquals(found(frames, size), code);
  });

  Deno.test(`${name} ends its connection with GOAWAY`, async () => {
    await using server = await serving((exchange) => answerText(exchange, "ok"), { h2c: true });
    using raw = await RawConnection.open(server.port, Buffer.concat([hello(), ...frames]));
    const goaway = await raw.find(({ type }) => type === TYPE.goaway);
    assertEquals(goaway?.payload.readUInt32BE(4), code);
    await raw.closed;
  });
}

Deno.test("a client that has read nothing yet gets the GOAWAY behind what was on its way", async () => {
  let given = 0;
  await using server = await serving((exchange) => {
    exchange.respond(
      head(200),
      sourceFrom(async function* () {
        for (; given < 1000; given++) yield new Uint8Array(64 << 10);
      }()),
    );
  }, { h2c: true });
  const wide = 2 ** 30;
  const first = [hello([INITIAL_WINDOW, wide]), frame(TYPE.window, 0, 0, number(wide))];
  using raw = await RawConnection.open(server.port, Buffer.concat([...first, request(1, "/")]));
  await raw.find(({ type }) => type === TYPE.data);
  raw.socket.pause();
  // The buffers of the connection fill, and the rest waits.
  for (let before = -1; before !== given;) {
    before = given;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await raw.send(priority(3, 3));
  raw.socket.resume();
  const goaway = await raw.find(({ type }) => type === TYPE.goaway);
  assertEquals(goaway?.payload.readUInt32BE(4), PROTOCOL_ERROR);
  await raw.closed;
});

for (const [name, frames] of Object.entries(VALID)) {
  Deno.test(`no error is found in ${name}, however the frames are cut`, () => {
    for (const size of [1, 2, 7, 9, 13, 100_000]) assertEquals(found(frames, size), undefined);
  });
}

Deno.test("content on its way to a stream that the server has ended is no error", async () => {
  await using server = await serving((exchange) => answerText(exchange, "ok"), { h2c: true });
  using raw = await RawConnection.open(server.port);
  await raw.send(open(1));
  await raw.find(({ type, stream }) => type === TYPE.data && stream === 1);
  await raw.send(data(1), data(1), request(3, "/"));
  const answer = await raw.find(({ type, stream }) => type === TYPE.data && stream === 3);
  assertEquals(answer?.payload.toString(), "ok");
});

Deno.test("ended streams are remembered for a while, and others are taken for never opened", () => {
  const requests = Array.from({ length: 10_000 }, (_, i) => request(2 * i + 1, "/"));
  assertEquals(found([...requests, request(19_997, "/")], 100_000), STREAM_CLOSED);
  assertEquals(found([...requests, request(1, "/")], 100_000), PROTOCOL_ERROR);
});
