import type { BackendOptions } from "../../../service/backends/definition.ts";
import type { BackendRequest, Transport } from "../../../service/backends/transport.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import type { ByteSource } from "../../../service/http/bytes.ts";
import { machineClock } from "../../../service/util/clock.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { TestClock } from "../../../testing/clock.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../../assert.ts";
import { lapse } from "../../lapse.ts";
import {
  against,
  failureOf,
  OK,
  rawOrigin,
  request,
  sourceFrom,
  sourceOf,
  textOf,
  type Wire,
} from "./origins.ts";

/** Options with which a connection that is not given back fails the next request. */
const ONE: Partial<BackendOptions> = { pool: { maxConnections: 1 }, timeouts: { connect: 20_000 } };

/** Sends a request; resolves to its status and text, or its failure. */
async function ask(transport: Transport, sent: BackendRequest = request()): Promise<string> {
  const { response } = transport.send(sent);
  let status;
  try {
    const answer = await response;
    ({ status } = answer);
    return `${status} ${await textOf(answer)}`;
  } catch (error) {
    return `${status ? `${status}, then ` : ""}${await failureOf(() => Promise.reject(error))}`;
  }
}

/** A body of which a part is sent, and that never ends. */
function endless(): ReturnType<typeof sourceFrom> {
  return sourceFrom(async function* () {
    yield "part";
    await new Promise(() => {});
  }());
}

/** Requests that are answered early, with the outcome of their uploads. */
const early: readonly [
  what: string,
  head: string,
  outcome: string,
][] = [
  ["an answer that closes", "200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "200 ok"],
  ["a refusal that closes", "413 L\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "413 ok"],
  ["an answer with more behind it", "200 OK\r\nContent-Length: 2\r\n\r\nokX", "200 ok"],
  ["a change of protocols", "101 X\r\nUpgrade: x\r\n\r\n", "http_protocol_error"],
  ["no HTTP", "x\r\n\r\n", "http_protocol_error"],
  [
    "a head that is too large",
    `200 OK\r\nX: ${"x".repeat(200_000)}\r\n\r\n`,
    "http_response_header_section_too_large",
  ],
  ["a status below 100", "099 X\r\nConnection: close\r\n\r\n", "http_response_status_invalid"],
  [
    "chunks that turn bad",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx\r\n",
    "200, then http_protocol_error",
  ],
];
for (const [what, head, outcome] of early) {
  Deno.test(`${what} ends an upload, and leaves room for the next request`, async () => {
    await against(async (wire, connection) => {
      await wire.head();
      if (connection > 1) return await wire.write(OK);
      await wire.write(`HTTP/1.1 ${head}`);
      await wire.rest();
    }, async (transport) => {
      const body = endless();
      assertEquals(await ask(transport, request({ method: "POST", body })), outcome);
      assertInstanceOf(await body.cancelled, Error);
      assertEquals(await ask(transport), "200 ok");
    }, ONE);
  });
}

Deno.test("bytes behind an early answer end its upload", async () => {
  await against(async (wire, connection) => {
    await wire.head();
    await wire.write(OK);
    if (connection > 1) return;
    await wire.until("part");
    await wire.write("more");
    await wire.rest();
  }, async (transport) => {
    const body = endless();
    assertEquals(await ask(transport, request({ method: "POST", body })), "200 ok");
    assertInstanceOf(await body.cancelled, Error);
    assertEquals(await ask(transport), "200 ok");
  }, ONE);
});

/** Ways in which a request on a kept connection is given up before its backend has answered. */
const givenUp: readonly [what: string, timeouts: BackendOptions["timeouts"], cancels: boolean][] = [
  ["is cancelled", {}, true],
  ["has its timeout", { firstByte: 50 }, false],
];
for (const [what, timeouts, cancels] of givenUp) {
  Deno.test(`a request that ${what} on a kept connection is not sent again`, async () => {
    const targets: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const clock = new TestClock(0, true);
    await against(
      async (wire) => {
        for (let head; (head = await wire.head());) {
          targets.push(head.split(" ")[1]!);
          if (head.startsWith("GET /slow")) arrived.resolve();
          else await wire.write(OK);
        }
      },
      async (transport) => {
        assertEquals(await ask(transport), "200 ok");
        const slow = transport.send(request({ target: "/slow" }));
        await arrived.promise;
        if (cancels) slow.cancel();
        await lapse(clock, 50, failureOf(() => slow.response));
        assertEquals(await ask(transport, request({ target: "/next" })), "200 ok");
        assertEquals(targets, ["/", "/slow", "/next"]);
      },
      { ...ONE, timeouts: { ...ONE.timeouts, ...timeouts } },
      { clock: new StallClock(clock) },
    );
  });
}

Deno.test("a connection of which a CONNECT was accepted carries no other request", async () => {
  const heads: string[] = [];
  await against(async (wire) => {
    heads.push(await wire.head());
    await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"); // RFC 9112, section 6.3: no length counts
    heads.push(await wire.rest());
  }, async (transport) => {
    assertEquals(await ask(transport, request({ method: "CONNECT" })), "200 ");
    assertEquals(await ask(transport, request({ method: "CONNECT" })), "200 ");
  }, ONE);
  assertEquals(heads.map((head) => head.split(" ")[0]), ["CONNECT", "", "CONNECT", ""]);
});

/** Content that no buffer of the system takes whole. */
const LARGE = new Uint8Array(32 * 2 ** 20);
const REFUSAL = `HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 30000\r\n\r\n${
  "x".repeat(30_000)
}`;

for (const streamed of [false, true]) {
  Deno.test(`a refusal arrives before the reset of a ${streamed ? "streamed" : "whole"} upload`, async () => {
    await against(async (wire) => {
      for (let head; (head = await wire.head());) {
        if (head.startsWith("POST")) return await wire.write(REFUSAL); // closes, and has not read all
        await wire.write(OK);
      }
    }, async (transport) => {
      for (let i = 0; i < 5; i++) {
        const body = !streamed ? LARGE : sourceFrom(async function* () {
          for (let at = 0; at < LARGE.length; at += 65_536) yield LARGE.subarray(at, at + 65_536);
        }());
        assertEquals(
          (await ask(transport, request({ method: "POST", body }))).length,
          "413 ".length + 30_000,
        );
        assertEquals(await ask(transport), "200 ok");
      }
    }, ONE);
  });
}

Deno.test("a refusal arrives before the reset, though its first bytes take long to handle", async () => {
  await against(async (wire) => {
    await wire.head();
    await wire.write(REFUSAL);
  }, async (transport) => {
    const { elapsed } = machineClock;
    let calls = 0;
    machineClock.elapsed = () => elapsed() + 5 * calls++;
    try {
      for (let i = 0; i < 5; i++) {
        const answer = await ask(transport, request({ method: "POST", body: LARGE }));
        assertEquals(answer.length, "413 ".length + 30_000, answer.slice(0, 99));
      }
    } finally {
      machineClock.elapsed = elapsed;
    }
  }, ONE);
});

const PIECES = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
/** Ways in which a backend ends a connection, at a stage of a response. */
const ends: readonly [what: string, end: (wire: Wire) => unknown][] = [
  ["closes", (wire) => wire.close()],
  ["ends its side", (wire) => wire.end()],
];
const stages: readonly [what: string, sent: string, outcome: string][] = [
  ["before it answers", "", "connection_terminated"],
  ["in a status line", "HTTP/1.1 20", "connection_terminated"],
  ["in a head", "HTTP/1.1 200 OK\r\nX: y", "connection_terminated"],
  ["behind an informational head", "HTTP/1.1 100 C\r\n\r\n", "connection_terminated"],
  ["in content", PIECES, "200, then http_incomplete_response"],
  ["behind its answer", OK, "200 ok"],
];
for (const [how, end] of ends) {
  for (const [when, sent, outcome] of stages) {
    Deno.test(`a backend that ${how} ${when} ends an upload, and leaves room`, async () => {
      await against(async (wire, connection) => {
        await wire.until("part");
        await wire.write(connection % 2 ? sent : OK);
        if (connection % 2) await end(wire);
        await wire.rest();
      }, async (transport) => {
        const body = endless();
        assertEquals(await ask(transport, request({ method: "POST", body })), outcome);
        assertInstanceOf(await body.cancelled, Error);
        const whole = request({ method: "POST", body: "part" });
        assertEquals(await ask(transport, whole), "200 ok");
      }, ONE);
    });
  }
}

Deno.test("content that came before its connection was lost stays, whatever becomes of the upload", async () => {
  await against(async (wire) => {
    await wire.until("part");
    await wire.write(PIECES);
    await wire.end();
    await wire.rest();
  }, async (transport) => {
    const upload = Promise.withResolvers<undefined>();
    let pieces = 0;
    const sent: ByteSource = {
      length: undefined,
      trailers: undefined,
      read: () => pieces++ ? upload.promise : new TextEncoder().encode("part"),
      cancel: upload.reject,
    };
    const body = sourceOf(await transport.send(request({ method: "POST", body: sent })).response);
    await assertRejects(() => upload.promise, Error, "is closed");
    await new Promise((resolve) => setTimeout(resolve)); // the upload has failed
    assertEquals((await body.read())?.length, 4);
    assertEquals(await failureOf(async () => await body.read()), "http_incomplete_response");
  });
});

Deno.test("content that is cancelled, read in part or not at all, frees its connection", async () => {
  await against(async (wire) => {
    for (let sent = PIECES; await wire.head(); sent = OK) {
      await wire.write(sent);
    }
  }, async (transport) => {
    for (const unread of [false, true]) {
      const { response } = transport.send(request());
      const body = sourceOf(await response);
      if (!unread) await body.read();
      body.cancel();
    }
  }, ONE);
});

Deno.test("requests that wait for a connection fail at once when that is refused", async () => {
  const origin = rawOrigin(async () => {});
  await origin.close();
  const transport = httpTransport({ url: origin.url, ...ONE });
  const asked = Array.from(
    { length: 5 },
    (_, i) => ask(transport, request({ method: i % 2 ? "POST" : "GET" })),
  );
  assertEquals(await Promise.all(asked), asked.map(() => "connection_refused"));
  transport.close();
});

/** Options of a backend over TLS, by the version of HTTP that is asked for. */
const handshakes: readonly [what: string, options: Partial<BackendOptions>][] = [
  ["HTTP/1.1", { http2: false, ...ONE }],
  ["any version of HTTP", ONE],
  ["any version, once for each connection", { ...ONE, pool: { maxConnections: 1, maxUse: 1 } }],
  ["HTTP/2", { grpc: true, ...ONE }],
];
for (const [what, options] of handshakes) {
  Deno.test(`a request that is cancelled in a handshake for ${what} leaves its place`, async () => {
    const begun: (() => void)[] = [];
    const origin = rawOrigin(async (wire) => {
      await wire.exactly(1);
      begun.shift()?.();
      await wire.rest();
    });
    const transport = httpTransport({ url: origin.url.replace("http:", "https:"), ...options });
    for (let i = 0; i < 3; i++) {
      const handshake = new Promise<void>((resolve) => begun.push(resolve));
      const body = endless();
      const inFlight = transport.send(request({ method: "POST", body }));
      await Promise.race([handshake, inFlight.response]);
      inFlight.cancel();
      assertEquals(await failureOf(() => inFlight.response), "connection_terminated");
      assertInstanceOf(await body.cancelled, Error);
    }
    assertEquals(origin.connections(), 3);
    transport.close();
    await origin.close();
  });
}

Deno.test("a handshake goes on while one of the requests for it waits", async () => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const origin = rawOrigin(async (wire) => {
    await wire.exactly(1);
    begun.resolve();
    await wire.rest();
    ended.resolve();
  });
  const transport = httpTransport({ url: origin.url.replace("http:", "https:"), ...ONE });
  const [first, second] = [transport.send(request()), transport.send(request())];
  await begun.promise;
  first.cancel();
  await failureOf(() => first.response);
  const third = transport.send(request());
  second.cancel();
  await failureOf(() => second.response);
  assertEquals(origin.connections(), 1);
  third.cancel();
  await ended.promise;
  transport.close();
  await origin.close();
});

for (const pieces of [["HTTP/1.1 101 X\r\n\r\nhello"], ["HTTP/1.1 101 X\r\n\r", "\nhel", "lo"]]) {
  Deno.test(`bytes behind a change of protocols in ${pieces.length} writes are the new protocol's`, async () => {
    await against(async (wire) => {
      await wire.head();
      for (const piece of pieces) {
        await wire.write(piece);
        await new Promise((resolve) => setTimeout(resolve));
      }
      await wire.end();
      await wire.until("bye");
    }, async (transport) => {
      const headers = ["Connection", "upgrade", "Upgrade", "x"];
      const outcome = await transport.upgrade!(request({ headers })).outcome;
      assert("socket" in outcome);
      let text = "";
      for await (const piece of outcome.socket) text += piece;
      assertEquals(text, "hello");
      outcome.socket.end("bye");
    }, ONE);
  });
}

Deno.test("a reader that is slow does not count as a backend that is", async () => {
  const content = "x".repeat(3 << 20);
  const clock = new TestClock(0, true);
  await against(
    async (wire) => {
      await wire.head();
      await wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
      await wire.rest();
    },
    async (transport) => {
      const body = sourceOf(await transport.send(request()).response);
      let [read, pauses] = [0, 0];
      for (let piece; (piece = await body.read());) {
        read += piece.length;
        if (pauses++ < 3) await clock.advance(250);
      }
      assertEquals(read, content.length);
    },
    { timeouts: { betweenBytes: 200, firstByte: 200 } },
    { clock: new StallClock(clock) },
  );
});
