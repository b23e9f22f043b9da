import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { Wire } from "../server/wire.ts";
import { fetchRaw, response, valuesOf } from "./http.ts";
import { serveGuest, startOrigin, testGuest } from "./serving.ts";

for (const name of ["rust", "go", "javascript"]) {
  testGuest(name, "config stores answer, and absent keys are absent", async () => {
    await using served = await serveGuest(name, { configStores: { settings: { greeting: "hé" } } });
    const found = await fetchRaw(served.port, "/config?key=greeting");
    assertEquals([found.status, found.body], [200, "h\xc3\xa9"]);
    const absent = await fetchRaw(served.port, "/config?key=nope");
    assertEquals([absent.status, absent.body], [404, "absent\n"]);
  });

  testGuest(name, "the environment has the platform's variables and the options' own", async () => {
    await using served = await serveGuest(name, { env: { FASTLY_SERVICE_VERSION: "7" } });
    const { body } = await fetchRaw(served.port, "/env");
    assertStringIncludes(body, "FASTLY_HOSTNAME=localhost\n");
    assertStringIncludes(body, "FASTLY_SERVICE_VERSION=7\n");
    assert(/FASTLY_TRACE_ID=0{16}[0-9a-f]{16}\n/.test(body), body);
  });

  testGuest(name, "work goes on after the response", async () => {
    await using served = await serveGuest(name);
    assertEquals((await fetchRaw(served.port, "/background")).body, "sent\n");
    const entry = await served.logged((entry) => entry.kind === "endpoint");
    assertEquals(entry.kind === "endpoint" && entry.message, "after response");
  });

  testGuest(
    name,
    "two requests are under way at once: the first may wait for the second",
    async () => {
      const second = Promise.withResolvers<void>();
      await using origin = await startOrigin(async (request, response) => {
        if (request.url === "/b") response.on("finish", () => second.resolve());
        else await second.promise;
        response.end(request.url);
      });
      await using served = await serveGuest(name, { backends: { origin: origin.url } });
      const { body } = await fetchRaw(served.port, "/parallel");
      assertEquals(body.trim().split("\n").sort(), ["/a", "/b"]);
    },
  );

  testGuest(name, "an upload streams in chunks of unknown length", async () => {
    await using origin = await startOrigin((request, response) => {
      request.on("end", () => response.end("stored"));
    });
    await using served = await serveGuest(name, { backends: { origin: origin.url } });
    assertEquals((await fetchRaw(served.port, "/upload")).body, "stored");
    const [seen] = origin.seen;
    assertEquals(seen!.body, Array.from({ length: 100 }, (_, i) => `chunk ${i}\n`).join(""));
    assert(seen!.headers.includes("chunked"));
  });

  testGuest(
    name,
    "a response's head leaves before its body, and the body as it comes",
    async () => {
      const rest = Promise.withResolvers<void>();
      await using origin = await startOrigin(async (_, response) => {
        response.write("first");
        await rest.promise;
        response.end("second");
      });
      await using served = await serveGuest(name, { backends: { origin: origin.url } });
      using wire = await Wire.open(served.port);
      await wire.send("GET /proxy/x HTTP/1.1\r\nHost: a\r\n\r\n");
      await wire.until("first");
      rest.resolve();
      await wire.until("second");
    },
  );
}

testGuest("rust", "trailers follow the body", async () => {
  await using served = await serveGuest("rust");
  for (const path of ["/trailers", "/trailers?stream"]) {
    assertEquals((await fetchRaw(served.port, path)).trailers, [["x-checksum", "abc"]]);
  }
});

testGuest("rust", "an abandoned stream is cut, never ended", async () => {
  await using served = await serveGuest("rust");
  const { body, whole } = await fetchRaw(served.port, "/stream?n=3&abandon");
  assertEquals([body, whole], ["line 0\nline 1\nline 2\n", false]);
});

testGuest("rust-2020", "a stream that is open at the guest's end is cut", async () => {
  await using served = await serveGuest("rust-2020");
  assertEquals((await fetchRaw(served.port, "/stream?n=3&abandon")).whole, false);
});

testGuest("rust", "a response that was sent stays, whatever becomes of the guest", async () => {
  await using served = await serveGuest("rust");
  const { status, body } = await fetchRaw(served.port, "/respond-twice-and-trap");
  assertEquals([status, body], [200, "first\n"]);
  const entry = await served.logged((entry) => entry.kind === "host");
  assertStringIncludes(entry.kind === "host" ? entry.message : "", "The guest trapped");
});

testGuest("rust", "no response is an empty 200", async () => {
  await using served = await serveGuest("rust");
  const { status, body } = await fetchRaw(served.port, "/nothing");
  assertEquals([status, body], [200, ""]);
});

testGuest(
  "rust",
  "a dynamic backend reaches its target, and no name is registered twice",
  async () => {
    await using origin = await startOrigin((_, response) => response.end("dynamic"));
    await using served = await serveGuest("rust", {
      backends: { origin: origin.url },
      catchAll: "http://127.0.0.1:1",
    });
    const at = (query: string) =>
      fetchRaw(served.port, `/dynamic?target=127.0.0.1:${origin.port}${query}`);
    assertEquals((await at("")).body, "dynamic");
    assertEquals((await at("&twice")).status, 409);
    assertEquals((await at("&name=origin")).status, 409);
  },
);

testGuest("rust", "gzip is decoded when the guest asks, and left alone when not", async () => {
  const gzipped = new Uint8Array(
    await new Response(
      new Blob(["hello, world!\n"]).stream().pipeThrough(new CompressionStream("gzip")),
    ).arrayBuffer(),
  );
  await using origin = await startOrigin((request, response) => {
    response.writeHead(200, {
      "content-encoding": "gzip",
      "x-asked": request.headers["accept-encoding"] ?? "none",
    });
    response.end(gzipped);
  });
  // An object that one has cached would answer the other.
  await using served = await serveGuest("rust", { backends: { origin: origin.url }, cache: false });
  const decoded = await fetchRaw(served.port, "/gzip/x");
  assertEquals([decoded.body, valuesOf(decoded, "content-encoding")], ["hello, world!\n", []]);
  const raw = await fetchRaw(served.port, "/proxy/x");
  assertEquals(raw.body.length, gzipped.length);
  assertEquals(valuesOf(raw, "content-encoding"), ["gzip"]);
  assertEquals(valuesOf(raw, "x-asked"), ["none"]);
});

testGuest("rust", "every status from 200 to 999 passes", async () => {
  await using served = await serveGuest("rust");
  for (const code of [200, 204, 304, 418, 599, 999]) {
    assertEquals((await fetchRaw(served.port, `/status?code=${code}`)).status, code);
  }
});

testGuest("rust", "an HTTP/1.0 client is seen as one, and its connection closes", async () => {
  await using served = await serveGuest("rust");
  using wire = await Wire.open(served.port);
  await wire.send("GET /version HTTP/1.0\r\nHost: a\r\n\r\n");
  assertStringIncludes(await wire.rest(), "HTTP/1.0\n");
});

testGuest("rust", "wrong framing on a forwarded request is made right", async () => {
  await using origin = await startOrigin((request, response) => {
    request.on("end", () => response.end("ok"));
  });
  await using served = await serveGuest("rust", { backends: { origin: origin.url } });
  await fetchRaw(served.port, "/proxy/x", { method: "POST", body: "123456789" });
  const length = (headers: readonly string[]) =>
    headers[headers.findIndex((h) => /^content-length$/i.test(h)) + 1];
  assertEquals(length(origin.seen[0]!.headers), "9");
  await fetchRaw(served.port, "/proxy/x", { method: "POST", headers: "Content-Length: 0\r\n" });
  assertEquals(length(origin.seen[1]!.headers), "0");
});

testGuest("rust", "a backend's body that breaks off breaks the client's off", async () => {
  await using origin = await startOrigin((_, response) => {
    response.write("half");
    setTimeout(() => response.destroy(), 20);
  });
  await using served = await serveGuest("rust", { backends: { origin: origin.url } });
  const { body, whole } = await fetchRaw(served.port, "/proxy/x");
  assertEquals([body, whole], ["half", false]);
});

testGuest(
  "rust",
  "a client that leaves ends its guest, and its request to the backend",
  async () => {
    const asked = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    await using origin = await startOrigin((_, response) => {
      response.on("close", () => left.resolve());
      asked.resolve();
    });
    await using served = await serveGuest("rust", { backends: { origin: origin.url } });
    const wire = await Wire.open(served.port);
    await wire.send("GET /proxy/x HTTP/1.1\r\nHost: a\r\n\r\n");
    await asked.promise;
    wire.close();
    await left.promise;
    assertEquals((await fetchRaw(served.port, "/hello")).status, 200);
  },
);

testGuest("rust", "one connection carries many requests, pipelined ones too", async () => {
  await using served = await serveGuest("rust");
  using wire = await Wire.open(served.port);
  await wire.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5));
  for (let i = 0; i < 5; i++) assertEquals((await response(wire)).body, "Hello from rust\n");
});

testGuest("rust", "a hundred requests at once all get their own answer", async () => {
  await using served = await serveGuest("rust");
  const answers = await Promise.all(
    Array.from(
      { length: 100 },
      (_, i) => fetchRaw(served.port, "/echo", { method: "POST", body: `request ${i}` }),
    ),
  );
  assertEquals(answers.map(({ body }) => body), answers.map((_, i) => `request ${i}`));
});

testGuest("rust-2020", "an address without a record is in Austin", async () => {
  await using served = await serveGuest("rust-2020", { geo: () => undefined });
  assertEquals((await fetchRaw(served.port, "/geo")).body, "Austin, US\n");
});
