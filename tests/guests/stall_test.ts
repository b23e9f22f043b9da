import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastlikeOptions } from "../../mod.ts";
import { TestClock } from "../../testing/clock.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { lapse } from "../lapse.ts";
import { Wire } from "../server/wire.ts";
import { fetchRaw } from "./http.ts";
import { type Served, serveGuest, startOrigin, testGuestOnce } from "./serving.ts";

const CUT =
  "A response was cut, as neither its client nor its sender has moved a byte: the limit is stall_time 60s";

const LIMITS = { wall_time: "none", stall_time: "60s" };
/** The limit in milliseconds, and less than it. */
const STALL = 60_000;
const LESS = 40_000;

/** The guest in Rust, in whose service no time passes unless the test has it pass. */
async function stopped(
  origin: { readonly url: string },
  limits: FastlikeOptions["limits"] = LIMITS,
): Promise<Served & { readonly clock: TestClock }> {
  const clock = new TestClock(Date.now(), true);
  const options = { backends: { origin: origin.url }, limits, clock };
  return Object.assign(await serveGuest("rust", options), { clock });
}

function warnings({ entries }: Served): string[] {
  return entries.flatMap((entry) =>
    entry.kind === "host" && entry.level === "warning" ? [entry.message] : []
  );
}

/** Writes until the connection closes. */
function flood(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const piece = new Uint8Array(1 << 20);
  const write = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.on("drain", write);
  response.socket!.on("close", () => resolve());
  write();
  return promise;
}

/** An origin's way to begin a response and to send nothing more; `gone` resolves when its connection has closed. */
function beginning() {
  const gone = Promise.withResolvers<void>();
  const begin = (_: IncomingMessage, response: ServerResponse) => {
    response.write("begun");
    response.socket!.on("close", gone.resolve);
  };
  return { gone, begin };
}

testGuestOnce(
  "rust",
  "a download may take longer than wall_time once its guest has ended",
  async () => {
    const begun = Promise.withResolvers<ServerResponse>();
    await using origin = await startOrigin((_, response) => begun.resolve(response));
    await using guest = await stopped(origin, { wall_time: "60s", stall_time: "60s" });
    using wire = await Wire.open(guest.port);
    await wire.send("GET /proxy/a HTTP/1.1\r\nHost: a.test\r\n\r\n");
    const download = await begun.promise;
    for (let i = 0; i < 7; i++) {
      download.write(`part ${i}`);
      await wire.until(`part ${i}`);
      await guest.clock.advance(LESS);
    }
    download.end("end");
    await wire.until("end\r\n0\r\n\r\n");
    assertEquals(warnings(guest), []);
  },
);

testGuestOnce(
  "rust",
  "a response whose origin sends nothing more is cut after stall_time",
  async () => {
    const { gone, begin } = beginning();
    await using origin = await startOrigin(begin);
    await using guest = await stopped(origin);
    using wire = await Wire.open(guest.port);
    await wire.send("POST /proxy/a HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assertMatch(await wire.until("begun\r\n"), /^HTTP\/1\.1 200 /);
    assertEquals(await lapse(guest.clock, STALL, wire.rest()), "");
    await gone.promise;
    assertEquals((await guest.lined(1)).map(({ metrics, whole }) => [metrics.limit, whole]), [[
      "stall_time 60s",
      false,
    ]]);
    assertEquals(warnings(guest), [CUT]);
    assertEquals(guest.app.status().limits, { stall_time: 1 });
  },
);

testGuestOnce(
  "rust",
  "a response is cut whose client reads nothing, and its origin let go of",
  async () => {
    const gone = Promise.withResolvers<void>();
    await using origin = await startOrigin((_, response) =>
      void flood(response).then(gone.resolve)
    );
    await using guest = await stopped(origin);
    using wire = await Wire.open(guest.port);
    await wire.send("POST /proxy/a HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await lapse(guest.clock, STALL, gone.promise);
    assertEquals((await guest.lined(1)).map(({ metrics, whole }) => [metrics.limit, whole]), [[
      "stall_time 60s",
      false,
    ]]);
    assertEquals(warnings(guest), [CUT]);
  },
);

testGuestOnce("rust", "so is one that comes from the cache", async () => {
  const big = new Uint8Array(24 << 20);
  await using origin = await startOrigin((_, response) => {
    response.setHeader("cache-control", "max-age=600000");
    response.end(big);
  });
  await using guest = await stopped(origin);
  const first = await fetchRaw(guest.port, "/proxy/a");
  assertEquals([first.whole, first.body.length], [true, big.length]);
  using wire = await Wire.open(guest.port);
  await wire.send("GET /proxy/a HTTP/1.1\r\nHost: test.example\r\n\r\n");
  await lapse(guest.clock, STALL, guest.lined(2));
  const [, { metrics, whole }] = guest.lines as [unknown, Served["lines"][number]];
  assertEquals([metrics.limit, whole, [...metrics.cache]], ["stall_time 60s", false, ["hit"]]);
  assertEquals(origin.seen.length, 1);
  assertEquals((await fetchRaw(guest.port, "/proxy/a")).whole, true, "the object is still there");
});

testGuestOnce(
  "rust",
  "a whole response is cut whose client reads nothing, and the log names the limit",
  async () => {
    const limits = { stall_time: "200ms" };
    await using guest = await serveGuest("rust", { limits });
    using wire = await Wire.open(guest.port);
    wire.send("GET /hello HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(200_000)).catch(() => {});
    await guest.logged((entry) => entry.kind === "host" && entry.level === "warning");
    const cut = guest.lines.at(-1)!;
    assertEquals([cut.metrics.limit, cut.whole], ["stall_time 200ms", false]);
    assertEquals(warnings(guest), [
      "A connection was cut, as its client takes nothing of what it has asked for: " +
      "the limit is stall_time 200ms",
    ]);
    assertEquals(guest.app.status().limits, { stall_time: 1 });
  },
);

testGuestOnce("rust", "an upload that moves keeps its response, though that does not", async () => {
  let received = 0;
  let more = () => {};
  await using origin = await startOrigin((request, response) => {
    response.flushHeaders();
    request.on("data", ({ length }: Uint8Array) => {
      received += length;
      more();
    });
    request.on("close", () => {
      received = Infinity;
      more();
    });
    request.on("end", () => response.end("all of it"));
  });
  await using guest = await stopped(origin);
  using wire = await Wire.open(guest.port);
  await wire.send("POST /proxy/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10240\r\n\r\n");
  assertMatch(await wire.until("\r\n\r\n"), /^HTTP\/1\.1 200 /);
  for (let i = 0; i < 10; i++) {
    await guest.clock.advance(LESS);
    await wire.send(`${i}`.repeat(1024));
    while (received < (i + 1) * 1024) await new Promise<void>((resolve) => more = resolve);
  }
  assertEquals(await wire.until("\r\n0\r\n\r\n"), "9\r\nall of it\r\n0\r\n\r\n");
  assertEquals(origin.seen.map(({ body }) => body.replace(/(.)\1+/g, "$1")), ["0123456789"]);
});

testGuestOnce(
  "rust",
  "a response that a guest has left to its backend has to begin within stall_time",
  async () => {
    const gone = Promise.withResolvers<void>();
    await using origin = await startOrigin(({ socket }) => void socket.on("close", gone.resolve));
    await using guest = await stopped(origin);
    const answered = fetchRaw(guest.port, "/pending");
    const { status, body } = await lapse(guest.clock, STALL, answered);
    assertEquals(status, 504);
    assertMatch(body, /stall_time 60s is over/);
    await gone.promise;
    assertEquals(warnings(guest), [
      "A backend has not begun a response, and its guest has ended: the limit is stall_time 60s",
    ]);
  },
);

testGuestOnce(
  "rust",
  "without stall_time nothing is cut, and disposal ends the rest",
  async () => {
    const { gone, begin } = beginning();
    await using origin = await startOrigin(begin);
    const limits = { stall_time: "none" };
    await using guest = await serveGuest("rust", { backends: { origin: origin.url }, limits });
    const handled = await guest.app.handler(new Request("http://a.test/proxy/a"));
    assertEquals(handled.status, 200);
    await guest.app[Symbol.asyncDispose]();
    await gone.promise;
    const read = await handled.text().then(() => "whole", (error) => String(error));
    assert(read.includes("The service is closing"), read);
    assertEquals(warnings(guest), []);
  },
);

testGuestOnce(
  "rust",
  "a fill of the cache that a guest has left ends when its origin sends nothing more",
  async () => {
    const { gone, begin } = beginning();
    await using origin = await startOrigin(begin);
    await using guest = await stopped(origin);
    using wire = await Wire.open(guest.port);
    await wire.send("GET /proxy/a HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await wire.until("begun\r\n");
    assertEquals(await lapse(guest.clock, STALL, wire.rest()), "");
    await gone.promise;
    const filling =
      "Filling a body was ended, as its backend sends nothing: the limit is stall_time 60s";
    assert(warnings(guest).includes(filling));
  },
);
