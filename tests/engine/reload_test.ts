import { Fastlike, type FastlikeOptions } from "../../mod.ts";
import { textOf } from "../asking.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { guestUrl } from "../guests/serving.ts";

const RUST = guestUrl("rust");

async function put(app: Fastlike, key: string, body: string): Promise<void> {
  const stored = await textOf(app, `/kv/put?key=${key}`, { method: "POST", body });
  assertEquals(stored, "stored\n");
}

async function kv(app: Fastlike, key: string): Promise<string> {
  return await textOf(app, `/kv/get?key=${key}`);
}

function optionsOf(name: string, more: FastlikeOptions = {}): FastlikeOptions {
  return {
    backends: { origin: () => new Response(name, { headers: { "cache-control": "max-age=60" } }) },
    ...more,
  };
}

Deno.test("a reload with other options has new requests see them, and running ones end on the old", async () => {
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await using app = await Fastlike.load(RUST, {
    cache: false,
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
  await app.reload(RUST, optionsOf("new", { cache: false }));
  assertEquals(await textOf(app, "/proxy/a"), "new");
  gate.resolve();
  assertEquals(await running, "old");
  assertEquals(await textOf(app, "/proxy/a"), "new");
});

Deno.test("a reload keeps the program's values in KV stores, and adds new entries of the options", async () => {
  const settings = { ada: "seed", bob: "seed" };
  await using app = await Fastlike.load(RUST, optionsOf("a", { kvStores: { settings } }));
  await put(app, "ada", "written");
  const kvStores = { settings: { ada: "newer seed", bob: "newer seed", eve: "new" }, other: {} };
  await app.reload(RUST, optionsOf("b", { kvStores }));
  assertEquals(
    [await kv(app, "ada"), await kv(app, "bob"), await kv(app, "eve")],
    ["written", "newer seed", "new"],
  );
});

Deno.test("a reload keeps the cache and the counts", async () => {
  await using app = await Fastlike.load(RUST, optionsOf("first"));
  assertEquals(await textOf(app, "/proxy/cached"), "first");
  await textOf(app, "/trap");
  await app.reload(RUST, optionsOf("second"));
  assertEquals(await textOf(app, "/proxy/cached"), "first");
  assertEquals(await textOf(app, "/proxy/other"), "second");
  assertEquals(app.status().traps, 1);
});

for (
  const [what, source, options, message] of [
    ["program that is none", new Uint8Array(8), optionsOf("b"), "not a WebAssembly module"],
    [
      "backend that cannot be one",
      RUST,
      { backends: { origin: "ftp://example.com" }, kvStores: { settings: { ada: "newer" } } },
      "origin",
    ],
  ] as const
) {
  Deno.test(`a reload to a ${what} fails, and leaves the program, its options and its stores`, async () => {
    const kvStores = { settings: { ada: "seed" } };
    await using app = await Fastlike.load(RUST, optionsOf("a", { kvStores }));
    await assertRejects(
      () => app.reload(source, { ...options, kvStores: { settings: { ada: "newer" } } }),
      Error,
      message,
    );
    assertEquals([await textOf(app, "/proxy/a"), await kv(app, "ada")], ["a", "seed"]);
  });
}

Deno.test("a reload with the same limits and signals starts no thread, and others do", async () => {
  const { Worker } = globalThis;
  let threads = 0;
  globalThis.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      threads++;
      super(...args);
    }
  };
  try {
    const spin = guestUrl("spin");
    const limits = { cpu_time: 50 };
    const stops = async (app: Fastlike) =>
      assertEquals((await app.handler(new Request("http://guest.test/"))).status, 500);
    await using app = await Fastlike.load(spin, { limits });
    await stops(app);
    for (
      const [options, expected] of [
        [{ limits }, 1],
        [{ limits, ...optionsOf("other") }, 1],
        [{ limits: { cpu_time: 60 } }, 2],
        [{ limits, signals: ["SIGTERM"] }, 3],
        [{ limits, signals: ["SIGTERM"] }, 3],
        [{ limits }, 4],
      ] as const
    ) {
      await app.reload(spin, options);
      await stops(app);
      assertEquals(threads, expected);
    }
    await assertRejects(() => app.reload(new Uint8Array(9), { limits }));
    await stops(app);
    assertEquals(threads, 4);
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("disposal after reloads ends runs with replaced options, and the process's threads", async () => {
  const asked = Promise.withResolvers<void>();
  const app = await Fastlike.load(RUST, {
    cache: false,
    backends: {
      origin: (request) => {
        asked.resolve();
        return new Promise((_, reject) => request.signal.onabort = reject);
      },
    },
  });
  const running = app.handler(new Request("http://test.example/proxy/a"));
  await asked.promise;
  for (let i = 0; i < 3; i++) await app.reload(RUST, optionsOf(`${i}`));
  assertEquals(await textOf(app, "/proxy/a"), "2");
  await app[Symbol.asyncDispose]();
  const response = await running;
  assertEquals([response.status, await response.text()], [503, "The service is closing\n"]);
  assert((await app.handler(new Request("http://test.example/hello"))).status === 503);
});
