import type { LogEntry } from "../../mod.ts";
import type { FastlikeOptions } from "../../mod.ts";
import { TestClock } from "../../testing/clock.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { lapse } from "../lapse.ts";
import { Wire } from "../server/wire.ts";
import { exchange, fetchRaw, response, valuesOf } from "./http.ts";
import { type Served, serveGuest, serveProgram, startOrigin, testGuest } from "./serving.ts";
import { guestOf } from "./wat.ts";

const HELLO = "(call $answer (i32.const 1) (i32.const 2))";
const SEND = "(drop (call $send))";
/** Calls until it is refused; then answers how often it was not, and with which status. */
const untilRefused = (call: string) =>
  `(loop $again
    (local.set $status ${call})
    (if (i32.eqz (local.get $status)) (then
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $again))))
  (call $answer (local.get $n) (local.get $status))`;
const LIMIT_EXCEEDED = "00013 ";
const HEAD_TOO_LARGE = "00011 ";
const FAILED = "00001 ";

async function serve(instructions: string, options: FastlikeOptions): Promise<Served> {
  return await serveProgram(await guestOf(instructions), options);
}

/** Returns the warnings of the host. */
function warnings({ entries }: Served): string[] {
  return entries.flatMap((entry) =>
    entry.kind === "host" && entry.level === "warning" ? [entry.message] : []
  );
}

const isHost = ({ kind }: LogEntry) => kind === "host";

// Time

Deno.test("a guest that waits longer than wall_time is stopped: 504, and a line that says how far it got", async () => {
  const [there, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using origin = await startOrigin((request) => {
    request.on("close", gone.resolve);
    there.resolve();
  });
  const clock = new TestClock(Date.now(), true);
  const options = { backends: { origin: origin.url }, limits: { wall_time: "50ms" }, clock };
  await using guest = await serve(`${SEND} ${HELLO}`, options);
  const answered = fetchRaw(guest.port, "/");
  await there.promise;
  const { status, body } = await lapse(clock, 50, answered);
  assertEquals([status, body], [504, "The guest was stopped: wall_time 50ms is over\n"]);
  await gone.promise;
  assertMatch(
    warnings(guest).join(),
    /^The guest was stopped: it had run for \d+ ms, sent 1 requests to backends, and not begun its response: the limit is wall_time 50ms$/,
  );
  assertEquals((await guest.lined(1)).map(({ metrics }) => metrics.limit), ["wall_time 50ms"]);
});

Deno.test("a response that is streaming when wall_time is over is cut", async () => {
  await using origin = await startOrigin(() => {});
  const clock = new TestClock(Date.now(), true);
  const options = { backends: { origin: origin.url }, limits: { wall_time: "50ms" }, clock };
  const begin = `(local.set $body (call $made (call $body_new (i32.const 0))))
    (call $say (local.get $body) (i32.const 7))
    (drop (call $respond
      (call $made (call $resp_new (i32.const 0))) (local.get $body) (i32.const 1)))`;
  await using guest = await serve(`${begin} ${SEND}`, options);
  using wire = await Wire.open(guest.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  assertMatch(await wire.until("00007 \r\n"), /^HTTP\/1\.1 200 /);
  assertEquals(await lapse(clock, 50, wire.rest()), "");
  assertMatch(warnings(guest).join(), /and begun its response: the limit is wall_time 50ms$/);
  assertEquals((await guest.lined(1)).map(({ metrics, whole }) => [metrics.limit, whole]), [[
    "wall_time 50ms",
    false,
  ]]);
});

Deno.test("a request that gets no instance in its wall_time is refused, too", async () => {
  const there = Promise.withResolvers<void>();
  await using origin = await startOrigin(() => there.resolve());
  const limits = { wall_time: "60ms", instances: 1 };
  const clock = new TestClock(Date.now(), true);
  await using guest = await serve(SEND, { backends: { origin: origin.url }, limits, clock });
  const answered = Promise.all([fetchRaw(guest.port, "/a"), fetchRaw(guest.port, "/b")]);
  await there.promise;
  const answers = await lapse(clock, 60, answered);
  assertEquals(answers.map(({ status }) => status).sort(), [504, 504]);
  assertEquals(warnings(guest).length, 2);
  assertEquals((await guest.lined(2)).map(({ metrics }) => metrics.limit), [
    "wall_time 60ms",
    "wall_time 60ms",
  ]);
});

testGuest("rust", "each request of a sandbox has a wall_time of its own", async () => {
  const clock = new TestClock(Date.now(), true);
  await using guest = await serveGuest("rust", {
    env: { SERVE: "loop" },
    limits: { wall_time: "150ms" },
    clock,
  });
  assertEquals((await fetchRaw(guest.port, "/")).status, 200);
  await clock.advance(100);
  const half = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf";
  assertEquals((await lapse(clock, 100, exchange(guest.port, half))).status, 504);
  assertEquals((await guest.lined(2)).map(({ metrics }) => metrics.limit), [
    undefined,
    "wall_time 150ms",
  ]);
  assertEquals((await fetchRaw(guest.port, "/")).status, 200);
});

// Memory

testGuest(
  "rust",
  "a program that cannot allocate aborts: 500, the limit is logged and counted, the next is answered",
  async () => {
    await using guest = await serveGuest("rust", { limits: { memory: "32MiB" } });
    for (const hits of [1, 2]) {
      const { status, body } = await fetchRaw(guest.port, "/allocate");
      assertEquals(status, 500);
      assertMatch(
        body,
        /^The guest trapped: unreachable after its memory could not grow: the limit is memory 32MiB\n/,
      );
      assertEquals(guest.app.status().limits.memory, hits);
      assertEquals((await fetchRaw(guest.port, "/hello")).body, "Hello from rust\n");
    }
    const refused = "The guest's memory could not grow: the limit is memory 32MiB";
    assertEquals(warnings(guest), [refused, refused]);
    const limits = (await guest.lined(4)).map(({ metrics }) => metrics.limit);
    assertEquals(limits, ["memory 32MiB", undefined, "memory 32MiB", undefined]);
  },
);

// Room

Deno.test("beyond instances and queue a request gets a 503 at once, with Retry-After", async () => {
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using origin = await startOrigin(async (_, response) => {
    asked.resolve();
    await gate.promise;
    response.end();
  });
  const limits = { instances: 1, queue: 1 };
  await using guest = await serve(`${SEND} ${HELLO}`, { backends: { origin: origin.url }, limits });
  const running = fetchRaw(guest.port, "/running");
  await asked.promise;
  const waits = [1, 2].map((i) => fetchRaw(guest.port, `/waits/${i}`)); // one of them is one too many
  const refused = await Promise.race(waits);
  assertEquals([refused.status, valuesOf(refused, "retry-after")], [503, ["1"]]);
  assertEquals(refused.body, "Every instance is in use: try again later\n");
  assertEquals(warnings(guest), [
    "Cannot start a guest for a request, as so many wait already: the limit is queue 1",
  ]);
  gate.resolve();
  const statuses = (await Promise.all([running, ...waits])).map(({ status }) => status);
  assertEquals(statuses.sort(), [200, 200, 503]);
  assertEquals((await guest.lined(3)).map(({ metrics }) => metrics.limit).sort(), [
    "queue 1",
    undefined,
    undefined,
  ]);
});

Deno.test("requests for which there are instances do not count as waiting", async () => {
  await using origin = await startOrigin((_, response) => void response.end());
  const options = { backends: { origin: origin.url }, limits: { instances: 2, queue: 3 } };
  await using guest = await serve(`${SEND} ${HELLO}`, options);
  const requests = Array.from({ length: 10 }, () => new Request("http://a/"));
  const answers = await Promise.all(requests.map((request) => guest.app.handler(request)));
  assertEquals(answers.map(({ status }) => status), [
    ...Array(5).fill(200),
    ...Array(5).fill(503),
  ]);
  await Promise.all(answers.map((answer) => answer.text()));
});

// Heads of clients

const HEADS: readonly [
  what: string,
  limits: FastlikeOptions["limits"],
  head: string,
  status: number,
][] = [
  ["a URL beyond url_bytes", { url_bytes: 100 }, `GET /${"u".repeat(100)} HTTP/1.1\r\n`, 414],
  [
    "fields beyond header_count",
    { header_count: 3 },
    "GET / HTTP/1.1\r\na: 1\r\na: 2\r\nb: 3\r\n",
    431,
  ],
  [
    "fields beyond header_bytes",
    { header_bytes: "1KiB" },
    `GET / HTTP/1.1\r\nx: ${"x".repeat(1024)}\r\n`,
    431,
  ],
];
for (const [what, limits, head, status] of HEADS) {
  Deno.test(`${what} are refused with ${status}, on a socket and through the handler`, async () => {
    await using guest = await serve(HELLO, { limits: limits! });
    using wire = await Wire.open(guest.port);
    await wire.send(`${head}Host: a\r\n\r\n`);
    assertEquals((await response(wire)).status, status);
    await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); // the connection is still good
    assertEquals((await response(wire)).status, 200);
    const [name] = Object.keys(limits!);
    assertEquals((await guest.lined(2)).map(({ metrics }) => metrics.limit?.split(" ")[0]), [
      name,
      undefined,
    ]);
    assertMatch(warnings(guest).join(), new RegExp(`^A request was refused: .*limit is ${name} `));

    const [line, ...fields] = head.trimEnd().split("\r\n");
    const headers = fields.map((field) => field.split(": ") as [string, string]);
    for (let i = 0; name === "header_count" && i < 5; i++) headers.push([`h${i}`, ""]);
    const request = new Request(`http://a${line!.split(" ")[1]}`, { headers });
    const answer = await guest.app.handler(request);
    assertEquals(answer.status, status);
    await answer.text();
  });
}

// Heads that guests make

Deno.test("a guest cannot set more fields than header_count, or beyond header_bytes", async () => {
  const append = (value: string) =>
    `(drop (call $made (call $req_new (i32.const 0)))) (call $fill)` +
    untilRefused(
      `(call $header_append (i32.load (i32.const 0)) (i32.const 64) (i32.const 6)
        (i32.const 65536) (i32.const ${value}))`,
    );
  await using many = await serve(append("1"), { limits: { header_count: 50 } });
  assertEquals((await fetchRaw(many.port, "/")).body, `00050 ${HEAD_TOO_LARGE}`);
  assertMatch(
    warnings(many).join(),
    /^Cannot set "origin" for 51 header fields .* header_count 50$/,
  );
  await using large = await serve(append("1014"), { limits: { header_bytes: "10KiB" } });
  assertEquals((await fetchRaw(large.port, "/")).body, `00010 ${HEAD_TOO_LARGE}`);
  assertEquals((await large.lined(1))[0]!.metrics.limit, "header_bytes 10KiB");
});

Deno.test("a guest cannot use a URL beyond url_bytes", async () => {
  const set = `(call $fill)
    (local.set $n (call $made (call $req_new (i32.const 0))))
    (call $answer
      (call $uri_set (local.get $n) (i32.const 65536) (i32.const 100))
      (call $uri_set (local.get $n) (i32.const 65536) (i32.const 101)))`;
  await using guest = await serve(set, { limits: { url_bytes: 100 } });
  assertEquals((await fetchRaw(guest.port, "/")).body, `00000 ${HEAD_TOO_LARGE}`);
});

const RESPONSES: readonly [
  name: "header_count" | "header_bytes",
  limit: number,
  fields: number,
  size: number,
][] = [
  ["header_count", 20, 30, 1],
  ["header_bytes", 2048, 5, 600], // seen by the host
  ["header_bytes", 2048, 20, 600], // too much for the parser
];
for (const [name, limit, fields, size] of RESPONSES) {
  Deno.test(`a response of ${fields} fields of ${size} bytes is an error of its request for ${name} ${limit}`, async () => {
    const headers = Array.from({ length: fields }, (_, i) => [`h${i}`, "v".repeat(size)]);
    await using origin = await startOrigin((_, response) => {
      response.writeHead(200, headers.flat());
      response.end("ok");
    });
    const handler = () => new Response("", { headers: headers as [string, string][] });
    for (const backend of [origin.url, handler]) {
      const options = { backends: { origin: backend }, limits: { [name]: limit } };
      await using guest = await serve(
        "(call $answer (call $send) (i32.load (i32.const 32)))",
        options,
      );
      assertEquals((await fetchRaw(guest.port, "/")).body, `${FAILED}00014 `);
      assertMatch((await guest.lined(1))[0]!.metrics.limit!, new RegExp(`^${name} `));
      assertEquals(warnings(guest).length, 1);
    }
  });
}

// Limits of one request

Deno.test("a guest cannot hold more in bodies than body_bytes, until it lets go of some", async () => {
  const write = `(call $write (local.get $body) (i32.const 65536) (i32.const 65536)
    (i32.const 0) (i32.const 4))`;
  const fresh = "(local.set $body (call $made (call $body_new (i32.const 0))))";
  const loop = (name: string) =>
    `(loop ${name} (if (i32.eqz ${write}) (then
      (local.set $n (i32.add (local.get $n) (i32.const 1))) (br ${name}))))`;
  const instructions = `(call $fill) ${fresh} ${loop("$first")}
    (local.set $status ${write})
    (drop (call $close (local.get $body)))
    ${fresh} ${loop("$second")}
    (drop (call $close (local.get $body)))
    (call $answer (local.get $n) (local.get $status))`;
  await using guest = await serve(instructions, { limits: { body_bytes: "1MiB" } });
  assertEquals((await fetchRaw(guest.port, "/")).body, `00032 ${LIMIT_EXCEEDED}`);
  assertEquals((await guest.lined(1))[0]!.metrics.limit, "body_bytes 1MiB");
  assertEquals(warnings(guest), [
    "Cannot keep 65536 bytes of a body besides 1048576: the limit is body_bytes 1MiB",
  ]);
});

Deno.test("a request cannot have more requests to backends than backend_requests", async () => {
  await using origin = await startOrigin((_, response) => void response.end());
  const limits = { backend_requests: 3 };
  await using guest = await serve(untilRefused("(call $send)"), {
    backends: { origin: origin.url },
    limits,
  });
  for (let i = 1; i <= 2; i++) {
    assertEquals((await fetchRaw(guest.port, "/")).body, `00003 ${LIMIT_EXCEEDED}`);
    assertEquals(origin.seen.length, 3 * i);
  }
  assertEquals(warnings(guest), [
    "Cannot send a request number 4: the limit is backend_requests 3",
    "Cannot send a request number 4: the limit is backend_requests 3",
  ]);
  assertEquals(guest.app.status().limits, { backend_requests: 2 });
});

Deno.test("log bytes beyond log_bytes are dropped, and that is logged once", async () => {
  const log = `(call $fill)
    (drop (call $made (call $endpoint (i32.const 64) (i32.const 6) (i32.const 0))))
    (local.set $body (i32.load (i32.const 0)))
    (loop $again
      (drop (call $log (local.get $body) (i32.const 65536) (i32.const 100) (i32.const 4)))
      (i32.store (i32.const 16) (i32.const 65535))
      (i32.store8 (i32.const 65535) (i32.const 10))
      (i32.store (i32.const 20) (i32.const 101))
      (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 4)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 20))))
    ${HELLO}`;
  await using guest = await serve(log, { limits: { log_bytes: 1001 } });
  for (let i = 1; i <= 2; i++) {
    assertEquals((await fetchRaw(guest.port, "/")).status, 200);
    assertEquals(guest.entries.filter(({ kind }) => kind === "endpoint").length, 5 * i);
    assertEquals(warnings(guest).length, i);
  }
  assertEquals(guest.entries.filter(isHost).map((entry) => "message" in entry && entry.message), [
    "What the guest logs is dropped from here on, after 904 bytes: the limit is log_bytes 1001B",
    "What the guest logs is dropped from here on, after 904 bytes: the limit is log_bytes 1001B",
  ]);
  assertEquals(
    (await guest.lined(2)).map(({ metrics }) => metrics.limit),
    Array(2).fill("log_bytes 1001B"),
  );
});

Deno.test("a limit that makes no sense fails the load", async () => {
  const { message } = await serve(HELLO, { limits: { wall_time: "10 parsecs" } }).then(
    () => new Error("it was loaded"),
    (error) => error as Error,
  );
  assertMatch(message, /^Cannot use limits\.wall_time: it must be a time as 300ms, 10s or 2m/);
});
