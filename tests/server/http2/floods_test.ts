import { Buffer } from "node:buffer";
import { constants } from "node:http2";
import { connect } from "node:net";
import { Fastlike } from "../../../mod.ts";
import { ResetBudget } from "../../../server/http2/reset_budget.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { serving } from "../wire.ts";
import { guestUrl } from "../../guests/serving.ts";
import {
  END_HEADERS,
  END_STREAM,
  frame,
  H2C,
  hello,
  number,
  RawConnection,
  request,
  settings,
  TYPE,
} from "./frames.ts";

const PING = frame(TYPE.ping, 0, 0, Buffer.alloc(8));

/** Guest that is served over HTTP/2 in clear, with the number of requests that were begun, and the server's messages. */
async function servedGuest() {
  const app = await Fastlike.load(guestUrl("rust"));
  const started: string[] = [];
  const server = await serving((exchange) => {
    started.push(exchange.head.url);
    return app.answer(exchange);
  }, H2C);
  return {
    port: server.port,
    troubles: server.troubles,
    /** Returns the number of requests for a path that were started. */
    started: (path: string) => started.filter((url) => url.endsWith(path)).length,
    async [Symbol.asyncDispose]() {
      await server.drain(0);
      await app[Symbol.asyncDispose]();
    },
  };
}

/** Sends requests one after another on a connection of its own; returns the 99th percentile of their durations. */
class Bystander {
  readonly #times: number[] = [];
  readonly #port: number;
  #over = false;
  readonly #done: Promise<void>;

  constructor(port: number) {
    this.#port = port;
    this.#done = this.#ask();
    this.#done.catch(() => {}); // it is told at the end
  }

  async #ask(): Promise<void> {
    using raw = await RawConnection.open(this.#port);
    await raw.send(frame(TYPE.window, 0, 0, number(2 ** 30))); // 4095 answers fill the first window
    for (let stream = 1; !this.#over || this.#times.length < 20; stream += 2) {
      const start = performance.now();
      await raw.send(request(stream, "/hello"));
      const answer = await raw.find((one) => one.type === TYPE.data && one.stream === stream);
      assertEquals(answer?.payload.toString(), "Hello from rust\n");
      this.#times.push(performance.now() - start);
    }
  }

  /** Writes its times to the test's output. */
  async end(during: string): Promise<void> {
    this.#over = true;
    await this.#done;
    const times = this.#times.sort((one, other) => one - other);
    const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(1);
    const line = `A bystander of ${during}: ${times.length} requests, p50 ${at(0.5)} ms, p99 ${
      at(0.99)
    } ms\n`;
    await Deno.stdout.write(new TextEncoder().encode(line));
  }
}

Deno.test("a request that is reset before its guest starts starts none, and the connection ends", async () => {
  await using server = await servedGuest();
  const bystander = new Bystander(server.port);
  using raw = await RawConnection.open(server.port);
  for (let burst = 0; burst < 20 && !raw.socket.destroyed; burst++) {
    const pairs = Array.from({ length: 100 }, (_, at) => {
      const stream = (burst * 100 + at) * 2 + 1;
      return Buffer.concat([request(stream, "/flood"), frame(TYPE.reset, 0, stream, number(8))]);
    });
    await Promise.race([raw.send(...pairs), raw.closed]);
  }
  const goaway = await raw.find(({ type }) => type === TYPE.goaway);
  await raw.closed;
  if (goaway) assertEquals(goaway.payload.readUInt32BE(4), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  assertEquals(server.started("/flood"), 0);
  assertEquals(server.troubles, [
    "A connection was closed: its client has reset 100 requests in quick succession (see --limit http2_resets)",
  ]);
  await bystander.end("requests that come with their resets");
});

Deno.test("a connection whose client resets each request once its guest runs starts at most 200 guests", async () => {
  await using server = await servedGuest();
  const bystander = new Bystander(server.port);
  let begun = 0;
  using raw = await RawConnection.open(server.port);
  for (let stream = 1; !raw.socket.destroyed && begun < 5000; stream += 2) {
    begun++;
    const ping = frame(TYPE.ping, 0, 0, Buffer.from(number(stream).toString("hex")));
    await Promise.race([raw.send(request(stream, "/sleep"), ping), raw.closed]);
    await Promise.race([raw.find(({ type }) => type === TYPE.ping), raw.closed]);
    if (!raw.socket.destroyed) {
      await Promise.race([raw.send(frame(TYPE.reset, 0, stream, number(8))), raw.closed]);
    }
  }
  await raw.closed;
  const started = server.started("/sleep");
  assert(started > 90 && started <= 200, `${started} of ${begun} were started`);
  assertMatch(server.troubles[0]!, /has reset 100 requests/);
  await bystander.end("requests that are reset one by one");
});

Deno.test("more requests at once than the limit start no guests, however early they come", async () => {
  await using server = await servedGuest();
  using raw = await RawConnection.open(server.port);
  await raw.send(...Array.from({ length: 300 }, (_, at) => request(at * 2 + 1, "/hello")));
  await raw.send(PING);
  await raw.find(({ type, flags }) => (type === TYPE.ping && flags === 1) || type === TYPE.goaway);
  assert(server.started("/hello") <= 100, String(server.started("/hello")));
});

Deno.test("floods of PING, SETTINGS and CONTINUATION end their connection and no other", async () => {
  await using server = await servedGuest();
  const bystander = new Bystander(server.port);
  const start = request(1, "/hello", { fields: [["x", "y".repeat(40_000)]] });
  const floods: [string, Buffer, Buffer][] = [
    ["PING", Buffer.alloc(0), PING],
    ["SETTINGS", Buffer.alloc(0), settings([3, 100])],
    [
      "CONTINUATION",
      start.subarray(0, 9 + 16_384),
      frame(TYPE.continuation, 0, 1, Buffer.alloc(0)),
    ],
  ];
  for (const [name, first, one] of floods) {
    using raw = await RawConnection.open(server.port);
    raw.socket.pause(); // it takes no answers
    const many = Buffer.concat(Array.from({ length: 2000 }, () => one));
    let sent = 0;
    await raw.send(first);
    while (!raw.socket.destroyed && sent < 2_000_000) {
      await Promise.race([raw.send(many), raw.closed]);
      sent += 2000;
      raw.socket.resume();
    }
    assert(raw.socket.destroyed, `${name}: ${sent} frames were taken`);
  }
  await bystander.end("floods of PING, SETTINGS and CONTINUATION");
});

Deno.test("a head that grows a thousandfold when it is decompressed ends its connection", async () => {
  await using server = await servedGuest();
  const long = Buffer.from("v".repeat(4000));
  const entry = Buffer.concat([Buffer.from([0x40, 1, 0x78, 127, 0xa1, 0x1e]), long]);
  const head = request(1, "/hello").subarray(9);
  const heads = Array.from({ length: 100 }, (_, at) => {
    const fields = [head, ...at ? [] : [entry], Buffer.alloc(10_000, 0x80 | 62)];
    return frame(TYPE.headers, END_HEADERS | END_STREAM, 2 * at + 1, Buffer.concat(fields));
  });
  // It does not confirm the settings that forbid that.
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.resume();
  socket.write(Buffer.concat([hello(), ...heads]));
  await closed;
  assertEquals(server.started("/hello"), 0);
  assertEquals(server.troubles, [
    "A connection was closed: its client has sent a head far beyond the limit (see --limit header_bytes)",
  ]);
});

Deno.test("a client gets back one reset a second, up to the limit", () => {
  let now = 0;
  const budget = new ResetBudget(3, () => now);
  const spent = (count: number) => Array.from({ length: count }, () => budget.spend());
  assertEquals(spent(4), [true, true, true, false]);
  now += 2000;
  assertEquals(spent(2), [true, false]);
  now += 60_000;
  assertEquals(spent(4), [true, true, true, false]);
});
