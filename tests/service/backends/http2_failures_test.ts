import type { BackendOptions } from "../../../service/backends/definition.ts";
import type { Transport } from "../../../service/backends/transport.ts";
import { SendError } from "../../../service/errors.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { TestClock } from "../../../testing/clock.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../assert.ts";
import { lapse } from "../../lapse.ts";
import { frameOrigin, frames, type FrameWire, type Http2Origin } from "./http2_origins.ts";
import { failureOf, rawOrigin, request, sourceFrom, sourceOf, textOf } from "./origins.ts";

const { head, data, reset, goAway } = frames;

/** Runs a test against an origin that sends frames, and leaves nothing open. */
async function against(
  handle: (wire: FrameWire, connection: number) => Promise<void>,
  test: (transport: Transport, origin: Http2Origin) => Promise<void>,
  options: Partial<BackendOptions> = {},
  clock?: StallClock,
): Promise<void> {
  const origin = frameOrigin(handle);
  const transport = httpTransport({ url: origin.url, grpc: true, ...options }, clock);
  try {
    await test(transport, origin);
  } finally {
    transport.close();
    await origin.close();
  }
}

/** Answers every request on a connection with `ok`. */
async function always(wire: FrameWire): Promise<void> {
  for (let stream; (stream = await wire.request());) {
    await wire.write(head(stream), data(stream, "ok", true));
  }
}

Deno.test("a reset before the head is an error of HTTP/2 with its code", async () => {
  await against(async (wire) => {
    await wire.write(reset(await wire.request(), 11));
    await wire.closed;
  }, async (transport) => {
    const error = await assertRejects(() => transport.send(request()).response, SendError);
    assertEquals([error.failure, error.http2], ["h2_error", { frame: 3, code: 11 }]);
    assertStringIncludes(error.message, "it sent RST_STREAM with ENHANCE_YOUR_CALM");
  });
});

Deno.test("a reset after the head fails the body with its code, and the connection goes on", async () => {
  const go = Promise.withResolvers<void>();
  await against(async (wire) => {
    const first = await wire.request();
    await wire.write(head(first), data(first, "half"));
    await go.promise;
    await wire.write(reset(first, 2));
    await always(wire);
  }, async (transport, origin) => {
    const source = sourceOf(await transport.send(request()).response);
    assertEquals(new TextDecoder().decode(await source.read()), "half");
    go.resolve();
    const error = await assertRejects(async () => await source.read(), SendError);
    assertEquals([error.failure, error.http2], ["h2_error", { frame: 3, code: 2 }]);
    assertEquals(await textOf(await transport.send(request()).response), "ok");
    assertEquals(origin.connections(), 1);
  });
});

Deno.test("a backend that goes away with an error tells its code", async () => {
  await against(async (wire) => {
    await wire.write(goAway(await wire.request(), 11));
    await wire.closed;
  }, async (transport) => {
    const error = await assertRejects(() => transport.send(request()).response, SendError);
    assertEquals([error.failure, error.http2], ["h2_error", { frame: 7, code: 11 }]);
  });
});

Deno.test("a backend that goes away in peace ends its streams, and the next request gets a new connection", async () => {
  await against(async (wire, connection) => {
    if (connection > 1) return always(wire);
    const stream = await wire.request();
    await wire.write(goAway(stream, 0), head(stream), data(stream, "last", true));
    await wire.closed;
  }, async (transport, origin) => {
    assertEquals(await textOf(await transport.send(request()).response), "last");
    assertEquals(await textOf(await transport.send(request()).response), "ok");
    assertEquals(origin.connections(), 2);
  });
});

Deno.test("a request that the backend refused unseen is sent once more, whatever its method", async () => {
  for (const refuse of [(stream: number) => reset(stream, 7), () => goAway(0, 0)]) {
    await against(async (wire, connection) => {
      if (connection === 1) await wire.write(refuse(await wire.request()));
      await always(wire);
    }, async (transport) => {
      const { response } = transport.send(request({ method: "POST", body: "x" }));
      assertEquals(await textOf(await response), "ok");
    });
  }
});

Deno.test("a request that is refused twice, or whose body is gone, fails", async () => {
  await against(async (wire) => {
    for (let stream; (stream = await wire.request());) await wire.write(reset(stream, 7));
  }, async (transport) => {
    const error = await assertRejects(() => transport.send(request()).response, SendError);
    assertEquals(error.http2, { frame: 3, code: 7 });
    const body = sourceFrom(async function* () {
      yield "once";
    }());
    const { response } = transport.send(request({ method: "POST", body }));
    assertEquals(await failureOf(() => response), "h2_error");
  });
});

Deno.test("an idempotent request is sent again when a kept connection turns out to be dead", async () => {
  for (const [method, connections] of [["GET", 2], ["POST", 1]] as const) {
    await against(async (wire, connection) => {
      if (connection > 1) return always(wire);
      const stream = await wire.request();
      await wire.write(head(stream), data(stream, "ok", true));
      await wire.request();
    }, async (transport, origin) => {
      await textOf(await transport.send(request()).response);
      const sent = request(method === "GET" ? {} : { method, body: "x" });
      const again = transport.send(sent).response;
      if (method === "GET") assertEquals(await textOf(await again), "ok");
      else assertEquals(await failureOf(() => again), "connection_terminated");
      assertEquals(origin.connections(), connections);
    });
  }
});

Deno.test("a connection that is lost before a response has terminated, and one lost in it leaves it incomplete", async () => {
  await against(async (wire) => void await wire.request(), async (transport) => {
    const { response } = transport.send(request());
    assertEquals(await failureOf(() => response), "connection_terminated");
  });
  const go = Promise.withResolvers<void>();
  await against(async (wire) => {
    const stream = await wire.request();
    await wire.write(head(stream), data(stream, "half"));
    await go.promise;
  }, async (transport) => {
    const source = sourceOf(await transport.send(request()).response);
    await source.read();
    go.resolve();
    assertEquals(await failureOf(async () => await source.read()), "http_incomplete_response");
  });
});

for (const [what, length, text] of [["short", "5", "abc"], ["long", "2", "abc"]] as const) {
  Deno.test(`a response too ${what} for its length is incomplete`, async () => {
    await against(async (wire) => {
      const stream = await wire.request();
      await wire.write(head(stream, { "content-length": length }), data(stream, text, true));
      await wire.closed;
    }, async (transport) => {
      const { response } = transport.send(request());
      assertEquals(await failureOf(async () => textOf(await response)), "http_incomplete_response");
    });
  });
}

for (const method of ["GET", "POST"]) {
  for (const timing of ["at once", "later"]) {
    Deno.test(`a reset without an error that comes ${timing} cuts a body without a length, ${method}`, async () => {
      const go = Promise.withResolvers<void>();
      await against(async (wire) => {
        const stream = await wire.request();
        await wire.write(head(stream), data(stream, "half"));
        if (timing === "later") await go.promise;
        await wire.write(reset(stream, 0));
        await wire.closed;
      }, async (transport) => {
        const unended = sourceFrom(async function* () {
          yield "part";
          await go.promise;
        }());
        const sent = method === "GET" ? request() : request({ method, body: unended });
        const source = sourceOf(await transport.send(sent).response);
        const reading = failureOf(async () => {
          for (let chunk; (chunk = await source.read());) if (chunk.length) go.resolve();
        });
        assertEquals(await reading, "http_incomplete_response");
        go.resolve();
      });
    });
  }
}

Deno.test("a reset after the end of a body is no harm to it", async () => {
  await against(async (wire) => {
    const stream = await wire.request();
    await wire.write(head(stream), data(stream, "whole", true), reset(stream, 0));
    await wire.closed;
  }, async (transport) => {
    assertEquals(await textOf(await transport.send(request()).response), "whole");
  });
});

Deno.test("a backend that breaks each connection when it has greeted fails the request", async () => {
  await against(async (wire) => {
    await wire.write(head(1)); // nothing was asked yet
    await wire.closed;
  }, async (transport) => {
    assertEquals(await failureOf(() => transport.send(request()).response), "http_protocol_error");
  });
});

Deno.test("a reset without an error does not make half a body whole", async () => {
  await against(async (wire) => {
    const stream = await wire.request();
    await wire.write(
      head(stream, { "content-length": "5" }),
      data(stream, "abc"),
      reset(stream, 0),
    );
    await wire.closed;
  }, async (transport) => {
    const { response } = transport.send(request());
    assertEquals(await failureOf(async () => textOf(await response)), "http_incomplete_response");
  });
});

Deno.test("a body that the backend does not want is cancelled, and the response stays", async () => {
  await against(async (wire) => {
    const stream = await wire.request();
    await wire.write(head(stream), data(stream, "too large", true), reset(stream, 0));
    await wire.closed;
  }, async (transport) => {
    const body = sourceFrom(async function* () {
      for (;;) yield new Uint8Array(16_384);
    }());
    const answer = await transport.send(request({ method: "POST", body })).response;
    assertEquals(await textOf(answer), "too large");
    await body.cancelled;
  });
});

Deno.test("each of the time limits holds in HTTP/2", async () => {
  const silent = rawOrigin(async (wire) => void await wire.rest());
  const waiting = httpTransport({ url: silent.url, grpc: true, timeouts: { connect: 30 } });
  assertEquals(await failureOf(() => waiting.send(request()).response), "connection_timeout");
  const impatient = httpTransport({ url: silent.url, grpc: true, timeouts: { firstByte: 30 } });
  assertEquals(await failureOf(() => impatient.send(request()).response), "http_response_timeout");
  impatient.close();
  await silent.close();

  const clock = new TestClock(0, true);
  const arrived = Promise.withResolvers<void>();
  await against(
    async (wire) => {
      await wire.request();
      arrived.resolve();
      const second = await wire.request();
      await wire.write(head(second), data(second, "half"));
      await wire.closed;
    },
    async (transport) => {
      const silence = failureOf(() => transport.send(request()).response);
      await arrived.promise;
      assertEquals(await lapse(clock, 200, silence), "http_response_timeout");
      const source = sourceOf(await transport.send(request()).response);
      await source.read();
      const pause = failureOf(async () => await source.read());
      assertEquals(await lapse(clock, 30, pause), "http_response_timeout");
    },
    { timeouts: { firstByte: 200, betweenBytes: 30 } },
    new StallClock(clock),
  );
});

Deno.test("timers do not outlive their requests in HTTP/2", async () => {
  const timeouts = { connect: 60_000, firstByte: 60_000, betweenBytes: 60_000 };
  await against(always, async (transport) => {
    assertEquals(await textOf(await transport.send(request()).response), "ok");
  }, { timeouts });
});

Deno.test("HTTP/2 needs no permission but the network", async () => {
  const origin = frameOrigin(always);
  const module = new URL("../../../service/backends/http_transport.ts", import.meta.url);
  const headers = new URL("../../../service/http/headers.ts", import.meta.url);
  const code = `
    import { httpTransport } from "${module}";
    import { HeaderList } from "${headers}";
    const head = { method: "GET", url: "${origin.url}/", target: "/" };
    const limits = { header_bytes: 1024, header_count: 10 };
    const request = { ...head, headers: new HeaderList(), body: new Uint8Array(), limits };
    const transport = httpTransport({ url: "${origin.url}", grpc: true });
    const { body } = await transport.send(request).response;
    console.log(new TextDecoder().decode(await body.read()), await body.read());`; // an idle connection ends nothing
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-lock",
      "--allow-net=127.0.0.1",
      `data:text/javascript,${encodeURIComponent(code)}`,
    ],
  }).output();
  const said = new TextDecoder().decode(stdout).trim();
  assertEquals(said, "ok undefined", new TextDecoder().decode(stderr));
  await origin.close();
});
