import { Fastlike, type LogEntry } from "../../mod.ts";
import { requestTo, textOf } from "../asking.ts";
import { assertEquals, assertMatch, assertRejects, assertThrows } from "../assert.ts";
import { guestUrl } from "../guests/serving.ts";

const HELLO = guestUrl("hello");
const RUST = guestUrl("rust");

Deno.test("memory grows up to its limit and no further", async () => {
  await using standard = await Fastlike.load(guestUrl("grow"));
  assertEquals(await textOf(standard, "/"), "2048");
  await using small = await Fastlike.load(guestUrl("grow"), { limits: { memory: 10 * 65_536 } });
  assertEquals(await textOf(small, "/"), "10");
  await assertRejects(
    () => Fastlike.load(RUST, { limits: { memory: 65_536 } }),
    Error,
    "and the limit memory is 64 KiB",
  );
});

Deno.test("requests beyond the instances wait for one", async () => {
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  await using app = await Fastlike.load(RUST, {
    limits: { instances: 2 },
    backends: {
      origin: async () => {
        asked++;
        await gate.promise;
        return new Response("done");
      },
    },
  });
  const answers = Array.from({ length: 6 }, (_, i) => textOf(app, `/proxy/${i}`));
  while (asked < 2) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(asked, 2);
  gate.resolve();
  assertEquals(await Promise.all(answers), Array(6).fill("done"));
});

Deno.test("warmup makes instances ahead, up to the limit, and requests use them", async () => {
  await using app = await Fastlike.load(RUST, { limits: { instances: 3 } });
  assertEquals(app.warmup(2), 2);
  assertEquals(app.warmup(9), 3);
  assertEquals(await textOf(app, "/hello"), "Hello from rust\n");
  assertEquals(app.warmup(9), 3);
});

Deno.test("an instance has options of its own and handles one request", async () => {
  await using app = await Fastlike.load(RUST, {
    backends: { origin: () => new Response("app's") },
  });
  const instance = app.instantiate({ backends: { origin: () => new Response("its own") } });
  assertEquals(await (await instance.handle(requestTo("/proxy/a"))).text(), "its own");
  assertThrows(() => instance.handle(requestTo("/hello")), Error, "Cannot handle a second request");
  assertEquals(await textOf(app, "/proxy/a"), "app's");
});

Deno.test("an instance that would take more requests gets none of the program's", async () => {
  await using app = await Fastlike.load(RUST, { env: { SERVE: "loop" } });
  const served = Promise.withResolvers<LogEntry>();
  const log = (entry: LogEntry) => entry.kind === "endpoint" && served.resolve(entry);
  await (await app.instantiate({ log }).handle(requestTo("/"))).text();
  assertMatch(await textOf(app, "/"), / 1 \/\n$/);
  assertEquals({ ...await served.promise, requestId: "" }, {
    kind: "endpoint",
    endpoint: "serve",
    message: "served 1",
    requestId: "",
  });
});

Deno.test("a request whose client has left already starts no guest", async () => {
  let asked = 0;
  const origin = () => new Response(String(++asked));
  await using app = await Fastlike.load(RUST, { backends: { origin } });
  const response = await app.handler(requestTo("/proxy/a", { signal: AbortSignal.abort() }));
  assertEquals([response.status, asked], [503, 0]);
});

Deno.test({
  name: "a program that cannot be instantiated answers 500, and nothing waits on",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    // deno-fmt-ignore -- a start function that traps, which makes the instantiation fail
    const wasm = Uint8Array.of(
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1,
    7, 19, 2, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0, 6, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0, 0,
    8, 1, 0, 10, 5, 1, 3, 0, 0, 0x0b,
  );
    await using app = await Fastlike.load(wasm);
    const response = await app.handler(requestTo("/"));
    assertEquals(response.status, 500);
    assertMatch(await response.text(), /^Cannot instantiate the program: /);
    await new Promise((resolve) => setTimeout(resolve)); // others have a turn after such a start
  },
});

Deno.test("after a reload new requests get the new program, running ones end on the old", async () => {
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using app = await Fastlike.load(RUST, {
    backends: {
      origin: async () => {
        asked.resolve();
        await gate.promise;
        return new Response("old");
      },
    },
  });
  const running = textOf(app, "/proxy/a");
  await asked.promise;
  await app.reload(HELLO);
  assertEquals(await textOf(app, "/"), "Hello from wat\n");
  gate.resolve();
  assertEquals(await running, "old");
  await assertRejects(() => app.reload(new Uint8Array(8)), Error, "not a WebAssembly module");
  assertEquals(await textOf(app, "/"), "Hello from wat\n");
});

Deno.test("disposal ends running requests with a 503, and later ones too", async () => {
  const asked = Promise.withResolvers<void>();
  const app = await Fastlike.load(RUST, {
    backends: {
      origin: (request) => {
        asked.resolve();
        return new Promise((_, reject) => request.signal.onabort = reject);
      },
    },
  });
  const running = app.handler(requestTo("/proxy/a"));
  await asked.promise;
  await app[Symbol.asyncDispose]();
  assertEquals(await (await running).text(), "The service is closing\n");
  const late = await app.handler(requestTo("/hello"));
  assertEquals([late.status, await late.text()], [503, "The service is closed\n"]);
});

Deno.test("a request that its client gives up ends its guest", async () => {
  const ended = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using app = await Fastlike.load(RUST, {
    backends: {
      origin: (request) => {
        request.signal.onabort = () => ended.resolve();
        asked.resolve();
        return new Promise(() => {});
      },
    },
  });
  const client = new AbortController();
  app.handler(requestTo("/proxy/a", { signal: client.signal }));
  await asked.promise;
  client.abort();
  await ended.promise;
});
