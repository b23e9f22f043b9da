import { GuestResponse } from "../../handles/message.ts";
import { Body } from "../../handles/body.ts";
import { type ByteSource, collect } from "../../service/http/bytes.ts";
import { HostError } from "../../service/errors.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { Pipe } from "../../service/http/pipe.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import {
  type Bench,
  bench,
  BUF,
  FINISHED,
  OUT,
  turn,
  UNTOUCHED,
  watch,
  XqdStatus,
} from "./_bench.ts";

const BODY = "fastly_http_body";
const { ok, error, inval, badf, httpincomplete, buflen, none, again } = XqdStatus;
const bytes = (text: string) => new TextEncoder().encode(text);

/** The client's body, with its far end in the test's hands. */
function arriving(): { b: Bench; body: number; pipe: Pipe } {
  const pipe = new Pipe();
  const b = bench({}, { method: "POST", body: pipe });
  return { b, body: b.sandbox.requests.downstream.body, pipe };
}

/** A body that is being streamed to the client. */
async function streaming(b: Bench): Promise<{ body: number; sent: ByteSource }> {
  const body = await b.body();
  const response = b.sandbox.handles.insert(new GuestResponse());
  assertEquals(b.now("fastly_http_resp", "send_downstream", response, body, 1), ok);
  return { body, sent: (await b.exchange.response()).body as ByteSource };
}

function knownLength(b: Bench, body: number): bigint | number {
  b.memory.setU64(OUT, 0xeeee_eeee_eeee_eeeen);
  const status = b.now(BODY, "known_length", body, OUT);
  if (status === ok) return b.memory.u64(OUT);
  b.assertFilled(OUT, 8);
  return status;
}

Deno.test("a new body is empty", async () => {
  using b = bench();
  const body = await b.got(BODY, "new");
  assertEquals(knownLength(b, body), 0n);
  assertEquals(await b.drain(body), "");
  assertEquals(await b.drain(body), "");
});

Deno.test("writes go to the end they name and count in full", async () => {
  using b = bench();
  const body = await b.body("b");
  assertEquals(await b.got(BODY, "write", body, "cd", 0), 2);
  assertEquals(await b.got(BODY, "write", body, "a", 1), 1);
  assertEquals(await b.got(BODY, "write", body, "", 0), 0);
  assertEquals(knownLength(b, body), 4n);
  assertEquals(await b.drain(body), "abcd");
  assertEquals(knownLength(b, body), 0n);
});

Deno.test("a write to neither end, or from outside memory, is Inval and writes nothing", async () => {
  using b = bench();
  const body = await b.body("x");
  assertEquals(b.now(BODY, "write", body, "a", 2, OUT), inval);
  assertEquals(b.now(BODY, "write", body, 0xffff_ffff, 1, 0, OUT), inval);
  assertEquals(b.now(BODY, "write", body, 0, 0xffff_ffff, 0, OUT), inval);
  assertEquals(await b.drain(body), "x");
});

Deno.test("a read returns the bytes that have arrived, up to the size of the buffer", async () => {
  using b = bench();
  const body = await b.body("abcdef");
  b.fill(BUF, 16);
  assertEquals(await b.got(BODY, "read", body, BUF, 4), 4);
  assertEquals(b.text(BUF, 4), "abcd");
  b.assertFilled(BUF + 4, 12);
  assertEquals(await b.got(BODY, "read", body, BUF, 4), 2);
  assertEquals(await b.got(BODY, "read", body, BUF, 4), 0);
});

Deno.test("a read into no room is no end", async () => {
  using b = bench();
  const body = await b.body("abc");
  assertEquals(await b.got(BODY, "read", body, BUF, 0), 0);
  assertEquals(await b.drain(body), "abc");
});

Deno.test("a read into a buffer outside memory is Inval and reads nothing", async () => {
  using b = bench();
  const body = await b.body("abc");
  assertEquals(b.now(BODY, "read", body, 0x1ffff, 2, OUT), inval);
  assertEquals(b.now(BODY, "read", body, BUF, 0xffff_ffff, OUT), inval);
  assertEquals(await b.drain(body), "abc");
});

Deno.test("a read waits while nothing has arrived", async () => {
  const { b, body, pipe } = arriving();
  using _ = b;
  const read = watch(b.call(BODY, "read", body, BUF, 100, OUT));
  await turn();
  assert(!read.settled);
  pipe.write(bytes("hello"));
  assertEquals(await read.value, ok);
  assertEquals(b.text(BUF, b.memory.u32(OUT)), "hello");
  assertEquals(knownLength(b, body), none);
  pipe.finish();
  assertEquals(await b.drain(body), "");
});

Deno.test("a body cut short fails with Httpincomplete after the bytes that have arrived, every time", async () => {
  const { b, body, pipe } = arriving();
  using _ = b;
  pipe.write(bytes("begun"));
  pipe.abort(new HostError("http-incomplete", "Cannot go on"));
  assertEquals(await b.got(BODY, "read", body, BUF, 100), 5);
  assertEquals(await b.call(BODY, "read", body, BUF, 100, OUT), httpincomplete);
  assertEquals(await b.call(BODY, "read", body, BUF, 100, OUT), httpincomplete);
});

Deno.test("the stream of a handler that fails is a body cut short, and no bug of the host", async () => {
  const failing = () => {
    let pulled = false;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (pulled) throw new Error("gone");
          pulled = true;
          controller.enqueue(bytes("begun"));
        },
      }, { highWaterMark: 0 }),
    );
  };
  using b = bench({ backends: { origin: failing } });
  const send = b.call(
    "fastly_http_req",
    "send",
    await b.request(),
    await b.body(),
    "origin",
    OUT,
    OUT + 4,
  );
  assertEquals(await send, ok);
  const body = b.memory.u32(OUT + 4);
  assertEquals(await b.got(BODY, "read", body, BUF, 100), 5);
  assertEquals(await b.call(BODY, "read", body, BUF, 100, OUT), httpincomplete);
});

Deno.test("append moves all of the source, and takes its handle", async () => {
  using b = bench();
  const [dest, source] = [await b.body("ab"), await b.body("cd")];
  assertEquals(b.now(BODY, "trailer_append", source, "x", "1"), ok);
  assertEquals(await b.call(BODY, "append", dest, source), ok);
  assertEquals(b.now(BODY, "close", source), badf);
  assertEquals(await b.drain(dest), "abcd");
  assertEquals((await b.page(BODY, "trailer_values_get", [dest, "X"])).values, ["1"]);
});

Deno.test("a body with appended trailers is answered without a length, and with them", async () => {
  using b = bench();
  const [dest, source] = [await b.body("ab"), await b.body("cd")];
  assertEquals(b.now(BODY, "trailer_append", source, "x", "1"), ok);
  assertEquals(await b.call(BODY, "append", dest, source), ok);
  const response = await b.got("fastly_http_resp", "new");
  assertEquals(b.now("fastly_http_resp", "send_downstream", response, dest, 0), ok);
  const { head, body } = await b.exchange.response();
  assertEquals(head.headers.get("content-length"), undefined);
  assertEquals(await b.exchange.responseText(), "abcd");
  assertEquals((body as ByteSource).trailers?.raw, ["x", "1"]);
});

Deno.test("append keeps the place of content that has not arrived yet", async () => {
  const { b, body, pipe } = arriving();
  using _ = b;
  const dest = await b.body("1 ");
  assertEquals(b.now(BODY, "append", dest, body), ok);
  assertEquals(await b.got(BODY, "write", dest, " 3", 0), 2);
  pipe.write(bytes("2"));
  pipe.finish(new HeaderList(["x-sum", "9"]));
  assertEquals(await b.drain(dest), "1 2 3");
  assertEquals((await b.read(BODY, "trailer_value_get", [dest, "x-sum"])).text, "9");
});

Deno.test("a body cannot be appended to itself", async () => {
  using b = bench();
  const body = await b.body("x");
  assertEquals(b.now(BODY, "append", body, body), badf);
});

Deno.test("append to a bad handle leaves the source", async () => {
  using b = bench();
  const body = await b.body("x");
  assertEquals(b.now(BODY, "append", 999, body), badf);
  assertEquals(await b.drain(body), "x");
});

Deno.test("a fast writer waits for a slow reader", async () => {
  using b = bench();
  const { body, sent } = await streaming(b);
  const chunk = new Uint8Array(40_000);
  assertEquals(b.call(BODY, "write", body, chunk, 0, OUT), ok);
  assertEquals(b.call(BODY, "write", body, chunk, 0, OUT), ok);
  b.memory.setU32(OUT, UNTOUCHED);
  const third = watch(b.call(BODY, "write", body, chunk, 0, OUT));
  await turn();
  assert(!third.settled);
  assertEquals(b.memory.u32(OUT), UNTOUCHED);
  await sent.read();
  assertEquals(await third.value, ok);
  assertEquals(b.memory.u32(OUT), 40_000);
});

Deno.test("append to a stream pumps at its reader's pace and brings trailers along", async () => {
  const { b, body: source, pipe } = arriving();
  using _ = b;
  const { body, sent } = await streaming(b);
  const append = watch(b.call(BODY, "append", body, source));
  let written = 0;
  for (; written < 3; written++) await pipe.write(new Uint8Array(60_000));
  await turn();
  assert(!append.settled, "the source has not ended");
  const feed = (async () => {
    for (; written < 10; written++) await pipe.write(new Uint8Array(60_000));
    pipe.finish(new HeaderList(["x-end", "1"]));
  })();
  await turn();
  assert(written < 10, "the source is held up while nobody reads");
  const read = collect(sent);
  await feed;
  assertEquals(await append.value, ok);
  assertEquals(b.now(BODY, "close", body), ok);
  assertEquals((await read).length, 600_000);
  assertEquals([...sent.trailers ?? []], [["x-end", "1"]]);
});

Deno.test("append of a failing source fails and cuts the stream", async () => {
  const { b, body: source, pipe } = arriving();
  using _ = b;
  const { body, sent } = await streaming(b);
  pipe.write(bytes("begun"));
  pipe.abort(new HostError("http-incomplete", "Cannot go on"));
  assertEquals(await b.call(BODY, "append", body, source), httpincomplete);
  assertEquals(b.now(BODY, "close", body), ok);
  await assertRejects(() => collect(sent), HostError, "Cannot go on");
});

Deno.test("a write to a client that has left fails", async () => {
  using b = bench();
  const { body, sent } = await streaming(b);
  sent.cancel(new Error("left"));
  assertEquals(b.call(BODY, "write", body, "x", 0, OUT), error);
  assertEquals(b.now(BODY, "close", body), ok);
});

Deno.test("a writer that waits learns that the client has left", async () => {
  using b = bench();
  const { body, sent } = await streaming(b);
  b.call(BODY, "write", body, new Uint8Array(70_000), 0, OUT);
  const write = b.call(BODY, "write", body, "x", 0, OUT);
  sent.cancel();
  assertEquals(await write, error);
});

Deno.test("trailers can be read only after the end", async () => {
  const { b, body, pipe } = arriving();
  using _ = b;
  const names = () => b.page(BODY, "trailer_names_get", [body]);
  const expected = { status: again, values: [], length: UNTOUCHED, next: FINISHED };
  assertEquals(await names(), expected);
  pipe.write(bytes("x"));
  pipe.finish(new HeaderList(["A", "1", "a", "2", "B", ""]));
  assertEquals(await b.got(BODY, "read", body, BUF, 1), 1);
  assertEquals(await names(), expected);
  assertEquals((await b.read(BODY, "trailer_value_get", [body, "a"])).status, again);
  assertEquals((await b.page(BODY, "trailer_values_get", [body, "a"])).status, again);
  assertEquals(await b.drain(body), "");
  assertEquals((await names()).values, ["a", "b"]);
  assertEquals(await b.read(BODY, "trailer_value_get", [body, "a"]), {
    status: ok,
    text: "1",
    length: 1,
  });
  assertEquals((await b.page(BODY, "trailer_values_get", [body, "a"])).values, ["1", "2"]);
  assertEquals((await b.page(BODY, "trailer_values_get", [body, "none"])).values, []);
  assertEquals((await b.read(BODY, "trailer_value_get", [body, "none"])).status, inval);
});

Deno.test("a trailer that does not fit tells its length", async () => {
  using b = bench();
  const body = await b.body();
  assertEquals(b.now(BODY, "trailer_append", body, "x", "12345"), ok);
  await b.drain(body);
  assertEquals(await b.read(BODY, "trailer_value_get", [body, "x"], 4), {
    status: buflen,
    text: "",
    length: 5,
  });
  assertEquals((await b.page(BODY, "trailer_values_get", [body, "x"], { room: 5 })).length, 6);
});

Deno.test("a trailer that cannot stand in a message is refused", async () => {
  using b = bench();
  const body = await b.body();
  assertEquals(b.now(BODY, "trailer_append", body, "a b", "1"), error);
  assertEquals(b.now(BODY, "trailer_append", body, "a", "1\r\n"), error);
  assertEquals(b.now(BODY, "trailer_append", 0, "a", "1"), badf);
});

Deno.test("known_length counts down the declared length", async () => {
  const [first, rest] = [bytes("abc"), bytes("defg")];
  let left: Uint8Array[] = [first, rest];
  using b = bench({}, {
    body: {
      get length() {
        return left.reduce((sum, { length }) => sum + length, 0);
      },
      trailers: undefined,
      read: () => left.shift(),
      cancel: () => void (left = []),
    },
  });
  const { body } = b.sandbox.requests.downstream;
  assertEquals(knownLength(b, body), 7n);
  assertEquals(await b.got(BODY, "read", body, BUF, 2), 2);
  assertEquals(knownLength(b, body), 5n);
  assertEquals(await b.drain(body), "cdefg");
  assertEquals(knownLength(b, body), 0n);
});

Deno.test("a closed or abandoned body is no handle, and its source is cancelled", async () => {
  for (const end of ["close", "abandon"]) {
    let cancelled = false;
    using b = bench();
    const source = {
      length: undefined,
      trailers: undefined,
      read: () => new Promise<undefined>(() => {}),
      cancel: () => void (cancelled = true),
    };
    const body = b.sandbox.handles.insert(Body.of(source));
    assertEquals(b.now(BODY, end, body), ok);
    assert(cancelled, `${end} cancels the source`);
    assertEquals(b.now(BODY, end, body), badf);
    assertEquals(b.now(BODY, "read", body, BUF, 1, OUT), badf);
    assertEquals(knownLength(b, body), badf);
  }
  await turn();
});

Deno.test("a body is ready when bytes, the end or a failure are there", async () => {
  const { b, body, pipe } = arriving();
  using _ = b;
  const item = b.sandbox.handles.get(Body, body);
  assert(!item.ready);
  pipe.write(bytes("x"));
  await item.whenReady();
  assert(item.ready);
  await b.got(BODY, "read", body, BUF, 9);
  assert(!item.ready);
  pipe.abort(new HostError("failed", "Cannot go on"));
  await item.whenReady();
  assert(item.ready);
  assert(item.ready, "and stays it");
});
