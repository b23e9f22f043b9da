import type { ServerHttp2Stream } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { BackendOptions } from "../../../service/backends/definition.ts";
import type { Transport } from "../../../service/backends/transport.ts";
import { EMPTY } from "../../../service/http/bytes.ts";
import { SendError } from "../../../service/errors.ts";
import { HttpVersion } from "../../../service/http/exchange.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { clearOrigin, type Http2Origin, type OnStream, secureOrigin } from "./http2_origins.ts";
import {
  failureOf,
  givenBack,
  post,
  rawOrigin,
  request,
  sourceFrom,
  sourceOf,
  textOf,
} from "./origins.ts";

const authority = await createAuthority();
const { ca } = authority;
const identity = await authority.issue(["ip:127.0.0.1", "localhost"]);

/** Runs a test against an origin in clear HTTP/2, and leaves nothing open. */
async function against(
  onStream: OnStream,
  test: (transport: Transport, origin: Http2Origin) => Promise<void>,
  { options = {}, server = {} }: {
    options?: Partial<BackendOptions>;
    server?: Parameters<typeof clearOrigin>[1];
  } = {},
): Promise<void> {
  const origin = await clearOrigin(onStream, server);
  const transport = httpTransport({ url: origin.url, grpc: true, ...options });
  try {
    await test(transport, origin);
  } finally {
    transport.close();
    await origin.close();
  }
}

/** An origin over TLS that has never heard of HTTP/2. */
async function http1Origin(ALPNProtocols?: string[]): Promise<Http2Origin> {
  const options = { ...identity, ...ALPNProtocols && { ALPNProtocols } };
  const server = createServer(options, (_, outgoing) => void outgoing.end("ok"));
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => sockets.length,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const ok: OnStream = (stream) => {
  stream.respond({ ":status": 200 });
  stream.end("ok");
};

Deno.test("a request in HTTP/2 has pseudo fields, lower case, and nothing of its connection", async () => {
  let seen: readonly string[] = [];
  await against((stream, headers, raw) => {
    seen = raw;
    ok(stream, headers, raw);
  }, async (transport) => {
    const { response } = transport.send(request({
      method: "heLLo",
      target: "/path?q=1",
      headers: [
        "X-One",
        "1",
        "Connection",
        "close, X-Hop",
        "X-Hop",
        "gone",
        "TE",
        "gzip, trailers",
        "Keep-Alive",
        "timeout=5",
        "Transfer-Encoding",
        "chunked",
        "X-One",
        "\xe9",
      ],
    }));
    assertEquals((await response).status, 200);
  });
  const expected = [":method", "heLLo", ":authority", "origin.test", ":scheme", "http", ":path"];
  assertEquals(seen.slice(0, 8), [...expected, "/path?q=1"]);
  assertEquals(seen.slice(8), ["x-one", "1", "x-one", "\xe9", "te", "trailers"]);
});

Deno.test("a response in HTTP/2 has its fields in order, its version and its peer", async () => {
  await against((stream) => {
    stream.additionalHeaders({ ":status": 103, link: "</a>" });
    stream.respond({ ":status": 299, "set-cookie": ["a", "b"], "x-one": ["1", "2"] }, {
      endStream: true,
    });
  }, async (transport) => {
    const { status, version, headers, body, peer } = await transport.send(request()).response;
    assertEquals([status, version, body], [299, HttpVersion.h2, EMPTY]);
    assertEquals(headers.raw.slice(0, 8), [
      "set-cookie",
      "a",
      "set-cookie",
      "b",
      "x-one",
      "1",
      "x-one",
      "2",
    ]);
    assertEquals(peer?.address, "127.0.0.1");
  });
});

Deno.test("bodies and trailers go both ways, as gRPC has them", async () => {
  await against((stream, headers) => {
    assertEquals([headers.te, headers["content-length"]], ["trailers", undefined]);
    let text = "";
    const trailers = Promise.withResolvers<string>();
    stream.on("trailers", (fields) => trailers.resolve(String(fields["x-checksum"])));
    stream.on("data", (chunk) => text += chunk);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, {
      waitForTrailers: true,
    });
    stream.on("end", async () => {
      const checksum = await trailers.promise;
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(`${text}, ${checksum}`);
    });
  }, async (transport) => {
    const body = sourceFrom(async function* () {
      yield "one";
      yield "two";
      return new HeaderList(["X-Checksum", "12"]);
    }());
    const { response } = transport.send(
      request({ method: "POST", headers: ["TE", "trailers"], body }),
    );
    const answer = await response;
    assertEquals(await textOf(answer), "onetwo, 12");
    assertEquals(sourceOf(answer).trailers?.raw, ["grpc-status", "0"]);
  });
});

Deno.test("a body of known length declares it and needs no trailers", async () => {
  await against((stream, headers) => {
    stream.respond({ ":status": 200, "x-length": headers["content-length"] });
    stream.pipe(stream);
  }, async (transport) => {
    for (const length of [0, 5, 300_000]) {
      const answer = await transport.send(
        request({
          method: "POST",
          body: "x".repeat(length),
          headers: length ? [] : ["Content-Length", "0"],
        }),
      ).response;
      assertEquals(answer.headers.get("x-length"), String(length));
      assertEquals((await textOf(answer)).length, length);
    }
  });
});

Deno.test("many requests at once share one connection and get their own answers", async () => {
  await against((stream) => {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  }, async (transport, origin) => {
    const texts = Array.from({ length: 60 }, (_, i) => `${i}:${"x".repeat(i * 1000)}`);
    const echoes = texts.map(async (body) =>
      await textOf(await transport.send(request({ method: "POST", body })).response)
    );
    assertEquals(await Promise.all(echoes), texts);
    assertEquals(origin.connections(), 1);
  });
});

Deno.test("the backend's limit on concurrent streams is kept", async () => {
  const held: ServerHttp2Stream[] = [];
  const counts = new Map<unknown, number>();
  await against((stream, headers, raw) => {
    counts.set(stream.session, (counts.get(stream.session) ?? 0) + 1);
    if (held.push(stream) === 8) { for (const one of held) ok(one, headers, raw); }
  }, async (transport, origin) => {
    const sends = Array.from({ length: 8 }, () => transport.send(request()).response.then(textOf));
    assertEquals(new Set(await Promise.all(sends)), new Set(["ok"]));
    assertEquals([...counts.values()], [2, 2, 2, 2]);
    assertEquals(origin.connections(), 4);
  }, { server: { settings: { maxConcurrentStreams: 2 } } });
});

Deno.test("an upload in HTTP/2 is read no faster than the backend takes it", async () => {
  const started = Promise.withResolvers<ServerHttp2Stream>();
  await against((stream) => {
    stream.respond({ ":status": 200 });
    started.resolve(stream);
  }, async (transport) => {
    let given = 0;
    const stuck = Promise.withResolvers<void>();
    let watch: ReturnType<typeof setTimeout> | undefined;
    const body = sourceFrom(async function* () {
      for (; given < 200; given++) {
        clearTimeout(watch);
        watch = setTimeout(stuck.resolve, 100);
        yield new Uint8Array(16_384);
      }
      clearTimeout(watch);
    }());
    const { response } = transport.send(request({ method: "POST", body }));
    const stream = await started.promise;
    await stuck.promise;
    assert(given < 100, `${given} chunks were taken with nobody reading`);
    let received = 0;
    stream.on("data", (chunk: Uint8Array) => received += chunk.length);
    stream.on("end", () => stream.end(String(received)));
    assertEquals(await textOf(await response), String(200 * 16_384));
  });
});

Deno.test("a response that is not read holds up its backend, and no other response", async () => {
  let written = 0;
  await against((stream, headers) => {
    if (headers[":path"] !== "/large") return ok(stream, {}, []);
    stream.respond({ ":status": 200 });
    const more = () => {
      while (written < 1000) {
        written++;
        if (!stream.write(new Uint8Array(16_384))) return void stream.once("drain", more);
      }
      stream.end();
    };
    more();
  }, async (transport, origin) => {
    const large = await transport.send(request({ target: "/large" })).response;
    for (let i = 0; i < 20; i++) {
      assertEquals(await textOf(await transport.send(request()).response), "ok");
    }
    assert(written < 200, `${written} chunks were sent with nobody reading`);
    assertEquals((await textOf(large)).length, 1000 * 16_384);
    assertEquals(origin.connections(), 1);
  });
});

Deno.test("a cancelled request ends its stream, and the connection goes on", async () => {
  const resets: Promise<number>[] = [];
  const arrived = Promise.withResolvers<void>();
  await against((stream, headers) => {
    if (headers[":path"] === "/ok") return ok(stream, {}, []);
    resets.push(new Promise((resolve) => stream.on("close", () => resolve(stream.rstCode!))));
    if (headers[":path"] === "/head") stream.respond({ ":status": 200 });
    else arrived.resolve();
  }, async (transport, origin) => {
    transport.send(request()).cancel(); // before there is a connection
    const waiting = transport.send(request({ target: "/silent" }));
    await arrived.promise;
    waiting.cancel();
    await assertRejects(() => waiting.response, SendError, "was cancelled");
    const reading = transport.send(request({ target: "/head" }));
    const source = sourceOf(await reading.response);
    reading.cancel();
    await assertRejects(async () => await source.read(), SendError, "was cancelled");
    const unread = sourceOf(await transport.send(request({ target: "/head" })).response);
    unread.cancel();
    assertEquals(await textOf(await transport.send(request({ target: "/ok" })).response), "ok");
    assertEquals(await Promise.all(resets), [8, 8, 8]);
    assertEquals(origin.connections(), 1);
  });
});

Deno.test("a request's body that fails, or is shorter than its length, resets its stream", async () => {
  await against((stream) => stream.resume(), async (transport) => {
    const broken = sourceFrom(async function* () {
      yield "one";
      throw new Error("as it was");
    }());
    const whole = new TextEncoder().encode("one");
    for (
      const [sent, message] of [
        [request({ method: "POST", body: broken }), "as it was"],
        [post(5, sourceFrom(async function* () {}())), "is 5 bytes shorter than"],
        [post(5, whole), "is 2 bytes shorter than"],
      ] as const
    ) {
      const { response } = transport.send(sent);
      await assertRejects(() => response, SendError, message);
    }
  });
});

Deno.test("a request's body that is longer than its length is cut at it", async () => {
  await against((stream) => {
    let text = "";
    stream.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
    stream.on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end(text);
    });
  }, async (transport) => {
    const streamed = sourceFrom(async function* () {
      yield "he";
      yield "llo";
    }());
    for (const body of [new TextEncoder().encode("hello"), streamed]) {
      assertEquals(await textOf(await transport.send(post(3, body)).response), "hel");
    }
  });
});

Deno.test("fields and paths that HTTP/2 cannot carry are refused, and their bodies let go", async () => {
  await against(ok, async (transport) => {
    const body = sourceFrom(async function* () {}());
    const { response } = transport.send(request({ method: "POST", target: "/a b", body }));
    assertEquals(await failureOf(() => response), "http_request_uri_invalid");
    await body.cancelled;
    const twice = transport.send(request({ headers: ["Content-Type", "a", "Content-Type", "b"] }));
    assertEquals(await failureOf(() => twice.response), "http_protocol_error");
    assertEquals(await textOf(await transport.send(request()).response), "ok");
  });
});

// Negotiation

Deno.test("a TLS backend that offers HTTP/2 is spoken to in it, over one connection", async () => {
  const origin = await secureOrigin(ok, { ...identity, allowHTTP1: true });
  for (const host of ["127.0.0.1", "localhost"]) {
    const url = origin.url.replace("127.0.0.1", host);
    const before = origin.connections();
    const transport = httpTransport({ url, tls: { ca } });
    const sends = Array.from({ length: 5 }, () => transport.send(request()).response);
    for (const { version } of await Promise.all(sends)) assertEquals(version, HttpVersion.h2);
    assertEquals(origin.connections() - before, 1);
    transport.close();
  }
  await origin.close();
});

Deno.test("a TLS backend without HTTP/2 gets HTTP/1.1, from the connection that asked on", async () => {
  const origin = await http1Origin();
  const transport = httpTransport({ url: origin.url, tls: { ca } });
  for (let i = 0; i < 3; i++) {
    const answer = await transport.send(request()).response;
    assertEquals([answer.version, await textOf(answer)], [HttpVersion.http11, "ok"]);
    await givenBack();
  }
  assertEquals(origin.connections(), 1);
  const sends = Array.from({ length: 3 }, () => transport.send(request()).response.then(textOf));
  assertEquals(await Promise.all(sends), ["ok", "ok", "ok"]);
  assertEquals(origin.connections(), 3);
  transport.close();
  await origin.close();
});

Deno.test("requests that come while the version is asked for wait for the answer", async () => {
  const origin = await http1Origin();
  const transport = httpTransport({ url: origin.url, tls: { ca }, timeouts: { connect: 5000 } });
  const post = request({ method: "POST", body: "x" });
  const sends = [request(), post, request()].map((sent) =>
    transport.send(sent).response.then(textOf)
  );
  assertEquals(await Promise.all(sends), ["ok", "ok", "ok"]);
  assertEquals(origin.connections(), 3);
  transport.close();
  await origin.close();
});

Deno.test("HTTP/2 is not offered to a backend that is not to have it", async () => {
  const origin = await http1Origin(["h2", "http/1.1"]); // it would choose HTTP/2, which it cannot speak
  const transport = httpTransport({ url: origin.url, tls: { ca }, http2: false });
  const answer = await transport.send(request()).response;
  assertEquals([answer.version, await textOf(answer)], [HttpVersion.http11, "ok"]);
  transport.close();
  await origin.close();
});

Deno.test("gRPC is not sent to a TLS backend that does not speak HTTP/2", async () => {
  const origin = await http1Origin();
  const transport = httpTransport({ url: origin.url, tls: { ca }, grpc: true });
  const failure = await failureOf(() => transport.send(request()).response);
  assert(failure === "http_protocol_error" || failure === "tls_alert_received", failure);
  transport.close();
  await origin.close();
});

Deno.test("a refused connection and a bad certificate are different failures where HTTP/2 is offered", async () => {
  const origin = await secureOrigin(ok, identity);
  const stranger = await createAuthority();
  const wrong = httpTransport({ url: origin.url, tls: { ca: stranger.ca }, grpc: true });
  assertEquals(await failureOf(() => wrong.send(request()).response), "tls_certificate_error");
  await origin.close();
  const body = sourceFrom(async function* () {}());
  const { response } = httpTransport({ url: origin.url, tls: { ca } })
    .send(request({ method: "POST", body }));
  assertEquals(await failureOf(() => response), "connection_refused");
  await body.cancelled;
});

Deno.test("an origin that speaks HTTP/1.1 in the clear is a protocol error to gRPC", async () => {
  const origin = rawOrigin(async (wire) => {
    await wire.until("\r\n\r\n");
    await wire.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    await wire.rest();
  });
  const { response } = httpTransport({ url: origin.url, grpc: true }).send(request());
  assertEquals(await failureOf(() => response), "http_protocol_error");
  await origin.close();
});
