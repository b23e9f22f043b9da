// Everything of a guest that depends on time, moved by the clock of the test.
import { componentLoader } from "../../drivers/components.ts";
import { TestHost, type TestHostOptions } from "../../testing.ts";
import { assert, assertEquals } from "../assert.ts";
import { guestUrl, testGuestOnce } from "../guests/serving.ts";

function start(guest: string, options: Omit<TestHostOptions, "wasm"> = {}): Promise<TestHost> {
  const wasm = guestUrl(guest);
  return TestHost.start({ wasm, clock: "frozen", components: componentLoader, ...options });
}

async function text(host: TestHost, path: string, init?: RequestInit): Promise<string> {
  return (await (await host.fetch(path, init)).text()).trim();
}

testGuestOnce("rust", "objects of the simple cache expire", async () => {
  await using host = await start("rust");
  const use = (body: string) => text(host, "/cache/simple?key=a", { method: "POST", body });
  assertEquals([await use("one"), await use("two")], ["one", "one"]);
  await host.advance("59s");
  assertEquals(await use("three"), "one");
  await host.advance("1s");
  assertEquals(await use("four"), "four");
});

testGuestOnce("rust", "objects of the core cache age, become stale, and go", async () => {
  await using host = await start("rust");
  await host.fetch("/cache/insert?key=a&swr=30", { method: "POST", body: "content" });
  const state = async () => {
    const { status, headers } = await host.fetch("/cache/lookup?key=a");
    return status === 200 ? `${headers.get("x-cache")} ${headers.get("age")}` : status;
  };
  assertEquals(await state(), "hit 0");
  await host.advance("59s");
  assertEquals(await state(), "hit 59");
  await host.advance("2s");
  assertEquals(await state(), "stale 61");
  await host.advance("30s");
  assertEquals(await state(), 404);
});

testGuestOnce("rust", "entries that the guest writes to a KV store expire", async () => {
  await using host = await start("rust", { kv: { settings: {} } });
  await host.fetch("/kv/put?key=a&ttl=60", { method: "POST", body: "1" });
  await host.advance("59s");
  assertEquals([await text(host, "/kv/get?key=a"), await host.kv("settings").list()], ["1", ["a"]]);
  await host.advance("1s");
  assertEquals((await host.fetch("/kv/get?key=a")).status, 404);
  assertEquals(await host.kv("settings").list(), []);
});

testGuestOnce("rust", "rates fall, counts end, and penalty boxes let go", async () => {
  await using host = await start("rust");
  // Rates over 1, 10 and 60 seconds, counts of 10 to 60.
  const counts = (query = "") => text(host, `/rate/count?entry=a${query}`);
  await counts("&delta=60");
  assertEquals((await counts()).split(" ").slice(3), Array(6).fill("60"));
  await host.advance("15s");
  assertEquals((await counts()).split(" ").slice(0, 5), ["0", "0", "1", "0", "60"]);
  await host.advance("60s");
  assertEquals(await counts(), Array(9).fill("0").join(" "));
  await host.fetch("/rate/punish?entry=a&minutes=2");
  await host.advance("119s");
  assertEquals(await text(host, "/rate/box?entry=a"), "in");
  await host.advance("1s");
  assertEquals(await text(host, "/rate/box?entry=a"), "out");
});

/** A backend that answers as far as `parts` says, and then no further until the end. */
async function stalling(parts: readonly string[]): Promise<AsyncDisposable & { url: string }> {
  const { promise: listening, resolve } = Promise.withResolvers<number>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const server = Deno.serve({ port: 0, onListen: ({ port }) => resolve(port) }, async () => {
    if (!parts.length) await ended;
    return new Response(
      new ReadableStream({
        async start(controller) {
          for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
          await ended;
          controller.close();
        },
      }),
    );
  });
  const url = `http://127.0.0.1:${await listening}`;
  const dispose = async () => {
    end();
    await server.shutdown();
  };
  return { url, [Symbol.asyncDispose]: dispose };
}

testGuestOnce("rust", "a backend's time between bytes is over", async () => {
  await using backend = await stalling(["part"]);
  await using host = await start("rust", {
    cache: false,
    backends: { origin: { url: backend.url, timeouts: { betweenBytes: 10_000 } } },
  });
  const response = await host.fetch("/proxy/path");
  const reader = response.body!.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "part");
  const rest = reader.read().then(() => "read", () => "cut");
  await host.advance("10s");
  assertEquals(await rest, "cut");
});

testGuestOnce("rust-component", "a component's sleep ends", async () => {
  await using host = await start("rust-component", { limits: { wall_time: "none" } });
  const response = host.fetch("/sleep");
  let done = false;
  response.then(() => done = true);
  await new Promise((resolve) => setTimeout(resolve, 100)); // of the machine's time
  await host.advance("19ms");
  assert(!done);
  await host.advance("1ms");
  assertEquals(await (await response).text(), "slept\n");
});
