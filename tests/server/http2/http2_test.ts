import { Buffer } from "node:buffer";
import { connect, constants } from "node:http2";
import type { Exchange } from "../../../service/http/exchange.ts";
import { EMPTY } from "../../../service/http/bytes.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { answerText, bytes, head, readAll, serving, Tap, textOf } from "../wire.ts";
import { curl } from "../../curl.ts";
import {
  AHEAD,
  block,
  END_HEADERS,
  frame,
  H2C,
  number,
  RawConnection,
  request,
  statusOf,
  TYPE,
} from "./frames.ts";

/** Response to a request of a node:http2 client. */
interface Got {
  readonly status: number;
  /** Fields in order, without `date`. */
  readonly fields: readonly string[];
  readonly early: readonly (readonly string[])[];
  readonly trailers: readonly string[];
  readonly body: string;
  readonly code: number;
}

/** Sends one request by node's client. */
async function ask(
  port: number,
  path: string,
  { fields = {}, body = undefined as string | undefined } = {},
): Promise<Got> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const stream = session.request({
    ":path": path,
    ...body !== undefined && { ":method": "POST" },
    ...fields,
  });
  const early: string[][] = [];
  let [status, list, trailers, text]: [number, string[], string[], string] = [0, [], [], ""];
  // deno-lint-ignore no-explicit-any -- the raw fields are not in the types
  const raw = (args: any[]) => (args[2] as string[] | undefined) ?? [];
  stream.on("headers", (...args) => early.push(raw(args)));
  stream.on("response", (...args) => {
    list = raw(args);
    status = Number(args[0][":status"]);
  });
  stream.on("trailers", (...args) => trailers = raw(args));
  stream.on("data", (chunk: Buffer) => text += chunk.toString("latin1"));
  stream.on("error", () => {});
  if (body === undefined) stream.end();
  else stream.end(body);
  await new Promise<void>((resolve) => stream.on("close", resolve));
  const code = stream.rstCode ?? 0;
  session.destroy();
  const plain: string[] = [];
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] !== ":status" && list[i] !== "date") plain.push(list[i]!, list[i + 1]!);
  }
  return { status, fields: plain, early, trailers, body: text, code };
}

Deno.test("a request of HTTP/2 has its fields in order, repeats apart, with a Host and one Cookie field as in HTTP/1", async () => {
  let seen: Exchange | undefined;
  await using server = await serving((exchange) => answerText(seen = exchange, "ok"), H2C);
  using raw = await RawConnection.open(server.port);
  const fields: [string, string][] = [
    ["x-one", "1"],
    ["cookie", "a=1"],
    ["x-two", "caf\xe9"],
    ["cookie", "b=2"],
    ["x-one", "2"],
    ["content-type", "a"],
    ["content-type", "b"],
    ["host", "other.test"],
  ];
  await raw.send(request(1, "/a/%7Eb?q=1", { fields }));
  await raw.find(({ type, stream }) => type === TYPE.data && stream === 1);
  assertEquals(seen!.head.method, "GET");
  assertEquals(seen!.head.url, "http://a.test/a/%7Eb?q=1");
  assertEquals(seen!.head.version, 3);
  assertEquals([...seen!.head.headers.raw], [
    ...["host", "a.test", "x-one", "1", "cookie", "a=1; b=2", "x-two", "caf\xe9"],
    ...["x-one", "2", "content-type", "a", "content-type", "b"],
  ]);
  assertEquals(seen!.body, EMPTY);
});

Deno.test("a response has its fields in order, repeats apart, each character a byte, without those of a connection", async () => {
  await using server = await serving((exchange) => {
    const fields = [
      "X-B",
      "1",
      "Set-Cookie",
      "a",
      "x-b",
      "caf\xe9",
      "set-cookie",
      "b",
      "x-utf8",
      " voil\xc3\xa0\t", // the byte 160 is one that JavaScript trims
      "Content-Type",
      "c",
    ];
    const hop = [
      "Connection",
      "close",
      "Keep-Alive",
      "x",
      "Transfer-Encoding",
      "chunked",
      "content-type",
      "d",
    ];
    exchange.respond(head(201, ...fields, ...hop), bytes("done"));
  }, H2C);
  const { status, fields, body } = await ask(server.port, "/");
  assertEquals([status, body], [201, "done"]);
  assertEquals(fields, [
    ...["x-b", "1", "set-cookie", "a", "x-b", "caf\xe9", "set-cookie", "b"],
    ...["x-utf8", "voil\xc3\xa0"],
    ...["content-type", "c", "content-type", "d"],
  ]);
  assertEquals((await server.logged(1)).map(({ status, bytes, whole }) => [status, bytes, whole]), [
    [
      201,
      4,
      true,
    ],
  ]);
});

Deno.test("content goes both ways, with its length and without", async () => {
  await using server = await serving(async (exchange) => {
    const text = await textOf(exchange.body);
    answerText(exchange, `${text.length}`);
  }, H2C);
  const long = "x".repeat(3_000_000);
  for (const body of ["", "abc"]) {
    const { stdout } = await curl(AHEAD, "-d", body, `http://127.0.0.1:${server.port}/`);
    assertEquals(stdout, String(body.length));
  }
  assertEquals((await ask(server.port, "/", { body: long })).body, "3000000");
});

Deno.test("a streamed response arrives as it is written, with its trailers, and a 103 before it", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => {
    exchange.inform(head(103, "Link", "</a>", "link", "</b>"));
    exchange.respond(head(200, "Trailer", "x-sum"), tap);
  }, H2C);
  const asked = ask(server.port, "/");
  tap.push("one ");
  tap.push("two");
  tap.end("X-Sum", "7", "x-other", "caf\xe9");
  const { early, body, trailers, status } = await asked;
  assertEquals([status, body], [200, "one two"]);
  assertEquals(early, [[":status", "103", "link", "</a>", "link", "</b>"]]);
  assertEquals(trailers, ["x-sum", "7", "x-other", "caf\xe9"]);
});

Deno.test("a streamed response without trailers ends well for curl and node", async () => {
  await using server = await serving((exchange) => {
    const tap = new Tap();
    exchange.respond(head(200), tap);
    tap.push("all of it");
    tap.end();
  }, H2C);
  assertEquals((await ask(server.port, "/")).body, "all of it");
  const { code, stdout } = await curl(AHEAD, `http://127.0.0.1:${server.port}/`);
  assertEquals([code, stdout], [0, "all of it"]);
});

Deno.test("a response that fails, or is shorter than declared, is cut off by a reset", async () => {
  await using server = await serving((exchange) => {
    const tap = new Tap();
    const declared = exchange.head.url.endsWith("/short") ? ["content-length", "100"] : [];
    exchange.respond(head(200, ...declared), tap);
    tap.push("some");
    if (declared.length) tap.end();
    else tap.fail(new Error("broken"));
  }, H2C);
  for (const path of ["/short", "/broken"]) {
    const { status, code } = await ask(server.port, path);
    assertEquals([status, code], [200, constants.NGHTTP2_INTERNAL_ERROR], path);
  }
  assertEquals((await server.logged(2)).map(({ whole }) => whole), [false, false]);
});

Deno.test("HEAD, 204 and 304 have no content, and a status that cannot be sent throws", async () => {
  await using server = await serving((exchange) => {
    const status = Number(exchange.head.url.split("/").at(-1));
    try {
      exchange.respond(head(status, "content-length", "4"), bytes("four"));
    } catch (error) {
      answerText(exchange, (error as Error).message, 500);
    }
  }, H2C);
  const toHead = await ask(server.port, "/200", { fields: { ":method": "HEAD" } });
  assertEquals([toHead.status, toHead.body, toHead.fields], [200, "", ["content-length", "4"]]);
  for (const status of [204, 304]) {
    const got = await ask(server.port, `/${status}`);
    assertEquals([got.status, got.body], [status, ""]);
  }
  const strange = await ask(server.port, "/799");
  assertEquals(strange.status, 500);
  assertMatch(strange.body, /^799 is not a status that HTTP\/2 can send here/);
});

Deno.test("a reset of the stream cancels the content of its request, and reaches the guest", async () => {
  const gone = Promise.withResolvers<string>();
  const failed = Promise.withResolvers<string>();
  await using server = await serving(async (exchange) => {
    exchange.onGone((reason) => gone.resolve(reason.message));
    await readAll(exchange.body).catch((error) => failed.resolve(error.message));
  }, H2C);
  using raw = await RawConnection.open(server.port);
  await raw.send(
    request(1, "/", { method: "POST", ends: false }),
    frame(TYPE.data, 0, 1, bytes("a")),
  );
  await raw.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
  await raw.find(({ type }) => type === TYPE.ping);
  await raw.send(frame(TYPE.reset, 0, 1, number(8)));
  assertStringIncludes(await failed.promise, "the client has left");
  assertStringIncludes(await gone.promise, "The client has left");
});

Deno.test("a response ends a request whose content still comes, and the client is asked to stop", async () => {
  await using server = await serving((exchange) => answerText(exchange, "enough"), H2C);
  using raw = await RawConnection.open(server.port);
  await raw.send(request(1, "/", { method: "POST", ends: false }));
  await raw.send(frame(TYPE.data, 0, 1, bytes("a")));
  const data = await raw.find(({ type, stream }) => type === TYPE.data && stream === 1);
  assertEquals(data?.payload.toString(), "enough");
  const reset = await raw.find(({ type, stream }) => type === TYPE.reset && stream === 1);
  assertEquals(reset?.payload.readUInt32BE(0), constants.NGHTTP2_NO_ERROR);
  assertEquals((await server.logged(1)).map(({ whole }) => whole), [true]);
});

Deno.test("Expect: 100-continue is granted when the content is read first", async () => {
  await using server = await serving(async (exchange) => {
    if (exchange.head.url.endsWith("/never")) return answerText(exchange, "no");
    answerText(exchange, await textOf(exchange.body));
  }, H2C);
  for (const [path, body] of [["/read", "abc"], ["/never", "no"]]) {
    const fields = ["-H", "Expect: 100-continue", "-d", "abc"];
    const { stdout } = await curl(AHEAD, "-i", ...fields, `http://127.0.0.1:${server.port}${path}`);
    assertEquals(stdout.includes("HTTP/2 100"), path === "/read");
    assert(stdout.endsWith(`\r\n\r\n${body}`), stdout);
  }
});

Deno.test("requests that are none get their status, and the connection goes on", async () => {
  await using server = await serving((exchange) => answerText(exchange, "ok"), {
    ...H2C,
    lineBytes: 1000,
    headBytes: 5000,
  });
  using raw = await RawConnection.open(server.port);
  const cases: [Buffer, string][] = [
    [request(1, "/a#b"), "400"],
    [request(3, `/${"x".repeat(1001)}`), "414"],
    [request(5, "/", { fields: [["x", "y".repeat(5000)]] }), "431"],
    [
      frame(
        TYPE.headers,
        END_HEADERS,
        7,
        block([[":method", "CONNECT"], [":authority", "a.test:443"]]),
      ),
      "501",
    ],
    [request(9, "/", { fields: [["expect", "more"]] }), "417"],
    [request(11, "/ok"), "200"],
  ];
  for (const [at, [bytes, status]] of cases.entries()) {
    await raw.send(bytes);
    const answer = await raw.find((one) => one.stream === at * 2 + 1);
    assert(answer?.type === TYPE.headers, `${status}: ${answer?.type}`);
    assertEquals(statusOf(answer.payload), status);
  }
});
