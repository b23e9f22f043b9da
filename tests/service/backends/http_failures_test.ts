import { SendError } from "../../../service/errors.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { toSendError } from "../../../service/backends/send_errors.ts";
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../../assert.ts";
import {
  against,
  always,
  failureOf,
  givenBack,
  OK,
  rawOrigin,
  request,
  sourceOf,
  textOf,
  type Wire,
} from "./origins.ts";

/** An origin whose first connection answers once and then closes at the next request. */
async function forgetful(wire: Wire, connection: number): Promise<void> {
  await wire.head();
  await wire.write(OK);
  await wire.until("\r\n\r\n");
  if (connection > 1) await wire.write(OK);
}

Deno.test("an idempotent request is sent again when a kept connection turns out to be dead", async () => {
  const origin = rawOrigin((wire, connection) =>
    connection === 1 ? forgetful(wire, 1) : always(OK)(wire)
  );
  const transport = httpTransport({ url: origin.url });
  await textOf(await transport.send(request()).response);
  await givenBack();
  assertEquals(await textOf(await transport.send(request()).response), "ok");
  assertEquals(origin.connections(), 2);
  transport.close();
  await origin.close();
});

Deno.test("it is sent again only once", async () => {
  await against(async (wire, connection) => {
    if (connection === 1) await forgetful(wire, 1);
    else await wire.head();
  }, async (transport, origin) => {
    await textOf(await transport.send(request()).response);
    await givenBack();
    assertEquals(
      await failureOf(() => transport.send(request()).response),
      "connection_terminated",
    );
    assertEquals(origin.connections(), 2);
  });
});

Deno.test("a POST is never sent twice", async () => {
  await against(forgetful, async (transport, origin) => {
    await textOf(await transport.send(request()).response);
    await givenBack();
    const post = request({ method: "POST", body: "once" });
    assertEquals(await failureOf(() => transport.send(post).response), "connection_terminated");
    assertEquals(origin.connections(), 1);
  });
});

Deno.test("a cancelled request closes its connection and rejects", async () => {
  const arrived = Promise.withResolvers<void>();
  await against(async (wire) => {
    await wire.head();
    arrived.resolve();
    await wire.rest();
  }, async (transport) => {
    const inFlight = transport.send(request());
    await arrived.promise;
    inFlight.cancel();
    const error = await assertRejects(() => inFlight.response, SendError, "was cancelled");
    assertEquals(error.failure, "connection_terminated");
  });
});

Deno.test("a request may be cancelled before it has a connection, twice, and after its end", async () => {
  await against(always(OK), async (transport) => {
    const early = transport.send(request());
    early.cancel();
    early.cancel();
    await assertRejects(() => early.response, SendError, "was cancelled");
    const late = transport.send(request());
    await textOf(await late.response);
    late.cancel();
    const deaf = transport.send(request());
    deaf.cancel(); // and its response is not awaited
    assertEquals(await textOf(await transport.send(request()).response), "ok");
  });
});

Deno.test("a request that is cancelled after the head fails its body", async () => {
  await against(async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    await wire.rest();
  }, async (transport) => {
    const inFlight = transport.send(request());
    const reading = sourceOf(await inFlight.response).read();
    inFlight.cancel();
    await assertRejects(async () => await reading, SendError, "was cancelled");
  });
});

Deno.test("a response head that does not come in time is a timeout", async () => {
  await against(async (wire) => {
    await wire.head();
    await wire.rest();
  }, async (transport) => {
    const error = await assertRejects(() => transport.send(request()).response, SendError);
    assertEquals(error.failure, "http_response_timeout");
    assertStringIncludes(error.message, "no response head within 30 ms");
  }, { timeouts: { firstByte: 30 } });
});

Deno.test("timers do not outlive their requests", async () => {
  const timeouts = { connect: 60_000, firstByte: 60_000, betweenBytes: 60_000 };
  await against(always(OK), async (transport) => {
    assertEquals(await textOf(await transport.send(request()).response), "ok");
  }, { timeouts });
});

Deno.test("a refused connection is a failure of its own", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  const url = `http://127.0.0.1:${listener.addr.port}`;
  const error = await assertRejects(
    () => httpTransport({ url }).send(request()).response,
    SendError,
  );
  assertEquals(error.failure, "connection_refused");
  assertEquals(error.message, `Cannot connect to ${url}: the connection was refused`);
});

for (
  const [what, response, failure] of [
    ["nothing", "", "connection_terminated"],
    ["half a head", "HTTP/1.1 200 OK\r\nX-A", "connection_terminated"],
    ["garbage", "SSH-2.0-OpenSSH\r\n", "http_protocol_error"],
    ["a bad status", "HTTP/1.1 2000 OK\r\n\r\n", "http_protocol_error"],
    [
      "a low status",
      "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
      "http_response_status_invalid",
    ],
    ["a bad header", "HTTP/1.1 200 OK\r\nX A: b\r\n\r\n", "http_protocol_error"],
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "http_protocol_error",
    ],
    [
      "two equal lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
      "http_protocol_error",
    ],
    [
      "a length and a coding",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "http_protocol_error",
    ],
    ["lines without CR", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "http_protocol_error"],
    [
      "an upgrade",
      "HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
      "http_protocol_error",
    ],
    [
      "too large a head",
      `HTTP/1.1 200 OK\r\nX: ${"y".repeat(140_000)}\r\n\r\n`,
      "http_response_header_section_too_large",
    ],
  ] as const
) {
  Deno.test(`an origin that answers ${what} is ${failure}`, async () => {
    await against(async (wire) => {
      await wire.head();
      await wire.write(response).catch(() => {}); // the client may leave before it has all
    }, async (transport) => {
      assertEquals(await failureOf(() => transport.send(request()).response), failure);
    });
  });
}

Deno.test("a target that cannot be sent is refused", async () => {
  await against(always(OK), async (transport) => {
    const { response } = transport.send(request({ target: "/a b" }));
    assertEquals(await failureOf(() => response), "http_request_uri_invalid");
  });
});

for (
  const [code, failure] of [
    ["ENOTFOUND", "dns_error"],
    ["EAI_AGAIN", "dns_error"],
    ["ETIMEDOUT", "connection_timeout"],
    ["EHOSTUNREACH", "destination_ip_unroutable"],
    ["ENETUNREACH", "destination_ip_unroutable"],
    ["EPIPE", "connection_terminated"],
    ["CERT_HAS_EXPIRED", "tls_certificate_error"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls_protocol_error"],
    ["toString", "internal_error"],
  ] as const
) {
  Deno.test(`the platform's ${code} is ${failure}`, () => {
    const cause = Object.assign(new Error("as it was"), { code });
    const error = toSendError(new AggregateError([cause]), "http://origin.test:80");
    assertEquals(error.failure, failure);
    assertEquals(error.dnsRcode, code === "ENOTFOUND" ? 3 : undefined);
    assertMatch(error.message, /^Cannot connect to http:\/\/origin\.test:80: .*[^.]$/);
  });
}

for (
  const [what, excess] of [["more than was declared", " and more"], ["garbage", "\0\0"]] as const
) {
  Deno.test(`${what} after a response is no harm to it, or to the next one`, async () => {
    await against(
      async (wire) => {
        while (await wire.head()) await wire.write(OK + excess);
      },
      async (transport) => {
        for (let i = 0; i < 3; i++) {
          assertEquals(await textOf(await transport.send(request()).response), "ok");
        }
      },
    );
  });
}

Deno.test("a chunk that is none, in one packet with the head, fails the body", async () => {
  await against(
    always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nnonsense\r\n\r\n"),
    async (transport) => {
      const response = await transport.send(request()).response;
      await assertRejects(() => textOf(response), SendError);
    },
  );
});
