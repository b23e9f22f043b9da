import { GuestResponse } from "../../handles/message.ts";
import type { ByteSource } from "../../service/http/bytes.ts";
import { Pipe } from "../../service/http/pipe.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Bench, bench, BUF, OUT, turn, watch, XqdStatus } from "./_bench.ts";
import { Origin, replyOf, start } from "./_origins.ts";

const IO = "fastly_async_io";
const BODY = "fastly_http_body";
const { ok, inval, badf } = XqdStatus;
const TIMED_OUT = 0xffff_ffff;

function select(b: Bench, handles: readonly number[], timeout = 0): number | Promise<number> {
  handles.forEach((handle, i) => b.memory.setU32(BUF + 4 * i, handle));
  return b.call(IO, "select", BUF, handles.length, timeout, OUT);
}

const isReady = (b: Bench, handle: number) => b.got(IO, "is_ready", handle);

async function streaming(b: Bench): Promise<{ body: number; sent: ByteSource }> {
  const body = await b.body();
  const response = b.sandbox.handles.insert(new GuestResponse());
  assertEquals(b.now("fastly_http_resp", "send_downstream", response, body, 1), ok);
  return { body, sent: (await b.exchange.response()).body as ByteSource };
}

Deno.test("select answers the index of the first that is ready, at once if one is", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const [pending, empty, full] = [await start(b, "origin"), await b.body(), await b.body("x")];
  assertEquals(select(b, [pending, full, empty]), ok);
  assertEquals(b.memory.u32(OUT), 1);
  assertEquals(select(b, [empty, full]), ok);
  assertEquals(b.memory.u32(OUT), 0, "an empty body is complete");
});

Deno.test("select takes nothing, and a ready handle stays ready", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const pending = await start(b, "origin");
  const body = await b.body("x");
  await turn();
  origin.answer(new Response("hi"));
  for (let i = 0; i < 3; i++) {
    assertEquals(await select(b, [pending]), ok);
    assertEquals([b.memory.u32(OUT), await isReady(b, pending)], [0, 1]);
    assertEquals(select(b, [body]), ok);
  }
  assertEquals(b.now(BODY, "close", body), ok);
  assertEquals(await b.drain((await replyOf(b, "pending_req_wait", pending)).body), "hi");
});

Deno.test("select wakes for a pending request, also for one that fails", async () => {
  for (const fails of [false, true]) {
    const [one, two] = [new Origin(), new Origin()];
    using b = bench({ backends: { one: one.handler, two: two.handler } });
    const selected = watch(select(b, [await start(b, "one"), await start(b, "two")]));
    await turn();
    assert(!selected.settled);
    if (fails) two.fail(new Error("down"));
    else two.answer(new Response());
    assertEquals(await selected.value, ok);
    assertEquals(b.memory.u32(OUT), 1);
  }
});

Deno.test("select wakes for a body when bytes or its end arrive", async () => {
  for (const ends of [false, true]) {
    const pipe = new Pipe();
    const origin = new Origin();
    using b = bench({ backends: { origin: origin.handler } }, { body: pipe });
    const { body } = b.sandbox.requests.downstream;
    assertEquals(await isReady(b, body), 0);
    const selected = watch(select(b, [await start(b, "origin"), body]));
    await turn();
    assert(!selected.settled);
    if (ends) pipe.finish();
    else pipe.write(Uint8Array.of(1));
    assertEquals(await selected.value, ok);
    assertEquals([b.memory.u32(OUT), await isReady(b, body)], [1, 1]);
  }
});

Deno.test("select wakes for a streaming body when there is room again, or no reader is left", async () => {
  for (const leaves of [false, true]) {
    using b = bench();
    const { body, sent } = await streaming(b);
    assertEquals(await isReady(b, body), 1);
    let writes = 0;
    for (; await isReady(b, body); writes++) {
      assertEquals(b.call(BODY, "write", body, new Uint8Array(8192), 0, OUT), ok);
    }
    assert(writes > 1 && writes < 1000, `${writes} writes of 8 KiB fill it`);
    const selected = watch(select(b, [body]));
    await turn();
    assert(!selected.settled);
    if (leaves) sent.cancel();
    else while (!await isReady(b, body)) await sent.read();
    assertEquals(await selected.value, ok);
    assertEquals([b.memory.u32(OUT), await isReady(b, body)], [0, 1]);
  }
});

Deno.test("a response whose body has not begun is not ready", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  using b = bench({
    backends: {
      origin: () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await promise;
              controller.enqueue(Uint8Array.of(1));
              controller.close();
            },
          }),
        ),
    },
  });
  const { body } = await replyOf(b, "pending_req_wait", await start(b, "origin"));
  assertEquals(await isReady(b, body), 0);
  resolve();
  assertEquals(await select(b, [body]), ok);
  assertEquals(await isReady(b, body), 1);
});

Deno.test("select gives up after its timeout", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const pending = await start(b, "origin");
  const began = performance.now();
  assertEquals(await select(b, [pending], 20), ok);
  assertEquals(b.memory.u32(OUT), TIMED_OUT);
  assert(performance.now() - began >= 19);
  assertEquals(await isReady(b, pending), 0);
});

Deno.test("a timeout that is not needed leaves no timer behind", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const selected = select(b, [await start(b, "origin")], 0xffff_ffff);
  await turn();
  origin.answer(new Response());
  assertEquals(await selected, ok);
  assertEquals(b.memory.u32(OUT), 0);
});

Deno.test("select of nothing sleeps, and without a timeout is Inval", async () => {
  using b = bench();
  assertEquals(select(b, []), inval);
  assertEquals(await select(b, [], 1), ok);
  assertEquals(b.memory.u32(OUT), TIMED_OUT);
});

Deno.test("select refuses handles that cannot be waited for", async () => {
  using b = bench();
  const body = await b.body();
  for (const handle of [0, 999, 0xffff_fffd, await b.request()]) {
    assertEquals(select(b, [body, handle]), badf);
    assertEquals(b.now(IO, "is_ready", handle, OUT), badf);
  }
  assertEquals(b.call(IO, "select", 0xffff_fffc, 1, 0, OUT), inval);
  assertEquals(b.call(IO, "select", BUF, 0xffff_ffff, 0, OUT), inval);
});

Deno.test("select takes as many handles as are open, and one more", async () => {
  using b = bench();
  const body = await b.body("x");
  const open = [...Array(body)].map((_, i) => i + 1).filter((n) => b.sandbox.handles.has(n));
  assertEquals(select(b, open.map(() => body)), ok);
  assertEquals(select(b, [...open.map(() => body), body]), ok);
  assertEquals(select(b, [...open.map(() => body), body, body]), badf);
  assertEquals(b.call(IO, "select", BUF, 0x1000, 0, OUT), badf);
  assertEquals(b.call("fastly_http_req", "pending_req_select", BUF, 0x1000, OUT, OUT, OUT), badf);
});
