import type { IncomingMessage, ServerResponse } from "node:http";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { Wire } from "../server/wire.ts";
import { fetchRaw, response } from "./http.ts";
import { type Served, serveGuest, startOrigin, testGuestOnce } from "./serving.ts";

const CUT =
  "A response was cut, as neither its client nor its sender has moved a byte: the limit is stall_time 200ms";

function warnings({ entries }: Served): string[] {
  return entries.flatMap((entry) =>
    entry.kind === "host" && entry.level === "warning" ? [entry.message] : []
  );
}

/** Resolves when the access log has so many lines. */
async function lined({ lines }: Served, count: number): Promise<void> {
  while (lines.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
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
    const limits = { wall_time: "1s", stall_time: "2s" };
    await using origin = await startOrigin(async (_, response) => {
      for (let i = 0; i < 7; i++) {
        response.write(`${i}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      response.end("end");
    });
    await using guest = await serveGuest("rust", { backends: { origin: origin.url }, limits });
    const { status, body, whole } = await fetchRaw(guest.port, "/proxy/a");
    assertEquals([status, body, whole], [200, "0123456end", true]);
    assertEquals(warnings(guest), []);
  },
);

testGuestOnce(
  "rust",
  "a response whose origin sends nothing more is cut after stall_time",
  async () => {
    const { gone, begin } = beginning();
    await using origin = await startOrigin(begin);
    const limits = { stall_time: "200ms" };
    await using guest = await serveGuest("rust", { backends: { origin: origin.url }, limits });
    const { status, body, whole } = await fetchRaw(guest.port, "/proxy/a", { method: "POST" });
    assertEquals([status, body, whole], [200, "begun", false]);
    await gone.promise;
    await lined(guest, 1);
    assertEquals(guest.lines.map(({ metrics, whole }) => [metrics.limit, whole]), [[
      "stall_time 200ms",
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
    const limits = { stall_time: "200ms" };
    await using guest = await serveGuest("rust", { backends: { origin: origin.url }, limits });
    using wire = await Wire.open(guest.port);
    await wire.send("POST /proxy/a HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await gone.promise;
    await lined(guest, 1);
    assertEquals(guest.lines.map(({ metrics, whole }) => [metrics.limit, whole]), [[
      "stall_time 200ms",
      false,
    ]]);
    assertEquals(warnings(guest), [CUT]);
  },
);

testGuestOnce("rust", "so is one that comes from the cache", async () => {
  const big = new Uint8Array(24 << 20);
  await using origin = await startOrigin((_, response) => {
    response.setHeader("cache-control", "max-age=600");
    response.end(big);
  });
  const limits = { stall_time: "200ms" };
  await using guest = await serveGuest("rust", { backends: { origin: origin.url }, limits });
  const first = await fetchRaw(guest.port, "/proxy/a");
  assertEquals([first.whole, first.body.length], [true, big.length]);
  using wire = await Wire.open(guest.port);
  await wire.send("GET /proxy/a HTTP/1.1\r\nHost: test.example\r\n\r\n");
  await lined(guest, 2);
  const [, { metrics, whole }] = guest.lines as [unknown, Served["lines"][number]];
  assertEquals([metrics.limit, whole, [...metrics.cache]], ["stall_time 200ms", false, ["hit"]]);
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
  await using origin = await startOrigin((request, response) => {
    response.flushHeaders();
    request.on("end", () => response.end("all of it"));
  });
  const limits = { stall_time: "600ms" };
  await using guest = await serveGuest("rust", { backends: { origin: origin.url }, limits });
  using wire = await Wire.open(guest.port);
  await wire.send("POST /proxy/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10240\r\n\r\n");
  const answered = response(wire);
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    await wire.send(`${i}`.repeat(1024));
  }
  const { status, body, whole } = await answered;
  assertEquals([status, body, whole], [200, "all of it", true]);
  assertEquals(origin.seen.map(({ body }) => body.replace(/(.)\1+/g, "$1")), ["0123456789"]);
});

testGuestOnce(
  "rust",
  "a response that a guest has left to its backend has to begin within stall_time",
  async () => {
    const gone = Promise.withResolvers<void>();
    await using origin = await startOrigin(({ socket }) => void socket.on("close", gone.resolve));
    const limits = { stall_time: "200ms" };
    await using guest = await serveGuest("rust", { backends: { origin: origin.url }, limits });
    const { status, body } = await fetchRaw(guest.port, "/pending");
    assertEquals(status, 504);
    assertMatch(body, /stall_time 200ms is over/);
    await gone.promise;
    assertEquals(warnings(guest), [
      "A backend has not begun a response, and its guest has ended: the limit is stall_time 200ms",
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
    const options = { backends: { origin: origin.url }, limits: { stall_time: "200ms" } };
    await using guest = await serveGuest("rust", options);
    const { status, body, whole } = await fetchRaw(guest.port, "/proxy/a");
    assertEquals([status, body, whole], [200, "begun", false]);
    await gone.promise;
    const filling =
      "Filling a body was ended, as its backend sends nothing: the limit is stall_time 200ms";
    assert(warnings(guest).includes(filling));
  },
);
