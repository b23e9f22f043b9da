import { SEND_FAILURES, SendError, type SendFailure } from "../../service/errors.ts";
import { assert, assertEquals } from "../assert.ts";
import {
  type Bench,
  bench,
  BUF,
  INVALID_HANDLE,
  OUT,
  OUT2,
  turn,
  UNTOUCHED,
  XqdStatus,
} from "./_bench.ts";
import { Origin, replyOf, start } from "./_origins.ts";

const REQ = "fastly_http_req";
const RESP = "fastly_http_resp";
const BODY = "fastly_http_body";
const { ok, error, inval, badf, httpinvalid, httpincomplete, none } = XqdStatus;
/** Address of a `send_error_detail`: bytes behind it must not change. */
const DETAIL = BUF;

function failing(failure: SendFailure, options?: { dnsRcode?: number; tlsAlert?: number }) {
  return {
    backends: {
      origin: (): Response => {
        throw new SendError(failure, "Cannot connect", options);
      },
    },
  };
}

Deno.test("send brings the response and its body", async () => {
  using b = bench({
    backends: {
      origin: async (request) =>
        new Response(`${request.method} ${request.url} ${await request.text()}`, {
          status: 404,
          headers: [["x-a", "1"], ["set-cookie", "b"], ["set-cookie", "c"]],
        }),
    },
  });
  const request = await b.request("http://host.test/path?q", "POST");
  const reply = await replyOf(b, "send", request, await b.body("content"), "origin");
  assertEquals(b.now(RESP, "status_get", reply.response, OUT), ok);
  assertEquals(b.memory.u16(OUT), 404);
  const cookies = await b.page(RESP, "header_values_get", [reply.response, "set-cookie"]);
  assertEquals(cookies.values, ["b", "c"]);
  assertEquals(await b.drain(reply.body), "POST http://host.test/path?q content");
  assertEquals(b.now(RESP, "get_addr_dest_port", reply.response, OUT), none);
});

for (const name of ["send", "send_v2", "send_v3", "send_async", "send_async_v2"]) {
  const extra = { send: [], send_async: [], send_async_v2: [0] }[name] ?? [DETAIL];
  const outs = name.startsWith("send_async") ? [OUT] : [OUT, OUT + 4];

  Deno.test(`${name} takes the request and the body`, async () => {
    using b = bench({ backends: { origin: () => new Response() } });
    const [request, body] = [await b.request(), await b.body()];
    assertEquals(await b.call(REQ, name, request, body, "origin", ...extra, ...outs), ok);
    assertEquals(b.now(REQ, "close", request), badf);
    assertEquals(b.now(BODY, "close", body), badf);
    assertEquals(await b.call(REQ, name, request, body, "origin", ...extra, ...outs), badf);
  });

  Deno.test(`${name} to a backend that nothing defines is Inval and takes both too`, async () => {
    using b = bench();
    const [request, body] = [await b.request(), await b.body()];
    assertEquals(await b.call(REQ, name, request, body, "nowhere", ...extra, ...outs), inval);
    assertEquals(b.now(REQ, "close", request), badf);
    assertEquals(b.now(BODY, "close", body), badf);
  });
}

Deno.test("send_async_streaming keeps the body as a write end", async () => {
  using b = bench({ backends: { origin: async (r) => new Response(await r.text()) } });
  for (const name of ["send_async_streaming", "send_async_v2"]) {
    const body = await b.body("one ");
    const extra = name === "send_async_v2" ? [1] : [];
    const request = await b.request("http://o/", "POST");
    const pending = await b.got(REQ, name, request, body, "origin", ...extra);
    assertEquals(b.now(BODY, "read", body, BUF, 1, OUT), badf);
    assertEquals(await b.got(BODY, "write", body, "two", 0), 3);
    assertEquals(b.now(BODY, "close", body), ok);
    const reply = await replyOf(b, "pending_req_wait", pending);
    assertEquals(await b.drain(reply.body), "one two");
  }
});

const failures: [SendFailure, number][] = [
  ["dns_error", error],
  ["destination_not_found", inval],
  ["connection_refused", error],
  ["connection_timeout", error],
  ["http_response_timeout", error],
  ["tls_certificate_error", error],
  ["http_incomplete_response", httpincomplete],
  ["http_protocol_error", httpinvalid],
  ["internal_error", error],
];
for (const [failure, status] of failures) {
  Deno.test(`a send that ends in ${failure} is ${status}, and the detail tells the rest`, async () => {
    using b = bench(failing(failure));
    for (const name of ["send_v2", "send_v3"]) {
      b.memory.setBytes(DETAIL, new Uint8Array(20));
      const [request, body] = [await b.request(), await b.body()];
      b.memory.setU32(OUT, UNTOUCHED);
      assertEquals(await b.call(REQ, name, request, body, "origin", DETAIL, OUT, OUT + 4), status);
      assertEquals(b.memory.u32(DETAIL), SEND_FAILURES.indexOf(failure));
      assertEquals(b.memory.u32(OUT), UNTOUCHED);
    }
  });
}

Deno.test("the tags of send_error_detail are those of the ABI", () => {
  const tags = Object.fromEntries(SEND_FAILURES.map((failure, tag) => [failure, tag]));
  assertEquals(
    [tags.uninitialized, tags.ok, tags.dns_error, tags.connection_refused, tags.connection_timeout],
    [0, 1, 3, 7, 9],
  );
  assertEquals([tags.tls_certificate_error, tags.http_response_timeout, tags.h2_error], [
    11,
    16,
    25,
  ]);
});

const DNS = 2;
const DNS_INFO = 4;
const TLS = 8;
const masks: [what: string, Parameters<typeof failing>, mask: number, filled: number][] = [
  ["a DNS code that is asked for", ["dns_error", { dnsRcode: 3 }], DNS | DNS_INFO | TLS, DNS],
  ["no DNS code that is not", ["dns_error", { dnsRcode: 3 }], TLS, 0],
  ["a TLS alert that is asked for", ["tls_alert_received", { tlsAlert: 42 }], 30, TLS],
  ["no TLS alert that is not", ["tls_alert_received", { tlsAlert: 42 }], DNS, 0],
];
for (const [what, failure, mask, filled] of masks) {
  Deno.test(`send_error_detail carries ${what}, and the mask says so`, async () => {
    using b = bench(failing(...failure));
    b.fill(DETAIL, 24);
    b.memory.setU32(DETAIL + 4, mask);
    const [request, body] = [await b.request(), await b.body()];
    await b.call(REQ, "send_v2", request, body, "origin", DETAIL, OUT, OUT + 4);
    assertEquals(b.memory.u32(DETAIL + 4), filled);
    assertEquals(b.memory.u16(DETAIL + 8), filled & DNS ? 3 : 0xeeee);
    assertEquals(b.memory.u8(DETAIL + 12), filled & TLS ? 42 : 0xee);
    b.assertFilled(DETAIL + 10, 2);
    b.assertFilled(DETAIL + 13, 11);
  });
}

Deno.test("the eight bytes of JavaScript's send_error_detail are not overrun", async () => {
  for (
    const options of [failing("dns_error", { dnsRcode: 3 }), {
      backends: { origin: () => new Response() },
    }]
  ) {
    using b = bench(options);
    b.fill(DETAIL, 32);
    b.memory.setBytes(DETAIL, new Uint8Array(8));
    const [request, body] = [await b.request(), await b.body()];
    await b.call(REQ, "send_v3", request, body, "origin", DETAIL, OUT, OUT + 4);
    assertEquals(b.memory.u32(DETAIL + 4), 0);
    b.assertFilled(DETAIL + 8, 24);
  }
});

Deno.test("a send that succeeds says so in the detail", async () => {
  using b = bench({ backends: { origin: () => new Response() } });
  b.memory.setBytes(DETAIL, new Uint8Array(20).fill(0));
  b.memory.setU32(DETAIL + 4, 30);
  await replyOf(b, "send_v2", await b.request(), await b.body(), "origin", DETAIL);
  assertEquals([b.memory.u32(DETAIL), b.memory.u32(DETAIL + 4)], [1, 0]);
});

Deno.test("a detail at the end of memory, or outside of it, takes nothing from the status", async () => {
  using b = bench(failing("dns_error", { dnsRcode: 3 }));
  b.memory.setU32(b.memory.size - 4, 30);
  for (const at of [b.memory.size - 8, b.memory.size - 4, 0xffff_ffff, 0]) {
    const [request, body] = [await b.request(), await b.body()];
    assertEquals(await b.call(REQ, "send_v2", request, body, "origin", at, OUT, OUT + 4), error);
  }
});

Deno.test("the host of a request is the guest's field, else that of its URI", async () => {
  const hosts: string[] = [];
  using b = bench({
    backends: {
      origin: (request) => {
        hosts.push(new URL(request.url).host);
        return new Response();
      },
    },
  });
  await replyOf(b, "send", await b.request("http://uri.test/"), await b.body(), "origin");
  const named = await b.request("http://uri.test/");
  assertEquals(b.now(REQ, "header_insert", named, "Host", "field.test"), ok);
  await replyOf(b, "send", named, await b.body(), "origin");
  await replyOf(b, "send", await b.request("/path"), await b.body(), "origin");
  assertEquals(hosts, ["uri.test", "field.test", "origin"]);
});

function gzip(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
}

Deno.test("a gzipped response is decoded only when that is asked for", async (t) => {
  using b = bench({
    cache: false,
    backends: {
      gzip: (request) =>
        new Response(gzip("plain text"), {
          headers: {
            "content-encoding": new URL(request.url).pathname.slice(1),
            "content-length": "7",
          },
        }),
      broken: () => new Response("not gzip", { headers: { "content-encoding": "gzip" } }),
      plain: () => new Response("plain"),
    },
  });
  const send = async (url: string, backend: string, decode = 1) => {
    const request = await b.request(url);
    assertEquals(b.now(REQ, "auto_decompress_response_set", request, decode), ok);
    const { response, body } = await replyOf(b, "send", request, await b.body(), backend);
    const { values } = await b.page(RESP, "header_names_get", [response]);
    return { values, body };
  };
  await t.step("gzip and x-gzip are decoded and their fields go", async () => {
    for (const coding of ["gzip", "x-gzip"]) {
      const { values, body } = await send(`http://o/${coding}`, "gzip");
      assertEquals(values, []);
      assertEquals(b.now(BODY, "known_length", body, OUT), none);
      assertEquals(await b.drain(body), "plain text");
    }
  });
  await t.step("another coding, or no wish, leaves all as it is", async () => {
    assertEquals(
      (await send("http://o/gzip", "gzip", 0)).values.includes("content-encoding"),
      true,
    );
    assertEquals((await send("http://o/br", "gzip")).values.includes("content-encoding"), true);
    assertEquals(await b.drain((await send("http://o/", "plain")).body), "plain");
  });
  await t.step("content that is no gzip fails at the first read", async () => {
    const { values, body } = await send("http://o/", "broken");
    assertEquals(values.includes("content-encoding"), false);
    assertEquals(await b.call(BODY, "read", body, BUF, 10, OUT), error);
  });
});

Deno.test("a request that is not awaited is cancelled with the sandbox", async () => {
  const gone = Promise.withResolvers<void>();
  {
    using b = bench({
      backends: {
        origin: ({ signal }) => {
          signal.addEventListener("abort", () => gone.resolve());
          return new Promise(() => {});
        },
      },
    });
    await start(b, "origin");
  }
  await gone.promise;
});

Deno.test("a response that was not taken is released with the sandbox", async () => {
  const gone = Promise.withResolvers<void>();
  {
    using b = bench({
      backends: {
        origin: () => new Response(new ReadableStream({ cancel: () => gone.resolve() })),
      },
    });
    const pending = await start(b, "origin");
    b.memory.setU32(BUF, pending);
    assertEquals(await b.call("fastly_async_io", "select", BUF, 1, 0, OUT), ok);
  }
  await gone.promise;
});

for (
  const [what, refused, expected] of [
    [
      "sent to a backend that nobody has defined",
      async (b: Bench, body: number) =>
        b.call(REQ, "send", await b.request(), body, "nobody", OUT, OUT2),
      inval,
    ],
    [
      "sent to a backend whose name cannot be read",
      async (b: Bench, body: number) =>
        b.call(REQ, "send", await b.request(), body, new Uint8Array([0xff]), OUT, OUT2),
      inval,
    ],
    [
      "sent so without waiting",
      async (b: Bench, body: number) =>
        b.call(REQ, "send_async_v2", await b.request(), body, "nobody", 0, OUT),
      inval,
    ],
    [
      "a second answer to the client",
      async (b: Bench, body: number) => {
        b.sandbox.requests.current.fail(500, "the first");
        return b.call(RESP, "send_downstream", await b.got(RESP, "new"), body, 0);
      },
      error,
    ],
    [
      "an answer with a status that is none",
      async (b: Bench, body: number) => {
        const response = await b.got(RESP, "new");
        assertEquals(await b.call(RESP, "status_set", response, 102), ok);
        return b.call(RESP, "send_downstream", response, body, 0);
      },
      inval,
    ],
  ] as const
) {
  Deno.test(`a body that is consumed but not sent is let go: ${what}`, async () => {
    let gone = false;
    using b = bench({
      cache: false,
      backends: {
        origin: () => new Response(new ReadableStream({ cancel: () => void (gone = true) })),
      },
    });
    const { body } = await replyOf(b, "send", await b.request(), await b.body(), "origin");
    assertEquals(await refused(b, body), expected);
    await turn();
    assert(gone, "the origin is told");
  });
}

Deno.test("a pending request that comes too late to answer the client is cancelled", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const pending = await start(b, "origin");
  b.sandbox.requests.current.fail(500, "the first");
  assertEquals(await b.call(RESP, "send_downstream_pending", pending), error);
  assert(origin.requests[0]!.signal.aborted);
});

Deno.test("sends with wild out-pointers answer Inval", async () => {
  using b = bench({ backends: { origin: () => new Response("x") } });
  const [request, body] = [await b.request(), await b.body()];
  const status = await b.call(REQ, "send", request, body, "origin", 0xffff_ffff, OUT);
  assertEquals(status, inval);
  assertEquals(b.memory.u32(OUT) === INVALID_HANDLE, false);
});

const framings: [
  what: string,
  method: string,
  body: string,
  fields: [string, string][],
  expected: Record<string, string | undefined>,
][] = [
  ["a wrong length is corrected", "POST", "123456789", [["content-length", "99999"]], {
    "content-length": "9",
  }],
  ["a POST without a body has length 0", "POST", "", [], { "content-length": "0" }],
  ["a GET without a body has none", "GET", "", [["content-length", "5"]], {
    "content-length": undefined,
  }],
];
for (const [what, method, body, fields, expected] of framings) {
  Deno.test(`${what} on the way to a backend`, async () => {
    const seen: Headers[] = [];
    using b = bench({
      backends: {
        origin: (request) => {
          seen.push(request.headers);
          return new Response();
        },
      },
    });
    const request = await b.request("http://o/", method);
    for (const [name, value] of fields) {
      assertEquals(b.now(REQ, "header_append", request, name, value), ok);
    }
    await replyOf(b, "send", request, await b.body(body), "origin");
    for (const [name, value] of Object.entries(expected)) {
      assertEquals(seen[0]!.get(name) ?? undefined, value, name);
    }
  });
}
