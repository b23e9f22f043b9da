import type { BackendOptions } from "../../../service/backends/definition.ts";
import { ipv4First } from "../../../service/backends/connector.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { TestClock } from "../../../testing/clock.ts";
import { assertEquals, assertStringIncludes } from "../../assert.ts";
import { lapse } from "../../lapse.ts";
import { clearOrigin, type OnStream } from "./http2_origins.ts";
import { against, always, failureOf, givenBack, OK, request, textOf } from "./origins.ts";

const ok: OnStream = (stream) => {
  stream.respond({ ":status": 200 });
  stream.end("ok");
};

const rules: [what: string, options: Partial<BackendOptions>, connections: number][] = [
  ["without limits", {}, 1],
  ["that are not kept", { pool: false }, 4],
  ["for two requests each", { pool: { maxUse: 2 } }, 2],
  ["for no longer than a moment", { pool: { maxLifetime: 0.001 } }, 4],
  ["that are kept for no time", { keepAlive: 0 }, 4],
  ["whose limits are 0", { pool: { maxConnections: 0, maxUse: 0, maxLifetime: 0 } }, 1],
  ["limited to one for one request", { pool: { maxConnections: 1, maxUse: 1 } }, 4],
];
for (const [what, options, connections] of rules) {
  Deno.test(`four requests over connections ${what} make ${connections}`, async () => {
    await against(always(OK), async (transport, origin) => {
      for (let i = 0; i < 4; i++) {
        assertEquals(await textOf(await transport.send(request()).response), "ok");
        await givenBack();
      }
      assertEquals(origin.connections(), connections);
    }, options);
  });

  Deno.test(`four requests in HTTP/2 over connections ${what} make ${connections}`, async () => {
    const origin = await clearOrigin(ok);
    const transport = httpTransport({ url: origin.url, grpc: true, ...options });
    for (let i = 0; i < 4; i++) {
      assertEquals(await textOf(await transport.send(request()).response), "ok");
      await givenBack();
    }
    assertEquals(origin.connections(), connections);
    transport.close();
    await origin.close();
  });
}

Deno.test("a connection that is not to be kept says so", async () => {
  let head = "";
  await against(async (wire) => {
    head = await wire.head();
    await wire.write(OK);
  }, async (transport) => {
    await textOf(await transport.send(request()).response);
    assertStringIncludes(head.toLowerCase(), "connection: close");
  }, { pool: false });
});

Deno.test("requests beyond the most connections wait for one", async () => {
  const options = { pool: { maxConnections: 2 } };
  await against(always(OK), async (transport, origin) => {
    const sends = Array.from({ length: 6 }, () => transport.send(request()).response.then(textOf));
    assertEquals(await Promise.all(sends), Array(6).fill("ok"));
    assertEquals(origin.connections(), 2);
  }, options);
});

Deno.test("a request that waits too long for a connection has met the limit", async () => {
  const options = { timeouts: { connect: 30 }, pool: { maxConnections: 1 } };
  const time = new TestClock(0, true);
  const clock = new StallClock(time);
  const failure = (response: Promise<unknown>) => lapse(time, 30, failureOf(() => response));
  const there = Promise.withResolvers<void>();
  await against(
    async (wire) => {
      await wire.head();
      there.resolve();
      await wire.rest();
    },
    async (transport) => {
      const first = transport.send(request());
      await there.promise;
      const { response } = transport.send(request());
      assertEquals(await failure(response), "connection_limit_reached");
      first.cancel();
    },
    options,
    { clock },
  );

  const origin = await clearOrigin((stream) => stream.respond({ ":status": 200 }));
  const limits = { maxConnections: 1, maxUse: 1 };
  const transport = httpTransport({ url: origin.url, grpc: true, ...options, pool: limits }, clock);
  const first = transport.send(request());
  await first.response;
  const { response } = transport.send(request());
  assertEquals(await failure(response), "connection_limit_reached");
  const third = transport.send(request());
  first.cancel();
  assertEquals((await third.response).status, 200);
  third.cancel();
  transport.close();
  await origin.close();
});

Deno.test("the older family of addresses comes first, each family in its order", () => {
  const addresses = ["::2", "127.0.0.2", "::1", "127.0.0.1"].map((address) => ({
    address,
    family: address.includes(":") ? 6 : 4,
  }));
  const sorted = ipv4First(addresses).map(({ address }) => address);
  assertEquals(sorted, ["127.0.0.2", "127.0.0.1", "::2", "::1"]);
});

/** Kernel's timer of this end of a connection: 2 is keep-alive, then the seconds to go. */
type Timer = readonly [kind: number, seconds: number];
/** Seconds of a timer that may have passed on a busy machine. */
const PASSED = 60;

async function kernelTimer(originPort: number): Promise<Timer | undefined> {
  const remote = `:${originPort.toString(16).toUpperCase().padStart(4, "0")}`;
  const table = await Deno.readTextFile("/proc/net/tcp");
  for (const line of table.split("\n").slice(1)) {
    const [, , to, state, , timer] = line.trim().split(/\s+/);
    if (!to?.endsWith(remote) || state !== "01") continue;
    const [kind, left] = timer!.split(":");
    return [parseInt(kind!, 16), Math.ceil(parseInt(left!, 16) / 100)];
  }
  return undefined;
}

const keepAlives: [
  what: string,
  options: NonNullable<BackendOptions["tcpKeepAlive"]>,
  timer: Timer,
][] = [
  ["starts when it says", { time: 77 }, [2, 77]],
  ["may be off", { enable: false, time: 77 }, [0, 0]],
];
for (const [what, tcpKeepAlive, timer] of keepAlives) {
  for (const grpc of [false, true]) {
    Deno.test({
      name: `the system's keep-alive ${what}${grpc ? " in HTTP/2" : ""}`,
      ignore: Deno.build.os !== "linux",
      async fn() {
        const answer = Promise.withResolvers<void>();
        const origin = grpc ? await clearOrigin(ok) : undefined;
        await against(always(OK), async (_, plain) => {
          const { url } = origin ?? plain;
          const transport = httpTransport({ url, grpc, tcpKeepAlive });
          for (let i = 0; i < 2; i++) { // the second on the connection that was kept
            assertEquals(await textOf(await transport.send(request()).response), "ok");
            await givenBack();
            await settled(Number(new URL(url).port), timer);
          }
          transport.close();
          answer.resolve();
        });
        await answer.promise;
        await origin?.close();
      },
    });
  }
}

/**
 * Waits until the kernel's timer is the expected one, of which a part may have passed: TCP acknowledges sent bytes by a timer
 * of its own.
 */
async function settled(originPort: number, [kind, seconds]: Timer): Promise<void> {
  for (;;) {
    const [found, left] = await kernelTimer(originPort) ?? [];
    if (found === kind && left! <= seconds && left! > seconds - PASSED) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
