import type { Inspection } from "../../service/client/inspection.ts";
import { Pipe } from "../../service/http/pipe.ts";
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { type Bench, bench, BUF, INVALID_HANDLE, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const REQ = "fastly_http_req";
const { ok, error, inval, badf, buflen } = XqdStatus;
const INFO = 0x800;
const CORP = 2;
const WORKSPACE = 4;
const CLIENT = 8;

/** An `inspect_info` of texts and an address. */
function info(b: Bench, corp: string, workspace: string, address: readonly number[] = []): number {
  let at = INFO + 64;
  [corp, workspace, Uint8Array.from(address)].forEach((field, i) => {
    const bytes = typeof field === "string" ? new TextEncoder().encode(field) : field;
    b.memory.setBytes(at, bytes);
    b.memory.setU32(INFO + 8 * i, at);
    b.memory.setU32(INFO + 8 * i + 4, bytes.length);
    at += bytes.length;
  });
  return INFO;
}

/** Has the client's request inspected, with other parameters where they are given. */
function inspect(
  b: Bench,
  { mask = CORP | WORKSPACE, request = b.sandbox.requests.downstream.request, room = 1000 } = {},
): Promise<{ status: number; text: string; length: number }> {
  const { body } = b.sandbox.requests.downstream;
  return b.read(REQ, "inspect", [request, body, mask, INFO], room);
}

const ALLOWED =
  '{"waf_response":200,"redirect_url":"","tags":[],"verdict":"allow","decision_ms":0}';

Deno.test("without the option every request is allowed", async () => {
  using b = bench();
  info(b, "corp", "site");
  assertEquals(await inspect(b), { status: ok, text: ALLOWED, length: ALLOWED.length });
  assertEquals((await inspect(b, { request: await b.request() })).text, ALLOWED);
});

Deno.test("a verdict that does not fit leaves the length alone", async () => {
  using b = bench();
  info(b, "corp", "site");
  const room = ALLOWED.length - 1;
  assertEquals(await inspect(b, { room }), { status: buflen, text: "", length: UNTOUCHED });
});

Deno.test("corp and workspace are required, and must be valid", async () => {
  using b = bench();
  info(b, "corp", "site", [1, 2, 3, 4, 5]);
  for (const mask of [0, CORP, WORKSPACE, 1, CORP | WORKSPACE | 1, CORP | WORKSPACE | 16]) {
    assertEquals((await inspect(b, { mask })).status, inval, `mask ${mask}`);
  }
  assertEquals((await inspect(b, { mask: CORP | WORKSPACE | CLIENT })).status, inval);
  info(b, "", "site");
  assertEquals((await inspect(b)).status, inval);
  info(b, "corp", "");
  assertEquals((await inspect(b)).status, inval);
});

Deno.test("only requests and bodies are inspected", async () => {
  using b = bench();
  const { request, body } = b.sandbox.requests.downstream;
  info(b, "corp", "site");
  const args = [CORP | WORKSPACE, INFO, BUF, 1000, OUT];
  for (const wrong of [body, 0, 99, INVALID_HANDLE]) {
    assertEquals(await b.call(REQ, "inspect", wrong, body, ...args), badf);
  }
  for (const wrong of [request, 0, 99, INVALID_HANDLE]) {
    assertEquals(await b.call(REQ, "inspect", request, wrong, ...args), badf);
  }
});

Deno.test("the option sees the request and decides", async () => {
  const seen: Inspection[] = [];
  using b = bench({
    inspect(inspection) {
      seen.push(inspection);
      return {
        verdict: "block",
        response: 406,
        redirectUrl: "https://sorry.test/",
        tags: ["SQLI"],
        decisionMs: 3,
      };
    },
  }, { method: "PUT", headers: ["Host", "h", "X-A", "1"], client: { address: "192.0.2.9" } });
  info(b, "corp", "söte");
  assertEquals(JSON.parse((await inspect(b)).text), {
    waf_response: 406,
    redirect_url: "https://sorry.test/",
    tags: ["SQLI"],
    verdict: "block",
    decision_ms: 3,
  });
  const [{ method, url, headers, corp, workspace, clientAddress }] = seen as [Inspection];
  assertEquals([method, url, corp, workspace], [
    "PUT",
    "http://guest.test/path?q=1",
    "corp",
    "söte",
  ]);
  assertEquals([headers.get("x-a"), clientAddress], ["1", "192.0.2.9"]);
});

Deno.test("a guest may tell another address; its own requests have none", async () => {
  const seen: (string | undefined)[] = [];
  using b = bench({ inspect: ({ clientAddress }) => (seen.push(clientAddress), {}) });
  info(b, "corp", "site", [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  await inspect(b, { mask: CORP | WORKSPACE | CLIENT });
  await inspect(b, { request: await b.request() });
  assertEquals(seen, ["2001:db8::1", undefined]);
});

Deno.test("the option may read the body, and the guest still gets all of it", async () => {
  const seen: string[] = [];
  const body = new Pipe();
  using b = bench({
    async inspect({ body }) {
      const pieces = [await body(3), await body(), await body(0)];
      seen.push(...pieces.map((piece) => new TextDecoder().decode(piece)));
      return {};
    },
  }, { body });
  info(b, "corp", "site");
  const inspected = inspect(b);
  for (const piece of ["on", "e ", "two"]) await body.write(new TextEncoder().encode(piece));
  body.finish();
  assertEquals((await inspected).status, ok);
  assertEquals(seen, ["one", "one two", ""]);
  assertEquals(await b.drain(b.sandbox.requests.downstream.body), "one two");
});

Deno.test("after the verdict the body is the guest's alone", async () => {
  let late: Inspection["body"] | undefined;
  using b = bench({ inspect: ({ body }) => (late = body, {}) }, {
    body: new TextEncoder().encode("x"),
  });
  info(b, "corp", "site");
  assertEquals((await inspect(b)).status, ok);
  await assertRejects(async () => await late!(), Error, "the verdict has been given");
});

Deno.test("an option that fails is logged, and is an error to the guest", async () => {
  const b = bench({
    inspect() {
      throw new Error("no WAF today");
    },
  });
  info(b, "corp", "site");
  assertEquals((await inspect(b)).status, error);
  const [entry] = b.logs;
  assertMatch(entry?.kind === "host" ? entry.message : "", /inspect option failed.*no WAF today/);
  b[Symbol.dispose]();
});

Deno.test("on_behalf_of keeps the service with the request", async () => {
  using b = bench();
  const request = await b.request();
  assertEquals(b.now(REQ, "on_behalf_of", request, "sërvice"), ok);
  assertEquals(b.now(REQ, "on_behalf_of", request, Uint8Array.of(0xff)), inval);
  assertEquals(b.now(REQ, "on_behalf_of", 0, "service"), badf);
  assertEquals(b.now(REQ, "on_behalf_of", await b.body(), "service"), badf);
});
