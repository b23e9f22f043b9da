/**
 * Clients get the guest's stack, the names of its functions and of its backends only in development: the option
 * `errors`.
 *
 * @module
 */
import { DownstreamRequest } from "../../handles/downstream_request.ts";
import { GuestResponse } from "../../handles/message.ts";
import { listen } from "../../server/listener.ts";
import { EMPTY } from "../../service/http/bytes.ts";
import { Service } from "../../service/service.ts";
import { Fastlike, type FastlikeOptions, type LogEntry } from "../../mod.ts";
import { FakeExchange, type FakeRequest } from "../abi/_bench.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { fetchRaw } from "../guests/http.ts";
import { guestUrl, serveGuest } from "../guests/serving.ts";
import { assemble } from "../../cli/wat.ts";
import { Cli } from "../process.ts";

const RUST = guestUrl("rust");
const REMOTE = { client: { address: "192.0.2.7" } };
const DEAD = { backends: { origin: "http://127.0.0.1:1" } };

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly log: LogEntry[];
}

async function ask(options: FastlikeOptions, request: FakeRequest): Promise<Answered> {
  const log: LogEntry[] = [];
  await using app = await Fastlike.load(RUST, { ...options, log: (entry) => void log.push(entry) });
  const exchange = new FakeExchange(request);
  await app.answer(exchange);
  const { head } = await exchange.response();
  const headers = Object.fromEntries(
    [...head.headers].map(([name, value]) => [name.toLowerCase(), value]),
  );
  return { status: head.status, text: await exchange.responseText(), headers, log };
}

function at(path: string, more: FakeRequest = {}): FakeRequest {
  return { url: `http://a.test${path}`, ...more };
}

const FAULTS: readonly [path: string, status: number, reason: string, details: RegExp][] = [
  ["/trap", 500, "Internal Server Error", /^The guest trapped: unreachable\n {2}at /],
  ["/exit", 500, "Internal Server Error", /^The guest exited with status 3\n$/],
  ["/pending", 502, "Bad Gateway", /Cannot connect to http:\/\/127\.0\.0\.1:1: /],
  ["/websocket", 500, "Internal Server Error", /Cannot connect to http:\/\/127\.0\.0\.1:1: /],
];

for (const [path, status, reason, details] of FAULTS) {
  Deno.test(`${path}: a client on a loopback address gets the details`, async () => {
    for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) {
      const got = await ask(DEAD, at(path, { client: { address } }));
      assertEquals(got.status, status);
      assertMatch(got.text, details);
    }
  });

  Deno.test(`${path}: other clients get one line with the id under which the log has it all`, async () => {
    const { text, log, ...got } = await ask(DEAD, at(path, REMOTE));
    assertEquals(got.status, status);
    const [, id] = /: the log has more on request ([0-9a-f]{32})\n$/.exec(text) ?? [];
    assertEquals(text, `${reason}: the log has more on request ${id}\n`);
    const told = log.flatMap((entry) =>
      entry.kind === "host" && entry.requestId === id ? [entry.message] : []
    );
    assertEquals(told.length, 1);
    assertMatch(`${told[0]}\n`, details);
  });
}

for (
  const address of ["10.0.0.1", "128.0.0.1", "::2", "fe80::1", "::ffff:10.0.0.1", "unknown", ""]
) {
  Deno.test(`a client at ${JSON.stringify(address)} gets no details`, async () => {
    const { text } = await ask({}, at("/trap", { client: { address } }));
    assertMatch(text, /^Internal Server Error: .*\n$/);
  });
}

Deno.test("no client gets details by itself where proxies are trusted", async () => {
  const options = { trustProxy: ["loopback"] };
  for (const headers of [[], ["X-Forwarded-For", "127.0.0.1"], ["X-Forwarded-For", "192.0.2.7"]]) {
    const { text } = await ask(options, at("/trap", { headers }));
    assertMatch(text, /^Internal Server Error: /);
  }
});

Deno.test("a client cannot say that it is on a loopback address", async () => {
  const headers = ["X-Forwarded-For", "127.0.0.1", "x-test-address", "127.0.0.1"];
  const { text } = await ask({ factsPrefix: "x-test-" }, at("/trap", { ...REMOTE, headers }));
  assertMatch(text, /^Internal Server Error: /);
});

Deno.test("the option gives the details to all, or to none", async () => {
  const detailed = await ask({ errors: "details", trustProxy: ["loopback"] }, at("/trap", REMOTE));
  assertMatch(detailed.text, /^The guest trapped: unreachable\n {2}at /);
  const brief = await ask({ errors: "brief" }, at("/trap"));
  assertMatch(brief.text, /^Internal Server Error: /);
});

Deno.test("the response to a HEAD request tells nothing either", async () => {
  const { status, headers, text } = await ask({}, at("/trap", { method: "HEAD", ...REMOTE }));
  assertEquals([status, headers["content-type"]], [500, "text/plain; charset=utf-8"]);
  assert(!/guest|wasm/i.test(JSON.stringify(headers) + text));
});

Deno.test("a guest that traps after its response is in the log only", async () => {
  const { status, text, log } = await ask({}, at("/respond-twice-and-trap", REMOTE));
  assertEquals(status, 200);
  assert(!text.includes("trapped"));
  const told = log.filter((entry) => entry.kind === "host" && entry.level === "error");
  assertMatch(told[0]!.kind === "host" ? told[0]!.message : "", /^The guest trapped/);
});

/** Module whose start function traps. */
const TRAPS_AT_START =
  '(module (memory (export "memory") 1) (func $boom unreachable) (start $boom) (func (export "_start")))';

Deno.test("errors for a program that cannot be instantiated, and for a limit, are as brief", async () => {
  const cases: [source: URL | Uint8Array, reason: RegExp][] = [
    [await assemble("guest.wat", TRAPS_AT_START), /^Cannot instantiate the program: .*unreachable/],
    [guestUrl("spin"), /cpu_time 30ms/],
  ];
  for (const [source, reason] of cases) {
    const messages: string[] = [];
    await using app = await Fastlike.load(source, {
      limits: { cpu_time: 30 },
      log: (entry) => entry.kind === "host" && messages.push(`${entry.message} ${entry.requestId}`),
    });
    const exchange = new FakeExchange(at("/", REMOTE));
    await app.answer(exchange);
    const text = await exchange.responseText();
    const [, id] = /^Internal Server Error: the log has more on request (\w+)\n$/.exec(text) ?? [];
    const told = messages.filter((message) => message.endsWith(id!));
    assertEquals(told.length, 1, text);
    assertMatch(told[0]!, reason);
  }
});

Deno.test("a request's line in JSON has the id of its client's response", async () => {
  await using served = await serveGuest("rust", { errors: "brief" });
  const { body } = await fetchRaw(served.port, "/trap");
  const [, id] = /request ([0-9a-f]{32})\n$/.exec(body) ?? [];
  const entry = await served.logged((entry) => entry.kind === "host");
  assertEquals(entry.kind === "host" && entry.requestId, id);
});

Deno.test("serve: --errors brief keeps the stack from clients, and the log has it by the id", async () => {
  const args = ["serve", RUST.pathname, "--bind", "127.0.0.1:0", "--log-format", "json"];
  await using cli = new Cli([...args, "--errors", "brief"]);
  const port = Number(new URL(await cli.url()).port);
  const { body } = await fetchRaw(port, "/trap");
  const [, id] =
    /^Internal Server Error: the log has more on request ([0-9a-f]{32})\n$/.exec(body) ??
      [];
  assert(id, body);
  assertEquals(JSON.parse(await cli.line()).requestId, id);
  let line = await cli.line("stderr");
  while (!line.includes("The guest trapped")) line = await cli.line("stderr");
  assertStringIncludes(line, `The guest trapped: unreachable (request ${id})`);
  assertMatch(await cli.line("stderr"), /^ {2}at /);
});

for (const errors of ["brief", "details"] as const) {
  Deno.test(`a head that cannot be written is logged once, and clients see as much as errors says: ${errors}`, async () => {
    const log: LogEntry[] = [];
    const service = new Service({ errors, log: (entry) => void log.push(entry) });
    const response = Object.assign(new GuestResponse(), { status: 150 });
    const listener = await listen({
      hostname: "127.0.0.1",
      port: 0,
      answer(exchange) {
        const received = new DownstreamRequest(service, exchange);
        received.start();
        received.respond(response, () => EMPTY);
        received.finish();
        return received.closed;
      },
    });
    const { status, body } = await fetchRaw(listener.port, "/");
    await listener.drain(0);
    service.close();
    const told = log.flatMap((entry) => entry.kind === "host" ? [entry] : []);
    assertEquals(told.length, 1);
    assertMatch(told[0]!.message, /^Cannot respond to a client: .*150 is not the status/);
    const brief = `Internal Server Error: the log has more on request ${told[0]!.requestId}\n`;
    const details =
      "The host cannot send the response: 150 is not the status of a final response\n";
    assertEquals([status, body], [500, errors === "brief" ? brief : details]);
  });
}
