import { collect } from "../../service/http/bytes.ts";
import { FakeExchange } from "../abi/_bench.ts";
import { assemble } from "../../cli/wat.ts";
import { Fastlike, type FastlikeOptions, type LogEntry } from "../../mod.ts";
import { MAX_PARKED_MILLIS } from "../../engine/parking.ts";
import { TestClock } from "../../testing/clock.ts";
import { textOf } from "../asking.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../assert.ts";
import { withText } from "../guests/other_data.ts";
import { guestUrl } from "../guests/serving.ts";

const GO = guestUrl("go");
const RUST = guestUrl("rust");

/** Resolves once that many instances wait for requests. */
async function parked(app: Fastlike, count: number): Promise<void> {
  while (app.status().instances.parked !== count) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** A program that runs these instructions before it asks for its request, and answers with an empty 200. */
async function starting(code: string): Promise<Uint8Array> {
  return await assemble(
    "guest.wat",
    `(module
    (import "fastly_http_req" "body_downstream_get" (func $ask (param i32 i32) (result i32)))
    (import "fastly_http_req" "downstream_client_ip_addr"
      (func $address (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    ;; a subscription at 64 to the monotonic clock, for a day
    (data (i32.const 80) "\\01\\00\\00\\00")
    (data (i32.const 88) "\\00\\00\\91\\4e\\94\\4e\\00\\00")
    (func (export "_start") ${code} (drop (call $ask (i32.const 0) (i32.const 4)))))`,
  );
}

/** Loads a program that is to wait for requests, and resolves when its log says that it does not. */
async function refused(code: string, options: FastlikeOptions = {}) {
  const told = Promise.withResolvers<string>();
  const log = (entry: LogEntry) => {
    if (entry.kind === "host" && entry.message.includes("(park)")) told.resolve(entry.message);
  };
  const app = await Fastlike.load(await starting(code), { park: 2, log, ...options });
  return { app, why: await told.promise };
}

Deno.test("an instance that waits has started, and gets the facts of its own request", async () => {
  await using app = await Fastlike.load(GO, { park: 2 });
  await parked(app, 2);
  assertEquals(app.status().instances.live, 2);
  const echoed = app.handler(
    new Request("http://test.example/echo", { method: "POST", body: "content" }),
  );
  assertEquals(app.status().instances, { live: 2, idle: 0, parked: 2, max: 1000 });
  const response = await echoed;
  assertEquals(response.headers.get("x-method"), "POST");
  assertEquals(await response.text(), "content");
  assertMatch(await textOf(app, "/headers", { headers: { "x-one": "1" } }), /^x-one: 1$/m);
  assertMatch(await textOf(app, "/url?a=b"), /^http:\/\/test\.example\/url\?a=b$/m);
});

Deno.test("each run of a waiting instance serves one request, and others take its place", async () => {
  const started: string[] = [];
  await using app = await Fastlike.load(GO, { park: 2 });
  for (let i = 0; i < 6; i++) {
    await parked(app, 2);
    const [, id] = /^FASTLY_TRACE_ID=(.*)$/m.exec(await textOf(app, "/env"))!;
    started.push(id!);
  }
  assertEquals(new Set(started).size, 6);
  await parked(app, 2);
  assert(app.status().instances.live <= 3, "instances are reused");
});

Deno.test("a request that a waiting instance takes has the id that the guest knows", async () => {
  await using app = await Fastlike.load(GO, { park: 1 });
  await parked(app, 1);
  const exchange = new FakeExchange({ url: "http://guest.test/env" });
  await app.answer(exchange);
  const [{ body }] = exchange.responses as [FakeExchange["responses"][number]];
  const environment = new TextDecoder().decode(await collect(body));
  const { requestId } = exchange.metrics;
  assertMatch(requestId!, /^[0-9a-f]{32}$/);
  assertStringIncludes(environment, `FASTLY_TRACE_ID=${requestId}\n`);
});

Deno.test("lines that a guest logs in its request have the request's id", async () => {
  const ids = new Map<string, string | undefined>();
  await using app = await Fastlike.load(GO, {
    park: 1,
    log(entry) {
      if (entry.kind === "stdout") ids.set(entry.message, entry.requestId);
    },
  });
  await parked(app, 1);
  const exchange = new FakeExchange({ url: "http://guest.test/log" });
  await app.answer(exchange);
  assertEquals(ids, new Map([["hello stdout", exchange.metrics.requestId]]));
});

Deno.test("a waiting instance whose program asks for more requests gets them", async () => {
  await using app = await Fastlike.load(RUST, {
    park: 1,
    env: { SERVE: "loop" },
    limits: { sandbox_requests: 3 },
  });
  const counts: string[] = [];
  await parked(app, 1);
  for (let i = 0; i < 3; i++) counts.push((await textOf(app, `/${i}`)).split(" ")[2]!);
  assertEquals(counts, ["1", "2", "3"]);
  await parked(app, 1);
});

Deno.test("a body that arrives after its head reaches a waiting instance", async () => {
  await using app = await Fastlike.load(GO, { park: 1 });
  await parked(app, 1);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const echoed = textOf(app, "/echo", { method: "POST", body: readable });
  const writer = writable.getWriter();
  for (const piece of ["first ", "second"]) await writer.write(new TextEncoder().encode(piece));
  await writer.close();
  assertEquals(await echoed, "first second");
});

Deno.test("requests beyond the waiting instances start others", async () => {
  await using app = await Fastlike.load(GO, { park: 1 });
  await parked(app, 1);
  const asked = Array.from({ length: 5 }, (_, i) => textOf(app, `/url?${i}`));
  const urls = await Promise.all(asked);
  assertEquals(urls, [0, 1, 2, 3, 4].map((i) => `http://test.example/url?${i}\n`));
  await parked(app, 1);
});

Deno.test("a request waits for no start when all instances that may live wait for one", async () => {
  await using app = await Fastlike.load(GO, { park: 5, limits: { instances: 2 } });
  await parked(app, 2);
  assertEquals(
    await Promise.all([textOf(app, "/hello"), textOf(app, "/hello"), textOf(app, "/hello")]),
    [
      "Hello from go\n",
      "Hello from go\n",
      "Hello from go\n",
    ],
  );
});

Deno.test("processor time before the request does not count for it", async () => {
  const program = await starting(`(local $n i32)
    (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $n) (i32.const 200000000))))`);
  const activeMillis = async (app: Fastlike) => {
    const exchange = new FakeExchange({});
    await app.answer(exchange);
    assertEquals(exchange.metrics.hostcalls, 1);
    return exchange.metrics.activeMillis;
  };
  await using alone = await Fastlike.load(program);
  await using app = await Fastlike.load(program, { park: 1 });
  await parked(app, 1);
  const [ahead, whole] = [await activeMillis(app), await activeMillis(alone)];
  assert(ahead < whole / 2, `${ahead} ms of ${whole}`);
});

Deno.test("a program that is run starts once, and none ahead of requests, until a reload", async () => {
  await using app = await Fastlike.load(await starting(""), { park: 1 });
  assertEquals(await app.run(), 0);
  for (let i = 0; i < 5; i++) await turn();
  assertEquals(app.status().instances, { live: 1, idle: 1, parked: 0, max: 1000 });
  await app.reload(GO);
  await parked(app, 1);
  assertEquals(await app.run(), 0);
  await parked(app, 0);
});

Deno.test("a reload ends parked instances, and starts the new program", async () => {
  await using app = await Fastlike.load(GO, { park: 2 });
  await parked(app, 2);
  await app.reload(RUST);
  assertEquals(app.status().instances.parked, 0);
  await parked(app, 2);
  assertEquals(await textOf(app, "/hello"), "Hello from rust\n");
  await app.reload(GO, { park: 1 });
  await parked(app, 1);
  assertEquals(await textOf(app, "/hello"), "Hello from go\n");
  await app.reload(GO, {});
  await turn();
  await turn();
  assertEquals(app.status().instances.parked, 0);
  assertEquals(await textOf(app, "/hello"), "Hello from go\n");
});

Deno.test("instances of a build that differs in its data alone wait with their own data", async () => {
  const bytes = await Deno.readFile(GO);
  const options = { park: 1, quickReload: true };
  await using app = await Fastlike.load(bytes.slice(), options);
  for (const word of ["Hullo", "Hallo", "Hello"]) {
    await parked(app, 1);
    await app.reload(withText(bytes, "Hello from", `${word} from`), { ...options });
    for (let i = 0; i < 2; i++) {
      await parked(app, 1);
      assertEquals(await textOf(app, "/hello"), `${word} from go\n`);
    }
  }
});

Deno.test("a program that is retired answers without instances that wait", async () => {
  await using app = await Fastlike.load(GO, { park: 1 });
  await parked(app, 1);
  app.retire();
  await parked(app, 0);
  assertEquals(await textOf(app, "/hello"), "Hello from go\n");
  await turn();
  await turn();
  assertEquals(app.status().instances.parked, 0);
});

Deno.test("the end of a program ends parked instances, without a log entry", async () => {
  const entries: LogEntry[] = [];
  const app = await Fastlike.load(GO, { park: 2, log: (entry) => entries.push(entry) });
  await parked(app, 2);
  await app[Symbol.asyncDispose]();
  assertEquals(entries, []);
});

Deno.test("a waiting instance that traps in its request is replaced", async () => {
  await using app = await Fastlike.load(RUST, { park: 1 });
  await parked(app, 1);
  await textOf(app, "/trap");
  assertEquals(app.status().traps, 1);
  await parked(app, 1);
  assertEquals(await textOf(app, "/hello"), "Hello from rust\n");
});

Deno.test("an instance that has waited long gives its place to another", async () => {
  const clock = new TestClock(Date.now(), false);
  await using app = await Fastlike.load(GO, { park: 1, clock });
  await parked(app, 1);
  const first = app.status().instances.parked;
  const renewed = clock.advance(MAX_PARKED_MILLIS);
  await parked(app, 0);
  await renewed;
  await parked(app, first);
  assertEquals(await textOf(app, "/hello"), "Hello from go\n");
});

Deno.test("a client that leaves as its request is handed over costs no instance", async () => {
  await using app = await Fastlike.load(GO, { park: 1 });
  await parked(app, 1);
  const client = new AbortController();
  const left = textOf(app, "/hello", { signal: client.signal }).catch(() => {});
  client.abort();
  await left;
  await parked(app, 1);
  assertEquals(await textOf(app, "/hello"), "Hello from go\n");
});

for (
  const { name, code, options, why, traps = 0, status: statusAfter = 200 } of [
    {
      name: "traps before it asks for its request",
      code: "(unreachable)",
      why: /because The guest trapped: /,
      traps: 1,
      status: 500,
    },
    {
      name: "tells of its client before it asks for its request",
      code: "(drop (call $address (i32.const 8) (i32.const 64)))",
      why: /It called fastly_http_req\.downstream_client_ip_addr before it asked for its request/,
    },
    {
      name: "ends before it asks for its request",
      code: "(return)",
      why: /it ended before it asked for its request/,
    },
    {
      name: "exits before it asks for its request",
      code: "(call $exit (i32.const 0))",
      why: /it ended before it asked for its request/,
    },
    {
      name: "sleeps too long before it asks for its request",
      code: "(drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 8)))",
      options: { limits: { wall_time: 50 } },
      status: 504,
      why: /wall_time/,
    },
    {
      name: "computes too long before it asks for its request",
      code: "(loop $l (br $l))",
      options: { limits: { cpu_time: 50 } },
      status: 500,
      why: /cpu_time/,
    },
  ] as const
) {
  Deno.test(`a program that ${name} is started for each request, and the log tells it`, async () => {
    const seen = await refused(code, options);
    await using app = seen.app;
    assertMatch(seen.why, /^No instances are started ahead of requests \(park\), because /);
    assertMatch(seen.why, why);
    assertEquals(app.status().traps, traps);
    const response = await app.handler(new Request("http://test.example/"));
    await response.body?.cancel();
    assertEquals(response.status, statusAfter);
    await turn();
    assertEquals(app.status().instances.parked, 0);
  });
}

Deno.test("a program without the call that asks for a request is not started ahead", async () => {
  const entries: LogEntry[] = [];
  const program = await assemble(
    "guest.wat",
    `(module (memory (export "memory") 1) (func (export "_start")))`,
  );
  await using _app = await Fastlike.load(program, { park: 1, log: (entry) => entries.push(entry) });
  assertEquals(entries.map((entry) => entry.kind === "host" && entry.message), [
    "No instances are started ahead of requests (park), because it has no call that asks for its request",
  ]);
});

Deno.test("a program of 2020 waits in its call of that time", async () => {
  await using app = await Fastlike.load(guestUrl("rust-2020"), { park: 1 });
  await parked(app, 1);
  assertMatch(await textOf(app, "/hello"), /^Hello from /);
});

Deno.test("the option park takes a whole number", async () => {
  for (const park of [-1, 0.5, NaN]) {
    await assertRejects(
      () => Fastlike.load(RUST, { park }),
      TypeError,
      "Cannot use the option park",
    );
  }
});
