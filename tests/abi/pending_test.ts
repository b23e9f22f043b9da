import { PendingRequest } from "../../handles/pending_request.ts";
import { SEND_FAILURES, SendError, type SendFailure } from "../../service/errors.ts";
import { assert, assertEquals } from "../assert.ts";
import {
  type Bench,
  bench,
  BUF,
  INVALID_HANDLE,
  OUT,
  turn,
  UNTOUCHED,
  watch,
  XqdStatus,
} from "./_bench.ts";
import { Origin, replyOf, start } from "./_origins.ts";

const REQ = "fastly_http_req";
const RESP = "fastly_http_resp";
const { ok, error, inval, badf } = XqdStatus;
const DETAIL = BUF + 64;

async function poll(b: Bench, pending: number, version = "") {
  for (const at of [OUT, OUT + 4, OUT + 8]) b.memory.setU32(at, UNTOUCHED);
  const detail = version ? [DETAIL] : [];
  const status = await b.call(
    REQ,
    `pending_req_poll${version}`,
    pending,
    ...detail,
    OUT,
    OUT + 4,
    OUT + 8,
  );
  return { status, words: [0, 4, 8].map((offset) => b.memory.u32(OUT + offset)) };
}

async function select(b: Bench, handles: readonly number[], version = "") {
  handles.forEach((handle, i) => b.memory.setU32(BUF + 4 * i, handle));
  const detail = version ? [DETAIL] : [];
  const name = `pending_req_select${version}`;
  const status = await b.call(REQ, name, BUF, handles.length, ...detail, OUT, OUT + 4, OUT + 8);
  return { status, words: [0, 4, 8].map((offset) => b.memory.u32(OUT + offset)) };
}

/** Calls by which a guest asks whether a pending request is done, without waiting for it. */
const POLLS: Readonly<Record<string, (b: Bench, pending: number) => number | Promise<number>>> = {
  pending_req_poll: (b, pending) => b.call(REQ, "pending_req_poll", pending, OUT, OUT + 4, OUT + 8),
  pending_req_poll_v2: (b, pending) =>
    b.call(REQ, "pending_req_poll_v2", pending, DETAIL, OUT, OUT + 4, OUT + 8),
  is_ready: (b, pending) => b.call("fastly_async_io", "is_ready", pending, OUT),
};

for (const [name, ask] of Object.entries(POLLS)) {
  Deno.test(`${name} answers at once when the guest polls first, and lets others run when it polls again`, async () => {
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } });
    const pending = await start(b, "origin");
    for (let waits = 0; waits < 3; waits++) {
      let turned = false;
      setImmediate(() => turned = true);
      assertEquals([ask(b, pending), b.memory.u32(OUT)], [ok, 0]);
      assertEquals(turned, false);
      const again = ask(b, pending);
      assert(again instanceof Promise);
      assertEquals([await b.sandbox.execution.resumeOn(again), b.memory.u32(OUT)], [ok, 0]);
      assert(turned);
    }
    origin.answer(new Response("hello"));
    await turn();
    assertEquals([ask(b, pending), b.memory.u32(OUT)], [ok, 1]);
  });
}

for (const version of ["", "_v2"]) {
  Deno.test(`pending_req_poll${version} is not done until the origin has answered, then takes the handle`, async () => {
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } });
    const pending = await start(b, "origin");
    const notYet = { status: ok, words: [0, INVALID_HANDLE, INVALID_HANDLE] };
    assertEquals(await poll(b, pending, version), notYet);
    await turn();
    assertEquals(await poll(b, pending, version), notYet);
    origin.answer(new Response("hello"));
    await turn();
    const { status, words: [done, , body] } = await poll(b, pending, version);
    assertEquals([status, done], [ok, 1]);
    assertEquals(await b.drain(body!), "hello");
    assertEquals(await poll(b, pending, version), {
      status: badf,
      words: [UNTOUCHED, UNTOUCHED, UNTOUCHED],
    });
  });

  Deno.test(`pending_req_poll${version} of a failed request is its status, and takes the handle`, async () => {
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } });
    const pending = await start(b, "origin");
    origin.fail(new SendError("connection_refused", "Cannot connect"));
    await turn();
    assertEquals((await poll(b, pending, version)).status, error);
    if (version) assertEquals(b.memory.u32(DETAIL), SEND_FAILURES.indexOf("connection_refused"));
    assertEquals((await poll(b, pending, version)).status, badf);
  });

  Deno.test(`pending_req_wait${version} waits, and takes the handle`, async () => {
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } });
    const detail = version ? [DETAIL] : [];
    const pending = await start(b, "origin");
    const waiting = watch(
      b.call(REQ, `pending_req_wait${version}`, pending, ...detail, OUT, OUT + 4),
    );
    await turn();
    assert(!waiting.settled);
    origin.answer(new Response("late"));
    assertEquals(await waiting.value, ok);
    assertEquals(await b.drain(b.memory.u32(OUT + 4)), "late");
    assertEquals(
      await b.call(REQ, `pending_req_wait${version}`, pending, ...detail, OUT, OUT + 4),
      badf,
    );
  });

  Deno.test(`pending_req_wait${version} of a failed request is its status`, async () => {
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } });
    const detail = version ? [DETAIL] : [];
    const pending = await start(b, "origin");
    await turn();
    origin.fail(new SendError("http_response_timeout", "Cannot wait"));
    assertEquals(
      await b.call(REQ, `pending_req_wait${version}`, pending, ...detail, OUT, OUT + 4),
      error,
    );
    if (version) assertEquals(b.memory.u32(DETAIL), 16);
  });

  Deno.test(`pending_req_select${version} takes the first that is done, and only that`, async () => {
    const [one, two] = [new Origin(), new Origin()];
    using b = bench({ backends: { one: one.handler, two: two.handler } });
    const handles = [await start(b, "one"), await start(b, "two")];
    const selected = select(b, handles, version);
    await turn();
    assertEquals([one.requests.length, two.requests.length], [1, 1], "both are under way");
    two.answer(new Response("two"));
    const { status, words: [index, , body] } = await selected;
    assertEquals([status, index], [ok, 1]);
    assertEquals(await b.drain(body!), "two");
    assertEquals((await poll(b, handles[1]!)).status, badf);
    assertEquals(await poll(b, handles[0]!), {
      status: ok,
      words: [0, INVALID_HANDLE, INVALID_HANDLE],
    });
    one.answer(new Response("one"));
    assertEquals((await select(b, [handles[0]!], version)).words[0], 0);
  });

  Deno.test(`pending_req_select${version} tells the index of a winner that failed`, async () => {
    const [one, two] = [new Origin(), new Origin()];
    using b = bench({ backends: { one: one.handler, two: two.handler } });
    const handles = [await start(b, "one"), await start(b, "two")];
    await turn();
    two.fail(new SendError("dns_error", "Cannot resolve", { dnsRcode: 3 }));
    b.memory.setBytes(DETAIL, new Uint8Array(20));
    b.memory.setU32(DETAIL + 4, 2);
    const selected = await select(b, handles, version);
    assertEquals(selected, { status: ok, words: [1, INVALID_HANDLE, INVALID_HANDLE] });
    if (version) {
      assertEquals(b.memory.u32(DETAIL), SEND_FAILURES.indexOf("dns_error"));
      assertEquals([b.memory.u32(DETAIL + 4), b.memory.u16(DETAIL + 8)], [2, 3]);
    }
    assertEquals((await poll(b, handles[1]!)).status, badf);
  });

  Deno.test(`pending_req_select${version} refuses an empty list, bad handles and wild pointers`, async () => {
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } });
    const pending = await start(b, "origin");
    assertEquals((await select(b, [], version)).status, inval);
    assertEquals((await select(b, [pending, 999], version)).status, badf);
    assertEquals((await select(b, [pending, await b.body()], version)).status, badf);
    const detail = version ? [DETAIL] : [];
    const name = `pending_req_select${version}`;
    for (const [ptr, count] of [[BUF, 0xffff_ffff], [0xffff_fffc, 1], [BUF, 0x4000_0000]]) {
      assertEquals(await b.call(REQ, name, ptr!, count!, ...detail, OUT, OUT + 4, OUT + 8), inval);
    }
    assertEquals((await poll(b, pending)).words[0], 0, "the handle is still there");
  });
}

Deno.test("a pending handle is of no other use", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const pending = await start(b, "origin");
  assertEquals(b.now("fastly_http_body", "read", pending, BUF, 1, OUT), badf);
  assertEquals(b.now(REQ, "close", pending), badf);
  for (const handle of [0, await b.body(), await b.request()]) {
    assertEquals((await poll(b, handle)).status, badf);
    assertEquals(await b.call(REQ, "pending_req_wait", handle, OUT, OUT + 4), badf);
    assertEquals(b.now(RESP, "send_downstream_pending", handle), badf);
    assertEquals(b.now(REQ, "pending_req_header_insert", handle, "a", "b", 0), badf);
  }
});

const [ANY, RESPONSE, ERROR] = [0, 1, 2];
type Edit = [name: "insert" | "append" | "remove", field: string, value: string, target: number];
const edits: [what: string, edits: Edit[], expected: string[]][] = [
  ["insert replaces the origin's", [["insert", "X", "new", RESPONSE]], ["new"]],
  ["append adds to the origin's", [["append", "x", "new", ANY]], ["origin", "new"]],
  ["remove removes the origin's", [["remove", "x", "", ANY]], []],
  ["edits for an error do not touch a response", [
    ["insert", "x", "new", ERROR],
    ["append", "x", "new", ERROR],
    ["remove", "x", "", ERROR],
  ], ["origin"]],
  ["append, then insert: the last insert stays", [
    ["append", "x", "1", ANY],
    ["insert", "x", "2", ANY],
  ], ["2"]],
  ["insert, then append: both stay", [["insert", "x", "1", ANY], ["append", "x", "2", RESPONSE]], [
    "1",
    "2",
  ]],
  ["insert, append, then remove: none stays", [
    ["insert", "x", "1", ANY],
    ["append", "x", "2", ANY],
    ["remove", "x", "", ANY],
  ], []],
  ["remove, then append: the origin's is gone", [["remove", "x", "", ANY], [
    "append",
    "x",
    "2",
    ANY,
  ]], ["2"]],
];
for (const [what, list, expected] of edits) {
  Deno.test(`pending edits: ${what}`, async () => {
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } });
    const pending = await start(b, "origin");
    for (const [name, field, value, target] of list) {
      const values = name === "remove" ? [] : [value];
      assertEquals(b.now(REQ, `pending_req_header_${name}`, pending, field, ...values, target), ok);
    }
    await turn();
    origin.answer(new Response("", { headers: { x: "origin" } }));
    const { response } = await replyOf(b, "pending_req_wait", pending);
    assertEquals((await b.page(RESP, "header_values_get", [response, "x"])).values, expected);
  });
}

Deno.test("pending edits refuse other targets, and fields that no message can have", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const pending = await start(b, "origin");
  assertEquals(b.now(REQ, "pending_req_header_insert", pending, "x", "1", 3), inval);
  assertEquals(b.now(REQ, "pending_req_header_append", pending, "x", "1\n", 0), error);
  assertEquals(b.now(REQ, "pending_req_header_remove", pending, "x y", 0), error);
});

Deno.test("send_downstream_pending responds with the origin's response", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const pending = await start(b, "origin");
  b.now(REQ, "pending_req_header_insert", pending, "x-any", "1", ANY);
  b.now(REQ, "pending_req_header_insert", pending, "x-error", "1", ERROR);
  assertEquals(b.now(RESP, "send_downstream_pending", pending), ok);
  assertEquals((await poll(b, pending)).status, badf);
  assertEquals(b.now(RESP, "send_downstream", await b.got(RESP, "new"), await b.body(), 0), error);
  await turn();
  assertEquals(b.exchange.responses, []);
  origin.answer(new Response("hi", { status: 202 }));
  const { head } = await b.exchange.response();
  assertEquals([head.status, head.headers.get("x-any"), head.headers.get("x-error")], [
    202,
    "1",
    undefined,
  ]);
  assertEquals(await b.exchange.responseText(), "hi");
});

Deno.test("send_downstream_pending outlives the guest", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  assertEquals(b.now(RESP, "send_downstream_pending", await start(b, "origin")), ok);
  b.sandbox.end();
  await turn();
  origin.answer(new Response("after the end"));
  assertEquals(await b.exchange.responseText(), "after the end");
});

const synthetic: [SendFailure, number][] = [
  ["connection_refused", 502],
  ["dns_error", 502],
  ["http_incomplete_response", 502],
  ["tls_certificate_error", 502],
  ["connection_timeout", 504],
  ["http_response_timeout", 504],
  ["dns_timeout", 504],
];
for (const [failure, status] of synthetic) {
  Deno.test(`send_downstream_pending answers ${status} for ${failure}, with the edits for errors`, async () => {
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } });
    const pending = await start(b, "origin");
    b.now(REQ, "pending_req_header_insert", pending, "x-any", "1", ANY);
    b.now(REQ, "pending_req_header_insert", pending, "x-error", "2", ERROR);
    b.now(REQ, "pending_req_header_insert", pending, "x-response", "3", RESPONSE);
    assertEquals(b.now(RESP, "send_downstream_pending", pending), ok);
    await turn();
    origin.fail(new SendError(failure, "Cannot connect"));
    const { head } = await b.exchange.response();
    const fields = ["x-any", "x-error", "x-response"].map((name) => head.headers.get(name));
    assertEquals([head.status, ...fields], [status, "1", "2", undefined]);
  });
}

Deno.test("send_downstream_pending answers 500 when it was not the network that failed", async () => {
  using b = bench();
  const failed = Promise.reject(new Error("a secret of the host"));
  const pending = b.sandbox.handles.insert(new PendingRequest(failed));
  assertEquals(b.now(RESP, "send_downstream_pending", pending), ok);
  assertEquals((await b.exchange.response()).head.status, 500);
  assertEquals((await b.exchange.responseText()).includes("secret"), false);
});
