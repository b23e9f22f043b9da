import { HttpVersion } from "../../service/http/exchange.ts";
import { type ByteSource, collect } from "../../service/http/bytes.ts";
import { HostError } from "../../service/errors.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { type Bench, bench, BUF, FINISHED, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const RESP = "fastly_http_resp";
const BODY = "fastly_http_body";
const { ok, error, inval, badf, none } = XqdStatus;

async function response(b: Bench, status = 200, ...fields: [string, string][]): Promise<number> {
  const response = await b.got(RESP, "new");
  assertEquals(b.now(RESP, "status_set", response, status), ok);
  for (const [name, value] of fields) {
    assertEquals(b.now(RESP, "header_append", response, name, value), ok);
  }
  return response;
}

Deno.test("a new response is 200 over HTTP/1.1 without fields", async () => {
  using b = bench();
  const response = await b.got(RESP, "new");
  b.memory.setU32(OUT, UNTOUCHED);
  assertEquals(b.now(RESP, "status_get", response, OUT), ok);
  assertEquals(b.memory.u16(OUT), 200);
  assertEquals(b.memory.u16(OUT + 2), UNTOUCHED >>> 16, "two bytes are written, not four");
  assertEquals(await b.got(RESP, "version_get", response), HttpVersion.http11);
  assertEquals((await b.page(RESP, "header_names_get", [response])).next, FINISHED);
});

Deno.test("a status is any number from 100 to 999", async () => {
  using b = bench();
  const response = await b.got(RESP, "new");
  for (const status of [100, 103, 404, 599, 999]) {
    assertEquals(b.now(RESP, "status_set", response, status), ok);
    assertEquals(b.now(RESP, "status_get", response, OUT), ok);
    assertEquals(b.memory.u16(OUT), status);
  }
  for (const status of [0, 99, 1000, 65_736, -1]) {
    assertEquals(b.now(RESP, "status_set", response, status), inval);
    assertEquals(b.now(RESP, "status_get", response, OUT), ok);
    assertEquals(b.memory.u16(OUT), 999);
  }
});

Deno.test("a response has header calls of its own", async () => {
  using b = bench();
  const handle = await response(b, 200, ["Set-Cookie", "a"], ["set-cookie", "b"]);
  assertEquals((await b.page(RESP, "header_values_get", [handle, "set-cookie"])).values, [
    "a",
    "b",
  ]);
  const request = await b.request();
  assertEquals((await b.read(RESP, "header_value_get", [request, "set-cookie"])).status, badf);
  assertEquals(b.now(RESP, "close", handle), ok);
  assertEquals(b.now(RESP, "header_remove", handle, "set-cookie"), badf);
});

Deno.test("send_downstream answers the client and takes both handles", async () => {
  using b = bench();
  const handle = await response(b, 201, ["X-Own", "1"], ["x-own", "2"]);
  const body = await b.body("hello");
  assertEquals(b.now(RESP, "send_downstream", handle, body, 0), ok);
  const { head } = await b.exchange.response();
  assertEquals(head.status, 201);
  assertEquals([...head.headers], [["X-Own", "1"], ["x-own", "2"], ["content-length", "5"]]);
  assertEquals(await b.exchange.responseText(), "hello");
  assertEquals(b.now(RESP, "close", handle), badf);
  assertEquals(b.now(BODY, "close", body), badf);
});

Deno.test("a second response is refused", async () => {
  using b = bench();
  assertEquals(b.now(RESP, "send_downstream", await response(b), await b.body("one"), 0), ok);
  const [second, body] = [await response(b), await b.body("two")];
  assertEquals(b.now(RESP, "send_downstream", second, body, 0), error);
  assertEquals(b.now(BODY, "close", body), badf, "the handles are gone all the same");
  assertEquals(await b.exchange.responseText(), "one");
});

Deno.test("a bad handle sends nothing", async () => {
  using b = bench();
  const [handle, body] = [await response(b), await b.body("x")];
  assertEquals(b.now(RESP, "send_downstream", body, handle, 0), badf);
  assertEquals(b.now(RESP, "send_downstream", 0, body, 0), badf);
  assertEquals(b.now(RESP, "send_downstream", handle, 0, 0), badf);
  assertEquals(b.exchange.responses, []);
  assertEquals(b.now(BODY, "close", body), ok);
});

Deno.test("a streaming body goes on after the head, and close ends it well", async () => {
  using b = bench();
  const body = await b.body("first ");
  assertEquals(b.now(RESP, "send_downstream", await response(b), body, 1), ok);
  const { head, body: sent } = await b.exchange.response();
  assertEquals([...head.headers], []);
  assertEquals(sent.length, undefined);
  assertEquals(b.now(BODY, "write", body, "second", 0, OUT), ok);
  assertEquals(b.memory.u32(OUT), 6);
  assertEquals(b.now(BODY, "trailer_append", body, "x-sum", "1"), ok);
  assertEquals(b.now(BODY, "close", body), ok);
  assertEquals(await b.exchange.responseText(), "first second");
  assertEquals([...(sent as ByteSource).trailers ?? []], [["x-sum", "1"]]);
  assertEquals(b.now(BODY, "write", body, "late", 0, OUT), badf);
});

for (const [how, end] of [["abandoned", "abandon"], ["left open", undefined]] as const) {
  Deno.test(`a streaming body that is ${how} is cut short`, async () => {
    const b = bench();
    const body = await b.body("begun");
    assertEquals(b.now(RESP, "send_downstream", await response(b), body, 1), ok);
    const { body: sent } = await b.exchange.response();
    if (end) assertEquals(b.now(BODY, end, body), ok);
    else b.sandbox.end();
    await assertRejects(() => collect(sent), HostError, "did not finish");
    b[Symbol.dispose]();
  });
}

Deno.test("a streaming body can only be written to from then on", async () => {
  using b = bench();
  const body = await b.body("x");
  assertEquals(b.now(RESP, "send_downstream", await response(b), body, 1), ok);
  assertEquals(b.now(BODY, "read", body, BUF, 10, OUT), badf);
  assertEquals(b.now(BODY, "write", body, "y", 1, OUT), badf);
  assertEquals((await b.page(BODY, "trailer_names_get", [body])).status, inval);
  assertEquals(b.now(BODY, "known_length", body, OUT), none);
});

Deno.test("a streaming body cannot be sent or appended, and stays unchanged", async () => {
  using b = bench({ backends: { origin: () => new Response("no") } });
  const body = await b.body("a");
  assertEquals(b.now(RESP, "send_downstream", await response(b), body, 1), ok);
  const send = (name: string, ...args: number[]) =>
    b.request().then((request) =>
      b.call("fastly_http_req", name, request, body, "origin", ...args)
    );
  assertEquals(await send("send", OUT, OUT + 4), badf);
  assertEquals(await send("send_async", OUT), badf);
  assertEquals(await send("send_async_streaming", OUT), badf);
  const request = await b.request();
  assertEquals(b.now("fastly_http_req", "send_async_v2", request, body, "origin", 0, OUT), badf);
  assertEquals(b.now(BODY, "append", await b.body(), body), badf);
  assertEquals(b.now(RESP, "send_downstream", await response(b), body, 0), badf);
  assertEquals(b.now(BODY, "write", body, "b", 0, OUT), ok);
  assertEquals(b.now(BODY, "close", body), ok);
  assertEquals(await b.exchange.responseText(), "ab");
});

Deno.test("a response with a body that is being streamed elsewhere leaves the client to be answered", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  using b = bench({ backends: { origin: () => promise } });
  const body = await b.body("a");
  const request = await b.request("http://o/", "POST");
  const send = b.call("fastly_http_req", "send_async_streaming", request, body, "origin", OUT);
  assertEquals(send, ok);
  for (const streaming of [0, 1]) {
    assertEquals(b.now(RESP, "send_downstream", await response(b, 500), body, streaming), badf);
  }
  assertEquals(b.exchange.responses, []);
  assertEquals(b.now(RESP, "send_downstream", await response(b), await b.body("right"), 0), ok);
  assertEquals(await b.exchange.responseText(), "right");
  resolve(new Response());
});

Deno.test("a note that the handles of a 103 stay is logged once for a request, at debug level", async () => {
  using b = bench();
  for (let i = 0; i < 3; i++) {
    assertEquals(b.now(RESP, "send_downstream", await response(b, 103), await b.body(), 0), ok);
  }
  assertEquals(b.logs, [{
    kind: "host",
    level: "debug",
    message: "The guest sent a response with status 103: its handles stay valid here, while " +
      "Fastly's network consumes them",
    requestId: b.sandbox.requests.current.id,
  }]);
});

Deno.test("103 informs the client as often as it is sent, and both handles stay", async () => {
  using b = bench();
  const [hints, body] = [
    await response(b, 103, ["link", "</a>"], ["content-length", "4"]),
    await b.body(),
  ];
  assertEquals(b.now(RESP, "send_downstream", hints, body, 0), ok);
  assertEquals(b.now(RESP, "header_insert", hints, "link", "</b>"), ok);
  assertEquals(b.now(RESP, "send_downstream", hints, body, 0), ok);
  assertEquals(b.exchange.informed.map(({ status, headers }) => [status, [...headers]]), [
    [103, [["link", "</a>"]]],
    [103, [["link", "</b>"]]],
  ]);
  assertEquals(b.exchange.responses, []);
  assertEquals(b.now(RESP, "status_set", hints, 200), ok);
  assertEquals(b.now(RESP, "send_downstream", hints, body, 0), ok);
  assertEquals((await b.exchange.response()).head.status, 200);
  const late = await response(b, 103);
  assertEquals(b.now(RESP, "send_downstream", late, await b.body(), 0), error);
});

for (const status of [100, 101, 102, 104, 199]) {
  Deno.test(`a response of ${status} is refused with Inval and leaves the client to be answered`, async () => {
    using b = bench();
    assertEquals(
      b.now(RESP, "send_downstream", await response(b, status), await b.body(), 0),
      inval,
    );
    assertEquals(b.exchange.responses, []);
    assertEquals(b.now(RESP, "send_downstream", await response(b), await b.body("x"), 0), ok);
    assertEquals(await b.exchange.responseText(), "x");
  });
}

type Fields = [string, string][];
const framings: {
  what: string;
  fields: Fields;
  expected: Fields;
  manual?: boolean;
  status?: number;
  method?: string;
  body?: string;
}[] = [
  {
    what: "automatic framing replaces what the guest says",
    fields: [["Content-Length", "99999"], ["Transfer-Encoding", "gzip"]],
    expected: [["content-length", "4"]],
  },
  {
    what: "manual framing keeps one plain length, even a wrong one",
    manual: true,
    fields: [["Content-Length", "99"]],
    expected: [["Content-Length", "99"]],
  },
  {
    what: "manual framing keeps chunked",
    manual: true,
    fields: [["transfer-encoding", "Chunked"]],
    expected: [["transfer-encoding", "Chunked"]],
  },
  {
    what: "manual framing without framing fields is automatic",
    manual: true,
    fields: [],
    expected: [["content-length", "4"]],
  },
  {
    what: "manual framing with a length that is no number is automatic",
    manual: true,
    fields: [["content-length", "4x"]],
    expected: [["content-length", "4"]],
  },
  {
    what: "manual framing with two lengths is automatic",
    manual: true,
    fields: [["content-length", "4"], ["content-length", "4"]],
    expected: [["content-length", "4"]],
  },
  {
    what: "manual framing with another coding is automatic",
    manual: true,
    fields: [["content-length", "3"], ["transfer-encoding", "gzip, chunked"]],
    expected: [["content-length", "4"]],
  },
  {
    what: "an empty body has length 0",
    body: "",
    fields: [],
    expected: [["content-length", "0"]],
  },
  { what: "204 has no length", status: 204, body: "", fields: [], expected: [] },
  {
    what: "the answer to HEAD keeps the length it declares",
    method: "HEAD",
    body: "",
    fields: [["content-length", "1234"]],
    expected: [["content-length", "1234"]],
  },
  {
    what: "304 keeps the length it declares",
    status: 304,
    body: "",
    fields: [["content-length", "1234"]],
    expected: [["content-length", "1234"]],
  },
];
for (
  const { what, fields, expected, manual, status = 200, method = "GET", body = "body" } of framings
) {
  Deno.test(`${what} in a response`, async () => {
    using b = bench({}, { method });
    const handle = await response(b, status, ...fields);
    assertEquals(b.now(RESP, "framing_headers_mode_set", handle, manual ? 1 : 0), ok);
    assertEquals(b.now(RESP, "send_downstream", handle, await b.body(body), 0), ok);
    assertEquals([...(await b.exchange.response()).head.headers], expected);
  });
}

Deno.test("a response without keep-alive closes the connection", async () => {
  using b = bench();
  const handle = await response(b);
  assertEquals(b.now(RESP, "http_keepalive_mode_set", handle, 2), inval);
  assertEquals(b.now(RESP, "http_keepalive_mode_set", handle, 1), ok);
  assertEquals(b.now(RESP, "send_downstream", handle, await b.body(), 0), ok);
  assertEquals((await b.exchange.response()).head.headers.get("connection"), "close");
});

Deno.test("a response that came over no socket has no address", async () => {
  using b = bench();
  const handle = await response(b);
  b.memory.setU32(OUT, UNTOUCHED);
  b.fill(BUF, 16);
  assertEquals(b.now(RESP, "get_addr_dest_ip", handle, BUF, OUT), none);
  assertEquals(b.now(RESP, "get_addr_dest_port", handle, OUT), none);
  assertEquals(b.memory.u32(OUT), UNTOUCHED);
  b.assertFilled(BUF, 16);
});

Deno.test("a guest that ends without an answer has answered an empty 200", async () => {
  const b = bench();
  b[Symbol.dispose]();
  const { head } = await b.exchange.response();
  assertEquals([head.status, ...head.headers], [200, ["content-length", "0"]]);
});
