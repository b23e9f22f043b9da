import {
  defaultGeo,
  Fastlike,
  type FastlikeOptions,
  geoHandler,
  type HandlerInfo,
  type LogEntry,
} from "../mod.ts";
import { requestTo, textOf } from "./asking.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "./assert.ts";
import { fetchRaw, valuesOf } from "./guests/http.ts";
import { guestUrl } from "./guests/serving.ts";

const HELLO = guestUrl("hello");
const RUST = guestUrl("rust");

Deno.test("a program loads from a file URL, bytes, a response and a compiled module", async () => {
  const bytes = await Deno.readFile(HELLO);
  const sources = [
    HELLO,
    bytes,
    new Response(bytes),
    await WebAssembly.compile(bytes),
  ];
  for (const source of sources) {
    await using app = await Fastlike.load(source);
    assertEquals(await textOf(app, "/"), "Hello from wat\n");
  }
});

Deno.test("a program loads over HTTP, and a URL without one is an error that names it", async () => {
  const bytes = await Deno.readFile(HELLO);
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) =>
      request.url.endsWith("/hello.wasm") ? new Response(bytes) : new Response("", { status: 404 }),
  );
  const base = `http://127.0.0.1:${server.addr.port}`;
  await using app = await Fastlike.load(new URL(`${base}/hello.wasm`));
  assertEquals(await textOf(app, "/"), "Hello from wat\n");
  const missing = `${base}/nope.wasm`;
  await assertRejects(
    () => Fastlike.load(new URL(missing)),
    Error,
    `Cannot load a program from ${missing}: the status is 404`,
  );
});

Deno.test("a source that is no program is refused in one line with the reason", async () => {
  const wasm = (...bytes: number[]) => Uint8Array.of(0, 0x61, 0x73, 0x6d, ...bytes);
  const cases: [Uint8Array, RegExp][] = [
    [new TextEncoder().encode("not wasm"), /^Cannot load the program: it is not a WebAssembly/],
    [new Uint8Array(), /not a WebAssembly module/],
    [
      wasm(0x0d, 0, 1, 0),
      /it is a component, and no loader for components is there: pass the option components/,
    ],
    [
      wasm(1, 0, 0, 0),
      /^Cannot run the program: it exports no function named "_start", so it is no Compute program\. Build one with .*Rust.*Go.*JavaScript.*AssemblyScript[^\n]*$/,
    ],
    [wasm(1, 0, 0, 0, 10, 99), /^Cannot compile the program: /],
  ];
  for (const [bytes, message] of cases) {
    const error = await assertRejects(() => Fastlike.load(bytes), Error);
    assertMatch(error.message, message);
    assert(!error.message.includes("\n"), error.message);
  }
});

Deno.test("the handler serves under Deno.serve over a socket, and so does fetch", async () => {
  await using app = await Fastlike.load(RUST);
  assertEquals(app.fetch, app.handler);
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.handler);
  const base = `http://127.0.0.1:${server.addr.port}`;
  assertEquals(await (await fetch(`${base}/client`)).text(), "127.0.0.1\n");
  assertEquals(await (await fetch(`${base}/url?a=b`)).text(), `${base}/url?a=b\n`);
  const body = new Uint8Array(300_000).fill(7);
  const echoed = await fetch(`${base}/echo`, { method: "POST", body });
  assertEquals(await echoed.bytes(), body);
  const streamed = await fetch(`${base}/stream?n=1000`);
  assertEquals((await streamed.text()).split("\n").length, 1001);
});

Deno.test("a body streams through the handler with back-pressure", async () => {
  let sent = 0;
  await using app = await Fastlike.load(RUST, {
    backends: {
      origin: () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              sent++;
              controller.enqueue(new Uint8Array(65_536));
            },
          }, { highWaterMark: 0 }),
        ),
    },
  });
  const response = await app.handler(requestTo("/proxy/endless"));
  const reader = response.body!.getReader();
  for (let i = 0; i < 5; i++) await reader.read();
  assert(sent < 10, `${sent} pieces were pulled for 5 that were read`);
  await reader.cancel();
});

Deno.test("backends are handlers, URLs, or one function for all of them", async () => {
  const origin = (request: Request) =>
    new Response(`${request.method} ${new URL(request.url).pathname}`);
  await using byName = await Fastlike.load(RUST, { backends: { origin } });
  assertEquals(await textOf(byName, "/proxy/a"), "GET /a");

  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, origin);
  const url = `http://127.0.0.1:${server.addr.port}/prefix/`;
  await using byUrl = await Fastlike.load(RUST, { backends: { origin: url } });
  assertEquals(await textOf(byUrl, "/proxy/a"), "GET /prefix/a");

  const asked: string[] = [];
  await using byFunction = await Fastlike.load(RUST, {
    backends: (name) => {
      asked.push(name);
      return name === "origin" ? origin : undefined;
    },
  });
  assertEquals(await textOf(byFunction, "/proxy/a"), "GET /a");
  const unknown = await byFunction.handler(
    requestTo("/proxy/a", { headers: { "x-backend": "other" } }),
  );
  assertEquals(unknown.status, 502);
  assertEquals([...new Set(asked)], ["origin", "other"]);
});

Deno.test("a backend that cannot be one is refused when the program is loaded", async () => {
  for (const url of ["ftp://a", "nonsense", "http://"]) {
    await assertRejects(() => Fastlike.load(HELLO, { backends: { a: url } }), TypeError, `"a"`);
  }
});

Deno.test("an option that does not exist is refused, with the one that may be meant", async () => {
  const wrong = { backend: { origin: "http://localhost" } } as FastlikeOptions;
  const message = "Cannot use the option backend: it is not known, did you mean backends?";
  await using app = await Fastlike.load(HELLO);
  for (
    const use of [
      () => Fastlike.load(HELLO, wrong),
      () => app.reload(HELLO, wrong),
      () => Promise.try(() => app.instantiate(wrong)),
    ]
  ) {
    assertEquals((await assertRejects(use, TypeError)).message, message);
  }
  assertEquals(await textOf(app, "/"), "Hello from wat\n");
});

Deno.test("a handler that throws is a failed send to the guest and an entry in the log", async () => {
  const entries: LogEntry[] = [];
  await using app = await Fastlike.load(RUST, {
    backends: {
      origin: () => {
        throw new Error("on purpose");
      },
    },
    log: (entry) => void entries.push(entry),
  });
  const response = await app.handler(requestTo("/proxy/a"));
  assertEquals(response.status, 502);
  await response.body?.cancel();
  const [entry] = entries;
  assertEquals(entry?.kind, "host");
  assertMatch(
    entry?.kind === "host" ? entry.message : "",
    /The handler of backend "origin" failed: Error: on purpose/,
  );
});

Deno.test("secure decides whether the guest sees https and fastly-ssl", async () => {
  const seen = async (options: FastlikeOptions, url: string, info?: HandlerInfo) => {
    await using app = await Fastlike.load(RUST, options);
    const response = await app.handler(new Request(url), info);
    return [await response.text(), response.headers.get("x-fastly-ssl")];
  };
  // The scheme of a URL that a server hands over may be the client's invention.
  const info = { remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 1 } } as const;
  assertEquals(await seen({}, "https://a/url", info), ["http://a/url\n", null]);
  assertEquals(await seen({ secure: true }, "http://a/url", info), ["https://a/url\n", "1"]);
  assertEquals(await seen({ secure: false }, "https://a/url"), ["http://a/url\n", null]);
  assertEquals(await seen({}, "http://a/url"), ["http://a/url\n", null]);
  assertEquals(await seen({}, "https://a/url"), ["https://a/url\n", "1"]);
  assertEquals(await seen({ secure: () => true }, "http://a/url"), ["https://a/url\n", "1"]);
  assertEquals(await seen({ secure: () => false }, "https://a/url"), ["http://a/url\n", null]);
});

Deno.test("a target in absolute form does not make a request over TLS under Deno.serve", async () => {
  await using app = await Fastlike.load(RUST);
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.handler);
  for (const scheme of ["https", "HTTPS", "ftp"]) {
    const target = `${scheme}://test.example/url`;
    const answer = await fetchRaw(server.addr.port, target, { headers: "Fastly-SSL: 1\r\n" });
    assertEquals(answer.body, "http://test.example/url\n");
    assertEquals(valuesOf(answer, "x-fastly-ssl"), []);
  }
});

Deno.test("geo and the user agent's parser are options", async () => {
  await using app = await Fastlike.load(RUST, {
    geo: (ip) => ({ ...defaultGeo(ip), city: `City of ${ip}` }),
    userAgentParser: (ua) => ({ family: ua, major: "1", minor: "2", patch: "3" }),
  });
  assertEquals(await textOf(app, "/geo"), "City of 127.0.0.1, US\n");
  const init = { headers: { "user-agent": "me" } };
  assertEquals(await textOf(app, "/user-agent", init), "me 1.2.3\n");
});

Deno.test("the geo handler answers the calls of guests of 2020, with Austin for an unknown address", async () => {
  const handler = geoHandler((ip) => ip === "192.0.2.1" ? { city: "Here" } : undefined);
  const ask = async (ip: string) => {
    const headers = { "fastly-xqd-arg1": ip };
    const response = await handler(new Request("http://www.fastly.com/geolocation", { headers }));
    return (await response.json()).city;
  };
  assertEquals(await ask("192.0.2.1"), "Here");
  assertEquals(await ask("192.0.2.2"), "Austin");
});

Deno.test("hostcalls are logged when asked for", async () => {
  const entries: LogEntry[] = [];
  const log = (entry: LogEntry) => void entries.push(entry);
  await using app = await Fastlike.load(HELLO, { log, logHostcalls: true });
  await textOf(app, "/");
  const calls = entries.flatMap((entry) => entry.kind === "hostcall" ? [entry] : []);
  assertEquals(calls.map(({ module, name, status }) => `${module}.${name} ${status}`), [
    "fastly_abi.init 0",
    "fastly_http_resp.new 0",
    "fastly_http_body.new 0",
    "fastly_http_body.write 0",
    "fastly_http_resp.send_downstream 0",
  ]);
});

Deno.test("a log that throws costs no request", async () => {
  await using app = await Fastlike.load(RUST, {
    log: () => {
      throw new Error("no log today");
    },
  });
  assertEquals(await textOf(app, "/log"), "logged\n");
});

Deno.test("an import that the host does not know ends the guest by its name when it is called", async () => {
  await using unused = await Fastlike.load(guestUrl("unknown_unused"));
  assertEquals(await textOf(unused, "/"), "Hello from wat\n");
  await using used = await Fastlike.load(guestUrl("unknown_import"));
  const response = await used.handler(requestTo("/"));
  assertEquals(response.status, 500);
  assertMatch(await response.text(), /some_module\.some_function: this host does not know/);
});

Deno.test("a trap names the guest's functions; an exit its status; a clean end is an empty 200", async () => {
  const cases: [string, number, RegExp][] = [
    ["trap", 500, /^The guest trapped: unreachable\n {2}at explode \(0x\w+\)\n {2}at _start/],
    ["exit", 500, /^The guest exited with status 3\n$/],
    ["exit0", 200, /^$/],
    ["start_nothing", 200, /^$/],
  ];
  for (const [name, status, body] of cases) {
    await using app = await Fastlike.load(guestUrl(name));
    const response = await app.handler(requestTo("/"));
    assertEquals(response.status, status, name);
    assertMatch(await response.text(), body);
  }
});

Deno.test("the loop guard refuses requests that came through before, and marks outgoing ones", async () => {
  const marks: (string | null)[] = [];
  const origin = (request: Request) => {
    marks.push(request.headers.get("cdn-loop"));
    return new Response();
  };
  await using guarded = await Fastlike.load(RUST, { loopGuard: true, backends: { origin } });
  await textOf(guarded, "/proxy/a");
  const headers = { "cdn-loop": "other, fastlike" };
  assertEquals((await guarded.handler(requestTo("/hello", { headers }))).status, 508);
  await using open = await Fastlike.load(RUST, { backends: { origin } });
  await textOf(open, "/proxy/a");
  assertEquals((await open.handler(requestTo("/hello", { headers }))).status, 200);
  assertEquals(marks, ["fastlike", null]);
});

Deno.test("two services in one process share nothing", async () => {
  const options = (text: string) => ({ backends: { origin: () => new Response(text) } });
  await using one = await Fastlike.load(RUST, options("one"));
  await using two = await Fastlike.load(RUST, options("two"));
  const answers = await Promise.all([textOf(one, "/proxy/a"), textOf(two, "/proxy/a")]);
  assertEquals(answers, ["one", "two"]);
});

Deno.test("a Rust program under https sends requests, though nothing is known of the client's TLS", async () => {
  await using app = await Fastlike.load(RUST, {
    backends: { origin: () => new Response("from the origin") },
  });
  const response = await app.handler(new Request("https://test.example/proxy/a"));
  assertEquals([response.status, await response.text()], [200, "from the origin"]);
});
