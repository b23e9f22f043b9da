import { createServer } from "node:http";
import { EMPTY } from "../../../service/http/bytes.ts";
import { HttpVersion } from "../../../service/http/exchange.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { assert, assertEquals } from "../../assert.ts";
import { against, always, givenBack, OK, rawOrigin, request, textOf } from "./origins.ts";

/** Returns the bytes that an origin receives, up to the end of the head. */
async function headOf(sent: Parameters<typeof request>[0]): Promise<string> {
  let head = "";
  await against(async (wire) => {
    head = await wire.head();
    await wire.write(OK);
  }, async (transport) => {
    await transport.send(request(sent)).response;
  });
  return head;
}

Deno.test("header fields go out in their case, order and repeats", async () => {
  const head = await headOf({
    headers: ["X-One", "1", "x-ONE", "2", "accept", "\xe9", "X-One", "3"],
  });
  assertEquals(
    head,
    "GET / HTTP/1.1\r\nHost: origin.test\r\nX-One: 1\r\nx-ONE: 2\r\naccept: \xe9\r\nX-One: 3\r\n" +
      "Connection: keep-alive\r\n\r\n",
  );
});

Deno.test("header fields come in in their case, order and repeats", async () => {
  const head =
    "HTTP/1.1 299 Odd\r\nset-COOKIE: a\r\nX: 1\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n";
  await against(always(head), async (transport) => {
    const { status, version, headers, body, peer } = await transport.send(request()).response;
    assertEquals([status, version, body], [299, HttpVersion.http11, EMPTY]);
    assertEquals(headers.raw, [
      "set-COOKIE",
      "a",
      "X",
      "1",
      "Set-Cookie",
      "b",
      "Content-Length",
      "0",
    ]);
    assertEquals(peer?.address, "127.0.0.1");
  });
});

for (const method of ["heLLo", "get", "POST", "CONNECT", "M-SEARCH", "post", "PURGE", "$&"]) {
  Deno.test(`the method ${method} goes out as it is and gains no framing`, async () => {
    assertEquals(
      await headOf({ method }),
      `${method} / HTTP/1.1\r\nHost: origin.test\r\nConnection: keep-alive\r\n\r\n`,
    );
  });
}

for (const length of [0, 5, 100_000]) {
  Deno.test(`whole content of ${length} bytes goes out in chunks under Transfer-Encoding`, async () => {
    const text = "x".repeat(length);
    const chunks = `${length ? `${length.toString(16)}\r\n${text}\r\n` : ""}0\r\n\r\n`;
    let content = "";
    await against(async (wire) => {
      await wire.head();
      content = await wire.exactly(chunks.length);
      await wire.write(OK);
      await wire.head();
      await wire.write(OK);
    }, async (transport) => {
      const headers = ["Transfer-Encoding", "chunked"];
      await transport.send(request({ method: "POST", headers, body: text })).response;
      await transport.send(request()).response; // nothing is left over on the connection
    });
    assertEquals(content, chunks);
  });
}

Deno.test("connections are used again", async () => {
  await against(always(OK), async (transport, origin) => {
    for (let i = 0; i < 5; i++) {
      assertEquals(await textOf(await transport.send(request()).response), "ok");
      await givenBack();
    }
    assertEquals(origin.connections(), 1);
  });
});

Deno.test("a connection that the backend is about to close is not used again", async () => {
  const brief = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok";
  await against(always(brief), async (transport, origin) => {
    for (let i = 0; i < 3; i++) {
      assertEquals(await textOf(await transport.send(request()).response), "ok");
      await givenBack();
    }
    assertEquals(origin.connections(), 3);
  });
});

Deno.test("a closed transport closes idle connections, and opens new ones", async () => {
  const closed = Promise.withResolvers<void>();
  await against(async (wire, connection) => {
    await always(OK)(wire);
    if (connection === 1) closed.resolve();
  }, async (transport, origin) => {
    await transport.send(request()).response;
    await givenBack();
    transport.close();
    await closed.promise;
    await transport.send(request()).response;
    assertEquals(origin.connections(), 2);
  });
});

Deno.test("a large head arrives whole, thousands of fields too", async () => {
  const fields = Array.from({ length: 5000 }, (_, i) => `X-${i}: ${i}\r\n`).join("");
  await against(
    always(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 0\r\n\r\n`),
    async (transport) => {
      assertEquals((await transport.send(request()).response).headers.size, 5001);
    },
  );
});

Deno.test("informational heads are passed over", async () => {
  const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
  await against(always(early + OK), async (transport) => {
    const response = await transport.send(request()).response;
    assertEquals([response.status, await textOf(response)], [200, "ok"]);
  });
});

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`localhost reaches an origin that listens on ${hostname} only`, async () => {
    const origin = rawOrigin(always(OK), hostname);
    const transport = httpTransport({ url: `http://localhost:${new URL(origin.url).port}` });
    const { peer } = await transport.send(request()).response;
    assertEquals(peer?.address, hostname);
    transport.close();
    await origin.close();
  });
}

Deno.test("many requests at once each get their own answer", async () => {
  const server = createServer((incoming, outgoing) => {
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address && typeof address === "object");
  const transport = httpTransport({ url: `http://127.0.0.1:${address.port}` });
  const texts = Array.from({ length: 100 }, (_, i) => `${i}:${"x".repeat(i * 1000)}`);
  const echoes = texts.map(async (body) =>
    await textOf(await transport.send(request({ method: "POST", body })).response)
  );
  assertEquals(await Promise.all(echoes), texts);
  transport.close();
  await new Promise((resolve) => server.close(resolve));
});
