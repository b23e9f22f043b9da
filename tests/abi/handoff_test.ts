import { assertEquals, assertMatch } from "../assert.ts";
import { always, OK, rawOrigin, sourceFrom } from "../service/backends/origins.ts";
import { type Argument, type Bench, bench, XqdStatus } from "./_bench.ts";

const REQ = "fastly_http_req";
const { ok, error, inval, badf, unsupported } = XqdStatus;

const WEBSOCKET = ["Host", "guest.test", "Connection", "Upgrade", "Upgrade", "websocket"];
/** Nothing listens there. */
const DEAD = "http://127.0.0.1:1";

interface Case {
  readonly name: string;
  readonly named: boolean;
  readonly enabled: {
    readonly backends?: Record<string, string>;
    readonly pushpin?: { port: number };
  };
  readonly disabled: { readonly websockets?: false };
}
const cases: Case[] = [
  ...["upgrade_websocket", "redirect_to_websocket_proxy", "redirect_to_websocket_proxy_v2"]
    .map((name) => ({
      name,
      named: name.endsWith("_v2"),
      enabled: { backends: { origin: DEAD } },
      disabled: { websockets: false } as const,
    })),
  ...["redirect_to_grip_proxy", "redirect_to_grip_proxy_v2"].map((name) => ({
    name,
    named: name.endsWith("_v2"),
    enabled: { pushpin: { port: 1 } },
    disabled: {},
  })),
];

function handOff(b: Bench, { name, named }: Case, backend: Argument = "origin"): number {
  return b.now(REQ, name, ...named ? [b.sandbox.requests.downstream.request] : [], backend);
}

async function respond(b: Bench): Promise<number> {
  const response = await b.got("fastly_http_resp", "new");
  return b.now("fastly_http_resp", "send_downstream", response, await b.body("mine"), 0);
}

for (const each of cases) {
  Deno.test(`${each.name} counts as the response`, async () => {
    using b = bench(each.enabled);
    assertEquals(handOff(b, each), ok);
    assertEquals(await respond(b), error);
    assertEquals(handOff(b, each), error);
    const hint = await b.got("fastly_http_resp", "new");
    b.now("fastly_http_resp", "status_set", hint, 103);
    assertEquals(b.now("fastly_http_resp", "send_downstream", hint, await b.body(), 0), error);
    const { head } = await b.exchange.response();
    assertEquals(head.status, 500, "the backend is dead");
  });

  Deno.test(`${each.name} after the response is an error, enabled or not`, async () => {
    for (const options of [each.enabled, each.disabled]) {
      using b = bench(options);
      assertEquals(await respond(b), ok);
      assertEquals(handOff(b, each), error);
    }
  });

  Deno.test(`${each.name} that is not enabled leaves the answer to the guest`, async () => {
    using b = bench(each.disabled);
    assertEquals(handOff(b, each), unsupported);
    assertEquals(await respond(b), ok);
    assertEquals(await b.exchange.responseText(), "mine");
    const [log] = b.logs;
    assertMatch(log?.kind === "host" ? log.message : "", /not enabled: see the option "\w+"$/);
  });

  Deno.test(`${each.name} refuses names that are no text`, () => {
    using b = bench(each.enabled);
    assertEquals(handOff(b, each, new Uint8Array([0xff])), inval);
    assertEquals(
      b.now(
        REQ,
        each.name,
        ...each.named ? [b.sandbox.requests.downstream.request] : [],
        0xffff_0000,
        9,
      ),
      inval,
    );
    assertEquals(b.exchange.responses.length, 0);
  });

  if (!each.named) continue;
  Deno.test(`${each.name} wants a request's handle`, async () => {
    using b = bench(each.enabled);
    for (const handle of [0, 99, await b.body()]) {
      assertEquals(b.now(REQ, each.name, handle, "origin"), badf);
    }
  });
}

for (const each of cases.slice(0, 3)) {
  Deno.test(`${each.name} to an unknown backend is refused`, async () => {
    using b = bench(each.enabled);
    assertEquals(handOff(b, each, "nowhere"), inval);
    assertEquals(await respond(b), ok);
  });
}

Deno.test("a name that cannot stand in a field is no route of Pushpin", () => {
  using b = bench({ pushpin: { port: 1 } });
  assertEquals(handOff(b, cases[3]!, "a\nb"), error);
});

/** Hands a request off to a backend in JavaScript; returns the request that it got. */
async function handed(
  name: string,
  headers: readonly string[],
  change: (b: Bench) => void,
  url = "http://guest.test/path?q=1",
): Promise<{ request: Request; status: number; text: string }> {
  let seen: Request | undefined;
  const origin = (request: Request) => {
    seen = request;
    return new Response("from the origin", { status: 203 });
  };
  using b = bench({ backends: { origin } }, { headers, url });
  change(b);
  const each = cases.find((each) => each.name === name)!;
  assertEquals(handOff(b, each), ok);
  const { head } = await b.exchange.response();
  return { request: seen!, status: head.status, text: await b.exchange.responseText() };
}

Deno.test("a request that asks for no other protocol is answered by the backend", async () => {
  const { request, status, text } = await handed(
    "redirect_to_websocket_proxy_v2",
    ["Host", "guest.test", "accept", "*/*"],
    () => {},
  );
  assertEquals([request.method, request.url], ["GET", "http://guest.test/path?q=1"]);
  assertEquals([status, text], [203, "from the origin"]);
});

Deno.test("a hand-off by handle has the guest's changes, one without has not", async () => {
  const change = (b: Bench) => {
    const { request } = b.sandbox.requests.downstream;
    b.now(REQ, "header_insert", request, "added", "1");
    b.now(REQ, "uri_set", request, "http://guest.test/other");
  };
  const headers = ["Host", "guest.test"];
  const changed = await handed("redirect_to_websocket_proxy_v2", headers, change);
  assertEquals(changed.request.headers.get("added"), "1");
  assertEquals(new URL(changed.request.url).pathname, "/other");
  const asItCame = await handed("redirect_to_websocket_proxy", headers, change);
  assertEquals(asItCame.request.headers.has("added"), false);
  assertEquals(new URL(asItCame.request.url).pathname, "/path");
});

Deno.test("the fields of the handshake stay the client's", async () => {
  const { request } = await handed(
    "redirect_to_websocket_proxy_v2",
    ["Host", "guest.test", "Sec-WebSocket-Key", "client", "cdn-loop", "a"],
    (b) => {
      const { request } = b.sandbox.requests.downstream;
      b.now(REQ, "header_insert", request, "host", "elsewhere.test");
      b.now(REQ, "header_insert", request, "sec-websocket-key", "guest");
      b.now(REQ, "header_insert", request, "fastly-ff", "guest");
      b.now(REQ, "header_remove", request, "cdn-loop");
    },
  );
  assertEquals(new URL(request.url).host, "guest.test");
  assertEquals(request.headers.get("sec-websocket-key"), "client");
  assertEquals(request.headers.get("cdn-loop"), "a");
  assertEquals(request.headers.has("fastly-ff"), false);
});

Deno.test("a request body is handed off although the guest has closed its handle", async () => {
  let text = "";
  const origin = async (request: Request) => {
    text = await request.text();
    return new Response();
  };
  async function* chunks() {
    yield "two ";
    await Promise.resolve();
    yield "pieces";
  }
  const body = sourceFrom(chunks());
  using b = bench({ backends: { origin } }, { method: "POST", body });
  const { request, body: handle } = b.sandbox.requests.downstream;
  assertEquals(b.now("fastly_http_body", "close", handle), ok);
  assertEquals(b.now(REQ, "redirect_to_websocket_proxy_v2", request, "origin"), ok);
  await b.exchange.response();
  assertEquals(text, "two pieces");
});

Deno.test("a request body without a reader is released with the response", async () => {
  const body = sourceFrom((async function* () {})());
  using b = bench({}, { method: "POST", body });
  assertEquals(b.now("fastly_http_body", "close", b.sandbox.requests.downstream.body), ok);
  assertEquals(await respond(b), ok);
  await body.cancelled;
});

Deno.test("Pushpin gets the route's id, and the Host of the client", async () => {
  const heads: string[] = [];
  const origin = rawOrigin(async (wire) => {
    heads.push(await wire.head());
    await wire.write(OK);
  });
  const port = Number(new URL(origin.url).port);
  {
    using b = bench({ pushpin: { port } }, { headers: ["Host", "guest.test", "Accept", "*/*"] });
    assertEquals(handOff(b, cases[4]!, "live"), ok);
    assertEquals(await b.exchange.responseText(), "ok");
  }
  await origin.close();
  assertEquals(heads.map((head) => head.split("\r\n")), [[
    "GET /path?q=1 HTTP/1.1",
    "host: guest.test",
    "Accept: */*",
    "pushpin-route: live",
    "Connection: keep-alive",
    "",
    "",
  ]]);
});

Deno.test("a client of a front without sockets cannot change protocols", async () => {
  const origin = rawOrigin(always(OK));
  {
    using b = bench({ backends: { origin: origin.url } }, { headers: WEBSOCKET });
    assertEquals(handOff(b, cases[2]!), ok);
    assertEquals((await b.exchange.response()).head.status, 501);
  }
  await origin.close();
});

Deno.test("a backend in JavaScript cannot change protocols", async () => {
  using b = bench({ backends: { origin: () => new Response() } }, { headers: WEBSOCKET });
  Object.assign(b.exchange, { takeOver: () => undefined });
  assertEquals(handOff(b, cases[2]!), ok);
  assertEquals((await b.exchange.response()).head.status, 500);
  assertMatch(await b.exchange.responseText(), /backend "origin" is a function/);
});

Deno.test("a hand-off to Pushpin is a 500 where nothing listens, as on port 0", async () => {
  using b = bench({ pushpin: { port: 0 } }, { headers: ["Host", "guest.test"] });
  const pushpin = cases.find(({ enabled }) => "pushpin" in enabled)!;
  assertEquals(handOff(b, pushpin), ok);
  assertEquals((await b.exchange.response()).head.status, 500);
});

Deno.test("a backend that takes too long is a 500", async () => {
  const origin = rawOrigin(async (wire) => void await wire.rest());
  const backend = { url: origin.url, timeouts: { firstByte: 20 } };
  for (const headers of [WEBSOCKET, ["Host", "guest.test"]]) {
    using b = bench({ backends: { origin: backend } }, { headers });
    Object.assign(b.exchange, { takeOver: () => undefined });
    assertEquals(handOff(b, cases[2]!), ok);
    assertEquals((await b.exchange.response()).head.status, 500);
  }
  await origin.close();
});

Deno.test("a backend that declines to change protocols answers the client", async () => {
  const origin = rawOrigin(always("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno"));
  {
    using b = bench({ backends: { origin: origin.url } }, { headers: WEBSOCKET });
    Object.assign(b.exchange, { takeOver: () => undefined });
    assertEquals(handOff(b, cases[2]!), ok);
    assertEquals((await b.exchange.response()).head.status, 426);
    assertEquals(await b.exchange.responseText(), "no");
  }
  await origin.close();
});
