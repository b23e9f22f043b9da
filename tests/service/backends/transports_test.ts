import type { BackendResponse } from "../../../service/backends/transport.ts";
import type { Backend } from "../../../service/backends/backend.ts";
import { Backends } from "../../../service/backends/backends.ts";
import { EMPTY } from "../../../service/http/bytes.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { DEFAULT_LIMITS } from "../../../service/limits.ts";
import { assertEquals } from "../../assert.ts";
import { clearOrigin } from "./http2_origins.ts";
import { givenBack, keepingOrigin, textOf } from "./origins.ts";

function send(backend: Backend, path = "/"): Promise<BackendResponse> {
  return backend.send({
    method: "GET",
    url: `http://a.test${path}`,
    headers: new HeaderList([]),
    framing: "automatic",
    body: EMPTY,
    limits: DEFAULT_LIMITS,
  }).response;
}

async function ask(backend: Backend): Promise<string> {
  const text = await textOf(await send(backend));
  await givenBack();
  return text;
}

Deno.test("the connections of a defined backend outlive any number of dynamic ones", async () => {
  const [defined, dynamic] = [keepingOrigin(), keepingOrigin()];
  const backends = new Backends({ origin: { url: defined.url } });
  assertEquals(await ask(backends.find("origin")!), "ok");
  // Options that differ make backends of their own.
  const made = Array.from(
    { length: 300 },
    (_, i) => backends.make(`d${i}`, { url: dynamic.url, keepAlive: 40_000 + i }),
  );
  for (const backend of made) assertEquals(await ask(backend), "ok");
  assertEquals(await ask(backends.find("origin")!), "ok");
  assertEquals(defined.connections(), 1);
  await dynamic.atMost(256);
  assertEquals(dynamic.connections(), 300);
  // The first has lost its connection, and gets another in the same pool.
  assertEquals(await ask(made[0]!), "ok");
  assertEquals(await ask(made[0]!), "ok");
  assertEquals(dynamic.connections(), 301);
  await dynamic.atMost(256);
  backends.close();
  await Promise.all([defined.atMost(0), dynamic.atMost(0)]);
  await Promise.all([defined.close(), dynamic.close()]);
});

Deno.test("defined backends are never too many to keep their connections", async () => {
  const origin = keepingOrigin();
  const names = Array.from({ length: 300 }, (_, i) => `b${i}`);
  const backends = new Backends(
    Object.fromEntries(names.map((name, i) => [name, { url: origin.url, keepAlive: 40_000 + i }])),
  );
  for (const name of names) await ask(backends.find(name)!);
  for (const name of names) await ask(backends.find(name)!);
  assertEquals([origin.connections(), origin.open], [300, 300]);
  backends.close();
  await origin.atMost(0);
  await origin.close();
});

Deno.test("backends that a catch-all answers for share a bounded pool, too", async () => {
  const origin = keepingOrigin();
  const definitions = new Map<string, { url: string; keepAlive: number }>();
  const backends = new Backends({}, {
    catchAll(name) {
      const known = definitions.get(name) ?? { url: origin.url, keepAlive: 40_000 + Number(name) };
      definitions.set(name, known);
      return known;
    },
  });
  for (let i = 0; i < 300; i++) await ask(backends.find(`${i}`)!);
  await origin.atMost(256);
  backends.close();
  await origin.atMost(0);
  await origin.close();
});

Deno.test("a connection in use when its backend is evicted, or when all close, ends well and is closed then", async () => {
  const origin = keepingOrigin();
  const backends = new Backends({ origin: { url: origin.url } });
  const first = backends.make("first", { url: origin.url, keepAlive: 1_000 });
  const evicted = send(first, "/slow");
  for (let i = 0; i < 256; i++) {
    await ask(backends.make(`${i}`, { url: origin.url, keepAlive: 40_000 + i }));
  }
  const last = send(backends.find("origin")!, "/slow");
  while (origin.open < 258) await givenBack();
  backends.close();
  await origin.atMost(2);
  origin.go();
  assertEquals([await textOf(await evicted), await textOf(await last)], ["ok", "ok"]);
  await origin.atMost(0);
  for (const late of [first, backends.find("origin")!, backends.make("late", origin.url)]) {
    assertEquals(await ask(late), "ok");
    await origin.atMost(0);
  }
  await origin.close();
});

Deno.test("connections in HTTP/2 are closed with their backends, those that come later too", async () => {
  const origin = await clearOrigin((stream) => {
    stream.respond({ ":status": 200 });
    stream.end("ok");
  });
  const backends = new Backends({ origin: { url: origin.url, grpc: true } });
  const dynamic = backends.make("dynamic", { url: origin.url, grpc: true, keepAlive: 1_000 });
  for (const backend of [backends.find("origin")!, dynamic]) {
    assertEquals([await ask(backend), await ask(backend)], ["ok", "ok"]);
  }
  assertEquals(origin.connections(), 2);
  backends.close();
  for (const backend of [backends.find("origin")!, dynamic]) assertEquals(await ask(backend), "ok");
  assertEquals(origin.connections(), 4);
  while (origin.open()) await givenBack();
  await origin.close();
});
