import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "../assert.ts";
import type { Exchange } from "../../service/http/exchange.ts";
import { EMPTY, fromReadable } from "../../service/http/bytes.ts";
import { listen } from "../../server/listener.ts";
import { answerText, bytes, head, serving, textOf, Wire } from "./wire.ts";

function withoutOwn(text: string): string {
  return text.replace(/^(Date|Connection|Keep-Alive): .*\r\n/gm, "");
}

Deno.test("a request's fields arrive in the wire's case and order, repeats apart", async () => {
  let seen: Exchange | undefined;
  await using server = await serving((exchange) => answerText(seen = exchange, "ok"));
  using wire = await Wire.open(server.port);
  await wire.send(
    "GET /a/%7Eb?q=1&q=%20 HTTP/1.1\r\nhOsT: example.com:81\r\nX-One: 1\r\nx-two: b\xe9\r\nX-ONE: 2\r\ncookie: a\r\ncookie: b\r\n\r\n",
  );
  await wire.until("ok");
  assertEquals(seen!.head.method, "GET");
  assertEquals(seen!.head.url, "http://example.com:81/a/%7Eb?q=1&q=%20");
  assertEquals(seen!.head.version, 2);
  assertEquals([...seen!.head.headers.raw], [
    ...["hOsT", "example.com:81", "X-One", "1", "x-two", "b\xe9", "X-ONE", "2"],
    ...["cookie", "a", "cookie", "b"],
  ]);
  assertEquals(seen!.body, EMPTY);
});

Deno.test("a response's fields leave in the guest's case and order, repeats apart, each character a byte", async () => {
  await using server = await serving((exchange) => {
    const fields = ["x-B", "1", "SET-cookie", "a", "X-b", "caf\xe9", "set-Cookie", "b"];
    exchange.respond(head(201, ...fields, "content-LENGTH", "2"), bytes("é"));
  });
  using wire = await Wire.open(server.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(
    withoutOwn(await wire.until("\xc3\xa9")),
    "HTTP/1.1 201 Created\r\nx-B: 1\r\nSET-cookie: a\r\nX-b: caf\xe9\r\nset-Cookie: b\r\ncontent-LENGTH: 2\r\n\r\n\xc3\xa9",
  );
});

Deno.test("the guest's own Date stands, else there is one", async () => {
  await using server = await serving((exchange) => {
    const date = exchange.head.url.endsWith("/own") ? ["date", "then"] : [];
    exchange.respond(head(204, ...date), EMPTY);
  });
  using wire = await Wire.open(server.port);
  await wire.send("GET /own HTTP/1.1\r\nHost: a\r\n\r\n");
  const own = await wire.until("\r\n\r\n");
  assertStringIncludes(own, "date: then\r\n");
  assert(!own.includes("Date:"));
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertMatch(await wire.until("\r\n\r\n"), /\r\nDate: .*GMT\r\n/);
});

Deno.test("a status without a name has an empty reason", async () => {
  await using server = await serving((exchange) => answerText(exchange, "", 799));
  using wire = await Wire.open(server.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(await wire.until("\r\n"), "HTTP/1.1 799 \r\n");
});

Deno.test("a head that cannot be written throws, and leaves room for a 500", async () => {
  const heads = [
    head(1000),
    head(150),
    head(0),
    head(200, "bad name", "x"),
    head(200, "transfer-encoding", "chunked", "a", "b\n"),
  ];
  await using server = await serving((exchange) => {
    const [, index, kind] = exchange.head.url.split("/").slice(2);
    const content = bytes("hidden");
    const body = kind === "whole"
      ? content
      : fromReadable(new Blob([content as Uint8Array<ArrayBuffer>]).stream());
    const error = assertThrows(() => exchange.respond(heads[Number(index)]!, body), Error);
    answerText(exchange, `${error.message}\n`, 500);
  });
  using wire = await Wire.open(server.port);
  for (const [index, why] of ["1000", "150", "0 is", "bad name", "a"].entries()) {
    for (const kind of ["whole", "stream"]) {
      await wire.send(`GET /${index}/${kind} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const text = await wire.until("\r\n\r\n") + await wire.until("\n");
      assertStringIncludes(text, "HTTP/1.1 500 ");
      assertStringIncludes(text, why);
    }
  }
});

Deno.test("informational heads go out before the response, in case and order", async () => {
  await using server = await serving((exchange) => {
    exchange.inform(head(103, "LINK", "</a>", "Link", "</b>"));
    exchange.inform(head(102));
    exchange.inform(head(200, "not", "informational"));
    answerText(exchange, "ok");
    exchange.inform(head(103, "too", "late"));
  });
  using wire = await Wire.open(server.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(
    withoutOwn(await wire.until("ok")),
    "HTTP/1.1 103 Early Hints\r\nLINK: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  );
});

Deno.test("an informational head is on the wire while the guest still works", async () => {
  const go = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    exchange.inform(head(103, "Link", "</a>"));
    await go.promise;
    answerText(exchange, "ok");
  });
  using wire = await Wire.open(server.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(await wire.until("\r\n\r\n"), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  go.resolve();
  await wire.until("ok");
});

Deno.test("a client of HTTP/1.0 gets no informational head, no chunks, and a close", async () => {
  let version: number | undefined;
  let url = "";
  await using server = await serving((exchange) => {
    ({ version, url } = exchange.head);
    exchange.inform(head(103, "Link", "</a>"));
    const fields = ["Transfer-Encoding", "chunked", "Trailer", "x"];
    let left = 2;
    exchange.respond(head(200, ...fields), {
      length: undefined,
      trailers: undefined,
      read: () => left-- ? bytes("abc") : undefined,
      cancel() {},
    });
  });
  using wire = await Wire.open(server.port);
  await wire.send("GET /x HTTP/1.0\r\n\r\n");
  const text = await wire.rest();
  assertEquals(
    withoutOwn(text),
    "HTTP/1.1 200 OK\r\n\r\nabcabc",
  );
  assertStringIncludes(text, "Connection: close\r\n");
  assertEquals(version, 1);
  assertEquals(url, `http://127.0.0.1:${server.port}/x`);
});

Deno.test("the answer to HEAD has the head and no body", async () => {
  let cancelled = false;
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/whole")) return answerText(exchange, "four");
    exchange.respond(head(200, "Trailer", "x", "transfer-encoding", "chunked"), {
      length: undefined,
      trailers: undefined,
      read: () => bytes("never"),
      cancel: () => void (cancelled = true),
    });
  });
  using wire = await Wire.open(server.port);
  await wire.send("HEAD /whole HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(
    withoutOwn(await wire.until("\r\n\r\n")),
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
  );
  await wire.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(withoutOwn(await wire.until("\r\n\r\n")), "HTTP/1.1 200 OK\r\n\r\n");
  assert(cancelled);
});

Deno.test("a target's host is the URL's and the Host field's, its scheme is the connection's (RFC 9112, section 3.2)", async () => {
  await using server = await serving((exchange) => {
    const { url, headers } = exchange.head;
    answerText(exchange, `${url} ${headers.get("host")}\n`);
  });
  using wire = await Wire.open(server.port);
  for (
    const [line, url, host] of [
      ["GET https://other.example/p?q HTTP/1.1", "http://other.example/p?q", "other.example"],
      ["GET HTTP://other.example:81?q HTTP/1.1", "http://other.example:81/?q", "other.example:81"],
      ["GET http://[::1] HTTP/1.1", "http://[::1]/", "[::1]"],
      ["OPTIONS * HTTP/1.1", "http://host.example/*", "host.example"],
      ["GET //double/slash HTTP/1.1", "http://host.example//double/slash", "host.example"],
    ]
  ) {
    await wire.send(`${line}\r\nHost: host.example\r\n\r\n`);
    await wire.until("\r\n\r\n");
    assertEquals(await wire.until("\n"), `${url} ${host}\n`);
  }
});

Deno.test("pipelined requests run one after another, in order, those with content too", async () => {
  const running = new Set<string>();
  await using server = await serving(async (exchange) => {
    const name = exchange.head.url.slice(-1);
    running.add(name);
    assertEquals(running.size, 1);
    if (name === "1") await new Promise((resolve) => setTimeout(resolve, 20));
    const text = await textOf(exchange.body);
    assertEquals([...running], [name]);
    running.delete(name);
    answerText(exchange, name + text);
  });
  using wire = await Wire.open(server.port);
  const get = (path: string) => `GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const post = (path: string) => `POST /${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`;
  await wire.send(post("1") + get("2") + post("3"));
  for (const text of ["1hi", "2", "3hi"]) {
    await wire.until("\r\n\r\n");
    assertEquals(await wire.exactly(text.length), text);
  }
  assertEquals((await server.logged(3)).map((line) => line.target), ["/1", "/2", "/3"]);
});

Deno.test("any token is a method, in its own case", async () => {
  await using server = await serving((exchange) => answerText(exchange, exchange.head.method));
  using wire = await Wire.open(server.port);
  for (const method of ["BREW", "get", "PosT", "HELLO", "M-SEARCH", "!#$%&'*+-.^_`|~09"]) {
    await wire.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    await wire.until("\r\n\r\n");
    assertEquals(await wire.exactly(method.length), method);
  }
});

Deno.test("only HEAD is HEAD: the response to head has content", async () => {
  await using server = await serving((exchange) => answerText(exchange, "content"));
  using wire = await Wire.open(server.port);
  await wire.send("head / HTTP/1.1\r\nHost: a\r\n\r\n");
  await wire.until("\r\n\r\ncontent");
});

Deno.test("the client's facts are its addresses", async () => {
  let seen: Exchange["client"] | undefined;
  await using server = await serving((exchange) => {
    seen = exchange.client;
    answerText(exchange, "ok");
  });
  using wire = await Wire.open(server.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await wire.until("ok");
  assertEquals(seen!.address, "127.0.0.1");
  assertEquals([seen!.serverAddress, seen!.serverPort], ["127.0.0.1", server.port]);
  assert(seen!.port > 0);
});

Deno.test("a request for an unsupported upgrade is an ordinary request", async () => {
  await using server = await serving((exchange) => {
    answerText(exchange, exchange.head.headers.get("upgrade") ?? "none");
  });
  using wire = await Wire.open(server.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  assertStringIncludes(await wire.until("websocket"), "HTTP/1.1 200 OK");
});

const REFUSED: [what: string, text: string, status: number][] = [
  ["garbage", "garbage\r\n\r\n", 400],
  ["a request without Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["a Host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["a second Host", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: a\r\n\r\n", 400],
  ["a target without a host", "GET http:///p HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a target with a user", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  [
    "chunks in HTTP/1.0",
    "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  ["a CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501],
  ["headers beyond 128 KiB", `GET / HTTP/1.1\r\nHost: a\r\nx: ${"x".repeat(140_000)}\r\n\r\n`, 431],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    400,
  ],
];
for (const [what, text, status] of REFUSED) {
  Deno.test(`${what} is answered with ${status} and a close`, async () => {
    await using server = await serving((exchange) => answerText(exchange, "reached the guest"));
    using wire = await Wire.open(server.port);
    await wire.send(text);
    const answer = await wire.rest();
    assertStringIncludes(answer, `HTTP/1.1 ${status} `);
    assert(!answer.includes("reached the guest"));
  });
}

Deno.test("headers up to 128 KiB reach the guest", async () => {
  await using server = await serving((exchange) => {
    answerText(exchange, `${exchange.head.headers.get("x")?.length}\n`);
  });
  using wire = await Wire.open(server.port);
  await wire.send(`GET / HTTP/1.1\r\nHost: a\r\nx: ${"x".repeat(120_000)}\r\n\r\n`);
  await wire.until("\r\n\r\n");
  assertEquals(await wire.until("\n"), "120000\n");
});

Deno.test("thousands of fields reach the guest", async () => {
  await using server = await serving((exchange) => {
    answerText(exchange, `${exchange.head.headers.size}\n`);
  });
  using wire = await Wire.open(server.port);
  await wire.send(`GET / HTTP/1.1\r\nHost: a\r\n${"a: b\r\n".repeat(5000)}\r\n`);
  await wire.until("\r\n\r\n");
  assertEquals(await wire.until("\n"), "5001\n");
});

Deno.test("an answer that never responds, or fails, is a 500", async () => {
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/fail")) throw new Error("broken");
  });
  using wire = await Wire.open(server.port);
  for (const path of ["/silent", "/fail"]) {
    await wire.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assertStringIncludes(await wire.until("no response\n"), "HTTP/1.1 500 ");
  }
  assertEquals(server.troubles.length, 1);
  assertStringIncludes(server.troubles[0]!, "broken");
});

Deno.test("the access log has method, path, client, status, time and bytes", async () => {
  await using server = await serving((exchange) => answerText(exchange, "twelve bytes", 404));
  using wire = await Wire.open(server.port);
  await wire.send("PUT /a?b HTTP/1.1\r\nHost: a\r\n\r\n");
  await wire.until("twelve bytes");
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await wire.until("twelve bytes");
  const { millis, metrics: _, ...rest } = server.lines[0]!;
  assertEquals(rest, {
    client: "127.0.0.1",
    method: "PUT",
    target: "/a?b",
    status: 404,
    bytes: 12,
    whole: true,
  });
  assert(millis >= 0 && millis < 10_000);
});

Deno.test("localhost is both of its addresses, on one port", async () => {
  const listener = await listen({
    hostname: "localhost",
    port: 0,
    answer: (exchange) => Promise.resolve(answerText(exchange, "ok")),
  });
  assertEquals(listener.url, `http://localhost:${listener.port}`);
  assert(listener.addresses.includes("127.0.0.1"));
  for (const hostname of listener.addresses) {
    const connection = await Deno.connect({ hostname, port: listener.port });
    await connection.write(bytes("GET / HTTP/1.0\r\n\r\n"));
    assertStringIncludes(await new Response(connection.readable).text(), "200 OK");
  }
  await listener.drain(0);
});
