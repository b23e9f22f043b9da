import type { Duplex } from "node:stream";
import { SendError } from "../../../service/errors.ts";
import { isWhole } from "../../../service/http/bytes.ts";
import type { BackendOptions } from "../../../service/backends/definition.ts";
import { Http1Pool } from "../../../service/backends/http1_pool.ts";
import { Http1Request } from "../../../service/backends/http1_request.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { machineClock } from "../../../service/util/clock.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { TestClock } from "../../../testing/clock.ts";
import { lapse } from "../../lapse.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../../assert.ts";
import {
  against,
  always,
  failureOf,
  OK,
  rawOrigin,
  request,
  sourceFrom,
  sourceOf,
  textOf,
  type Wire,
} from "./origins.ts";
import { memoryConnector, quiet } from "./memory_origin.ts";

const POST = { method: "POST" };

/** Sends a request; resolves to its response's text. */
async function ask(transport: ReturnType<typeof httpTransport>, sent = request()): Promise<string> {
  return await textOf(await transport.send(sent).response);
}

for (
  const [what, end] of [
    ["brings bytes that nothing asked for", (far: Duplex) => far.write(OK)],
    ["is closed", (far: Duplex) => far.end()],
  ] as const
) {
  Deno.test(`an idle connection that ${what} gets no request`, async () => {
    const { connector, fars } = memoryConnector();
    const pool = new Http1Pool(connector, { url: "http://origin.test" }, machineClock);
    const timeouts = { stallClock: new StallClock() };
    const send = () => new Http1Request(request(POST), { connector, timeouts, pool });
    const first = send();
    fars[0]!.write(OK);
    assertEquals(await textOf(await first.response), "ok");
    end(fars[0]!);
    await quiet();
    const second = send(); // a POST is not sent again: its connection must be new
    assertEquals(fars.length, 2);
    fars[1]!.write(OK);
    assertEquals(await textOf(await second.response), "ok");
    const third = send();
    assertEquals(fars.length, 2);
    fars[1]!.write(OK);
    assertEquals(await textOf(await third.response), "ok");
    pool.close();
  });
}

Deno.test("a connection whose request is still being sent carries no other", async () => {
  const whole = Promise.withResolvers<void>();
  await against(async (wire) => {
    for (let head; (head = await wire.head());) {
      await wire.write(OK); // before the content
      if (!head.includes("chunked")) continue;
      await wire.until("0\r\n\r\n");
      whole.resolve();
    }
  }, async (transport, origin) => {
    const go = Promise.withResolvers<void>();
    const body = sourceFrom(async function* () {
      yield "part";
      await go.promise;
    }());
    assertEquals(await ask(transport, request({ method: "POST", body })), "ok");
    assertEquals(await ask(transport), "ok");
    assertEquals(origin.connections(), 2);
    go.resolve();
    await whole.promise;
    for (let i = 0; i < 5; i++) {
      await Promise.all([ask(transport), ask(transport)]);
    }
    assertEquals(origin.connections(), 2);
  });
});

/** Content that no buffer of the system takes whole. */
const LARGE = new Uint8Array(64 * 2 ** 20);

for (
  const [what, answer] of [
    ["answers", OK],
    ["answers and says that it closes", OK.replace("\r\n", "\r\nConnection: close\r\n")],
    ["is cut in its response", OK.replace(": 2", ": 9")],
  ] as const
) {
  Deno.test(`a connection that ${what} before it has read a large request counts for no other`, async () => {
    const over = Promise.withResolvers<void>();
    await against(async (wire, connection) => {
      await wire.head();
      await wire.write(connection === 1 ? answer : OK);
      if (connection > 1) return;
      if (answer.includes(": 9")) await wire.end();
      await over.promise; // it reads nothing more
    }, async (transport, origin) => {
      try {
        const { response } = transport.send(request({ ...POST, body: LARGE }));
        if (answer.includes(": 9")) {
          await assertRejects(async () => textOf(await response), SendError);
        } else assertEquals(await textOf(await response), "ok");
        assertEquals(await ask(transport), "ok");
        assertEquals(origin.connections(), 2);
      } finally {
        over.resolve();
      }
    }, answer === OK ? {} : { pool: { maxConnections: 1 } });
  });
}

Deno.test("a request that is sent again gets a new connection, though it has to wait for it", async () => {
  await against(async (wire) => {
    await wire.head();
    await wire.write(OK);
    await wire.head(); // and closes
  }, async (transport, origin) => {
    assertEquals(await ask(transport), "ok");
    const again = ask(transport);
    const next = ask(transport); // gets the second connection, which is as short-lived
    assertEquals(await Promise.all([again, next]), ["ok", "ok"]);
    assertEquals(origin.connections(), 3);
  }, { pool: { maxConnections: 1 }, timeouts: { connect: 10_000 } });
});

for (const streamed of [false, true]) {
  Deno.test(`a backend that has answered and takes no more of a ${streamed ? "streamed" : "large"} request is left`, async () => {
    const over = Promise.withResolvers<void>();
    await atRest({ pool: { maxConnections: 1 } }, async (wire) => {
      const head = await wire.head();
      await wire.write(OK);
      if (head.startsWith("POST")) await over.promise; // it reads nothing more
    }, async (transport, clock) => {
      const body = streamed
        ? sourceFrom(async function* () {
          for (let i = 0; i < LARGE.length; i += 65_536) yield LARGE.subarray(i, i + 65_536);
        }())
        : LARGE;
      assertEquals(await ask(transport, request({ ...POST, body })), "ok");
      await clock.advance(60_000);
      const early = transport.send(request()); // the backend may go on
      await clock.advance(60_000);
      assertEquals(await failureOf(() => early.response), "connection_limit_reached");
      // The connection may still have taken bytes at an earlier look.
      assertEquals(await lapse(clock, 60_000, ask(transport)), "ok");
      if (!isWhole(body)) assertInstanceOf(await body.cancelled, Error);
      over.resolve();
    });
  });
}

Deno.test("a connection that its backend keeps for no time is not used again", async () => {
  const answer = OK.replace("\r\n", "\r\nKeep-Alive: timeout=0\r\n");
  await against(always(answer), async (transport, origin) => {
    for (let i = 0; i < 3; i++) assertEquals(await ask(transport), "ok");
    assertEquals(origin.connections(), 3);
  });
});

Deno.test("content is given up when the response says that the connection closes", async () => {
  await against(async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    await wire.rest();
  }, async (transport) => {
    const body = sourceFrom(async function* () {
      yield "part";
      await new Promise(() => {});
    }());
    const { response } = transport.send(request({ method: "POST", body }));
    assertEquals((await response).status, 413);
    assertInstanceOf(await body.cancelled, Error);
  });
});

Deno.test("a request that is cancelled while it waits for a connection takes none", async () => {
  await against(always(OK), async (transport, origin) => {
    const first = transport.send(request());
    const body = sourceFrom(async function* () {}());
    const waiting = transport.send(request({ method: "POST", body }));
    const third = transport.send(request());
    waiting.cancel();
    await assertRejects(() => waiting.response, SendError, "was cancelled");
    assertInstanceOf(await body.cancelled, Error);
    assertEquals(await textOf(await first.response), "ok");
    assertEquals(await textOf(await third.response), "ok");
    assertEquals(origin.connections(), 1);
  }, { pool: { maxConnections: 1 } });
});

Deno.test("a connection that fails makes room for a request that waits", async () => {
  await against(async (wire, connection) => {
    await wire.head();
    if (connection > 1) await wire.write(OK);
  }, async (transport) => {
    const first = transport.send(request(POST));
    const second = transport.send(request());
    assertEquals(await failureOf(() => first.response), "connection_terminated");
    assertEquals(await textOf(await second.response), "ok");
  }, { pool: { maxConnections: 1 }, timeouts: { connect: 10_000 } });
});

Deno.test("a request that cannot be sent takes no connection", async () => {
  await against(always(OK), async (transport, origin) => {
    for (
      const sent of [
        request({ headers: ["X", "a\nb"] }),
        request({ headers: ["X Y", "z"] }),
        request({ headers: ["X", "\u0100"] }),
        request({ method: "G T" }),
        request({ target: "/\u0100" }),
      ]
    ) {
      await assertRejects(() => transport.send(sent).response, SendError, "cannot be sent");
    }
    assertEquals(origin.connections(), 0);
  });
});

Deno.test("a guest's own Connection field is the only one", async () => {
  const heads: string[] = [];
  await against(async (wire) => {
    for (let head; (head = await wire.head());) {
      heads.push(head);
      await wire.write(OK);
    }
  }, async (transport, origin) => {
    for (const value of ["close", "x, Close", "x"]) {
      assertEquals(await ask(transport, request({ headers: ["connection", value] })), "ok");
    }
    assertEquals(origin.connections(), 3); // the first two were closed
  });
  assertEquals(heads.map((head) => head.match(/^connection:.*$/gim)), [
    ["connection: close"],
    ["connection: x, Close"],
    ["connection: x"],
  ]);
});

/** Runs a test with a clock that stands still. */
async function atRest(
  options: Partial<BackendOptions>,
  handle: (wire: Wire) => Promise<void>,
  test: (
    transport: ReturnType<typeof httpTransport>,
    clock: TestClock,
    connections: () => number,
  ) => Promise<void>,
): Promise<void> {
  const origin = rawOrigin(handle);
  const clock = new TestClock(0, true);
  const transport = httpTransport({ url: origin.url, ...options }, new StallClock(clock));
  try {
    await test(transport, clock, origin.connections);
  } finally {
    transport.close();
    await origin.close();
  }
}

Deno.test("the limits on the head and between pieces are those of the service's clock", async () => {
  const arrived = Promise.withResolvers<void>();
  await atRest({ timeouts: { firstByte: 15_000, betweenBytes: 10_000 } }, async (wire) => {
    const head = await wire.head();
    if (head.startsWith("GET /none")) arrived.resolve();
    else await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    await wire.rest();
  }, async (transport, clock) => {
    const late = transport.send(request({ target: "/none" }));
    await arrived.promise;
    await clock.advance(14_999);
    await clock.advance(1);
    assertEquals(await failureOf(() => late.response), "http_response_timeout");
    const body = sourceOf(await transport.send(request()).response);
    assertEquals((await body.read())?.length, 4);
    const next = Promise.resolve(body.read());
    next.catch(() => {});
    await clock.advance(10_000);
    assertEquals(await failureOf(() => next), "http_response_timeout");
  });
});

Deno.test("idle connections are kept as long as the service's clock says", async () => {
  await atRest({ keepAlive: 5000, pool: { maxLifetime: 60_000 } }, always(OK), async (
    transport,
    clock,
    connections,
  ) => {
    for (const [ms, expected] of [[0, 1], [4999, 1], [5000, 2], [4000, 2], [4000, 2]] as const) {
      await clock.advance(ms);
      assertEquals(await ask(transport), "ok");
      assertEquals(connections(), expected);
    }
    for (let i = 0; i < 14; i++) { // 56 seconds more: it is too old
      await clock.advance(4000);
      await ask(transport);
    }
    assertEquals(connections(), 3);
  });
});

Deno.test({
  name: "a process without file descriptors fails its request, and sends when there are some",
  ignore: Deno.build.os === "windows",
  async fn() {
    const origin = rawOrigin(always(OK));
    const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const script = `
      import { httpTransport } from ${module("../../../service/backends/http_transport.ts")};
      import { request, textOf } from ${module("./origins.ts")};
      const transport = httpTransport({ url: ${JSON.stringify(origin.url)} });
      const files = [];
      try { for (;;) files.push(Deno.openSync("/dev/null")); } catch {}
      const failed = await transport.send(request()).response.catch((error) => error.failure);
      for (const file of files) file.close();
      const text = await textOf(await transport.send(request()).response);
      console.log(typeof failed, text);
      Deno.exit();`;
    const child = new Deno.Command("sh", {
      args: ["-c", `ulimit -n 64; exec "$0" run -A --no-check --ext=ts -`, Deno.execPath()],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const { stdout, stderr } = await child.output();
    const text = new TextDecoder().decode(stdout);
    assert(text.includes("string ok"), text + new TextDecoder().decode(stderr));
    await origin.close();
  },
});
