import { Fastlike } from "../../mod.ts";
import { textOf } from "../asking.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { guestUrl } from "../guests/serving.ts";

const RUST = guestUrl("rust");

/** Backend that holds requests until it is opened. */
function gate() {
  const asked = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const origin = async () => {
    asked.resolve();
    await open.promise;
    return new Response("from the origin");
  };
  return { origin, asked: asked.promise, open: open.resolve };
}

Deno.test("the status tells instances, and requests that wait for one", async () => {
  const { origin, asked, open } = gate();
  await using app = await Fastlike.load(RUST, { backends: { origin }, limits: { instances: 1 } });
  const instances = (live: number, idle: number) => ({ live, idle, parked: 0, max: 1 });
  assertEquals(app.status().instances, instances(0, 0));
  const first = textOf(app, "/proxy/a");
  await asked;
  const second = textOf(app, "/proxy/b");
  const { instances: busy, queued } = app.status();
  assertEquals([busy, queued], [instances(1, 0), 1]);
  open();
  await Promise.all([first, second]);
  assertEquals([app.status().instances, app.status().queued], [instances(1, 1), 0]);
});

Deno.test("the status counts traps, and not runs that guests or clients end", async () => {
  const { origin, asked } = gate();
  await using app = await Fastlike.load(RUST, { backends: { origin } });
  await textOf(app, "/trap");
  await textOf(app, "/exit");
  await textOf(app, "/hello");
  await app.instantiate({ backends: {} }).handle(new Request("http://test.example/trap"));
  const client = new AbortController();
  const left = textOf(app, "/proxy/a", { signal: client.signal });
  await asked;
  client.abort();
  await left;
  assertEquals(app.status().traps, 2);
  assertEquals(app.status().limits, {});
});

Deno.test("the status counts requests to backends, and those that fail", async () => {
  await using app = await Fastlike.load(RUST, {
    cache: false,
    backends: {
      origin: (request) => {
        if (request.url.endsWith("/bad")) throw new Error("on purpose");
        return new Response("fine");
      },
      never: "http://127.0.0.1:1",
    },
    catchAll: () => new Response("caught"),
  });
  for (const path of ["/proxy/good", "/proxy/bad", "/proxy/good"]) await textOf(app, path);
  await textOf(app, "/proxy/x", { headers: { "x-backend": "other" } });
  const { backends } = app.status();
  assertEquals(backends.origin, { requests: 3, failures: 1 });
  assertEquals(backends.never, { requests: 0, failures: 0 });
  assertEquals(backends.other, { requests: 1, failures: 0 });
});

Deno.test("a request that its client gave up is no failure of the backend", async () => {
  const { origin, asked } = gate();
  await using app = await Fastlike.load(RUST, { backends: { origin } });
  const client = new AbortController();
  const left = textOf(app, "/proxy/a", { signal: client.signal });
  await asked;
  client.abort();
  await left;
  assertEquals(app.status().backends.origin, { requests: 1, failures: 0 });
});

Deno.test("a reload makes as many instances ahead as a warm-up has", async () => {
  await using app = await Fastlike.load(RUST);
  assertEquals(app.warmup(3), 3);
  await app.reload(guestUrl("hello"));
  assertEquals(app.status().instances, { live: 3, idle: 3, parked: 0, max: 1000 });
  await assertRejects(() => app.reload(new Uint8Array(8)), Error, "not a WebAssembly module");
  assertEquals(app.status().instances.idle, 3);
});

Deno.test("a reload to a program that cannot be instantiated leaves the old one", async () => {
  await using app = await Fastlike.load(RUST);
  app.warmup(1);
  // deno-fmt-ignore -- a start function that traps
  const traps = Uint8Array.of(
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1,
    7, 19, 2, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0, 6, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0, 0,
    8, 1, 0, 10, 5, 1, 3, 0, 0, 0x0b,
  );
  await assertRejects(() => app.reload(traps), Error, "Cannot instantiate the program: ");
  assertEquals(await textOf(app, "/hello"), "Hello from rust\n");
});
