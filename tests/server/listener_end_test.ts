import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../assert.ts";
import type { ByteSource } from "../../service/http/bytes.ts";
import { HostError } from "../../service/errors.ts";
import { answerText, bytes, head, serving, Tap, Wire } from "./wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Resolves with the reason when the client leaves. */
function leaving(): { promise: Promise<Error>; watch: (reason: Error) => void } {
  const { promise, resolve } = Promise.withResolvers<Error>();
  return { promise, watch: resolve };
}

Deno.test("the guest learns that a client has left before the response", async () => {
  const left = leaving();
  const here = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    exchange.onGone(left.watch);
    here.resolve();
    await left.promise;
    answerText(exchange, "for nobody");
    exchange.inform(head(103));
  });
  const wire = await Wire.open(server.port);
  await wire.send(GET);
  await here.promise;
  wire.close();
  assertStringIncludes((await left.promise).message, "client has left");
  assertEquals(server.lines.map(({ status, whole }) => ({ status, whole })), [
    { status: 0, whole: false },
  ]);
});

Deno.test("the guest learns that a client has left in the midst of a response, and the body is cancelled", async () => {
  const left = leaving();
  const tap = new Tap();
  await using server = await serving(async (exchange) => {
    exchange.onGone(left.watch);
    exchange.respond(head(200), tap);
    await left.promise;
  });
  const wire = await Wire.open(server.port);
  await wire.send(GET);
  tap.push("part");
  await wire.until("part");
  wire.close();
  await left.promise;
  await tap.gone;
  tap.push("for nobody");
  assertEquals(server.lines.map((line) => line.whole), [false]);
});

Deno.test("a slow reader that leaves ends the wait for it", async () => {
  const left = leaving();
  const cancelled = Promise.withResolvers<void>();
  const piece = new Uint8Array(64 * 1024);
  await using server = await serving(async (exchange) => {
    exchange.onGone(left.watch);
    exchange.respond(head(200), {
      length: undefined,
      trailers: undefined,
      read: () => piece,
      cancel: () => cancelled.resolve(),
    });
    await left.promise;
  });
  const wire = await Wire.open(server.port);
  await wire.send(GET);
  await wire.until("\r\n\r\n");
  wire.close();
  await left.promise;
  await cancelled.promise;
});

Deno.test("a pipelined request learns that its client has left, and those behind it never run", async () => {
  const left = leaving();
  const here = Promise.withResolvers<void>();
  let count = 0;
  await using server = await serving(async (exchange) => {
    count++;
    exchange.onGone(left.watch);
    here.resolve();
    await left.promise;
  });
  const wire = await Wire.open(server.port);
  await wire.send(GET + GET);
  await here.promise;
  wire.close();
  await left.promise;
  await server.drain(1000);
  assertEquals(count, 1);
});

Deno.test("a response that went out whole is never followed by a leaving", async () => {
  let left = false;
  await using server = await serving((exchange) => {
    exchange.onGone(() => left = true);
    answerText(exchange, "ok");
  });
  {
    using wire = await Wire.open(server.port);
    await wire.send(GET);
    await wire.until("ok");
  }
  await server.drain(1000);
  assert(!left);
});

Deno.test("an upload that its client cuts is incomplete", async () => {
  const failed = Promise.withResolvers<unknown>();
  await using server = await serving(async (exchange) => {
    const body = exchange.body as ByteSource;
    try {
      while (await body.read());
    } catch (error) {
      failed.resolve(error);
    }
  });
  const wire = await Wire.open(server.port);
  await wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npart");
  wire.close();
  const error = await failed.promise;
  assert(error instanceof HostError);
  assertEquals(error.kind, "http-incomplete");
});

Deno.test("a body whose chunks turn to garbage is incomplete, and its request gets a 400", async () => {
  const failed = Promise.withResolvers<unknown>();
  const here = Promise.withResolvers<void>();
  const left = leaving();
  await using server = await serving(async (exchange) => {
    exchange.onGone(left.watch);
    here.resolve();
    failed.resolve(
      await assertRejects(async () => {
        while (await (exchange.body as ByteSource).read());
      }, HostError),
    );
  });
  using wire = await Wire.open(server.port);
  await wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  await here.promise;
  await wire.send("zz\r\n");
  const error = await failed.promise;
  assert(error instanceof HostError);
  assertEquals(error.kind, "http-incomplete");
  assertMatch(await wire.rest(), /^HTTP\/1\.1 400 Bad Request\r\n/);
  assertStringIncludes((await left.promise).message, "chunk's size");
  assertEquals(server.lines.map(({ status, whole }) => [status, whole]), [[400, false]]);
});

Deno.test("a response that has begun ends whole though the request's content turns to garbage", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => exchange.respond(head(200), tap));
  using wire = await Wire.open(server.port);
  await wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  tap.push("part");
  await wire.until("part\r\n");
  await wire.send("zz\r\n");
  tap.push("rest");
  tap.end();
  assertEquals(await wire.rest(), "4\r\nrest\r\n0\r\n\r\n");
});

Deno.test("a client that ends its side right after its request gets a response that is sent at once", async () => {
  await using server = await serving((exchange) => answerText(exchange, "there"));
  using busy = await Wire.open(server.port);
  for (let i = 0; i < 100; i++) { // until responses are held back to the end of their turn
    await busy.send(GET);
    await busy.until("there");
  }
  for (let i = 0; i < 5; i++) {
    using wire = await Wire.open(server.port);
    await wire.send(GET);
    await wire.halfClose();
    assertStringIncludes(await wire.rest(), "there");
  }
  assert((await server.logged(105)).every(({ whole }) => whole), "the log has them as whole");
});

Deno.test("a half-closed connection is closed, and the next client is served", async () => {
  const left = leaving();
  let first = true;
  await using server = await serving(async (exchange) => {
    if (!first) return answerText(exchange, "ok");
    first = false;
    exchange.onGone(left.watch);
    await left.promise;
  });
  using half = await Wire.open(server.port);
  await half.send(GET);
  await half.halfClose();
  await left.promise;
  assertEquals(await half.rest(), "");
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  await wire.until("ok");
});

Deno.test("a request that was read gets its response whole, though bad bytes follow it, which get a 400", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/next")) return answerText(exchange, "next");
    exchange.respond(head(200), tap);
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET + "gar");
  tap.push("part");
  await wire.until("part\r\n");
  await wire.send("bage\r\n\r\n");
  tap.push("rest");
  tap.end();
  assertEquals(await wire.until("0\r\n\r\n"), "4\r\nrest\r\n0\r\n\r\n");
  assertMatch(await wire.rest(), /^HTTP\/1\.1 400 Bad Request\r\n/);
  using other = await Wire.open(server.port);
  await other.send(GET.replace("/", "/next"));
  await other.until("next");
});

Deno.test("draining lets running requests end and closes idle connections", async () => {
  const here = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    if (exchange.head.url.endsWith("/fast")) return answerText(exchange, "fast");
    here.resolve();
    await go.promise;
    answerText(exchange, "slow");
  });
  using fresh = await Wire.open(server.port);
  using idle = await Wire.open(server.port);
  await idle.send(GET.replace("/", "/fast"));
  await idle.until("fast");
  using busy = await Wire.open(server.port);
  await busy.send(GET);
  await here.promise;
  let drained = false;
  const draining = server.drain(60_000).then(() => drained = true);
  assertEquals(await idle.rest(), "");
  assertEquals(await fresh.rest(), "");
  await assertRejects(() => Wire.open(server.port), Deno.errors.ConnectionRefused);
  assert(!drained);
  go.resolve();
  const text = await busy.rest();
  assertStringIncludes(text, "Connection: close\r\n");
  assert(text.endsWith("slow"));
  await draining;
});

Deno.test("draining waits for a guest that works on after its response", async () => {
  const go = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    answerText(exchange, "ok");
    await go.promise;
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  await wire.until("ok");
  let drained = false;
  const draining = server.drain(60_000).then(() => drained = true);
  assertEquals(await wire.rest(), "");
  assert(!drained);
  go.resolve();
  await draining;
});

Deno.test("draining cuts requests that take too long", async () => {
  const left = leaving();
  const here = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    exchange.onGone(left.watch);
    exchange.respond(head(200), new Tap());
    here.resolve();
    await left.promise;
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  await here.promise;
  await server.drain(50);
  assertEquals(server.lines.map(({ status, whole }) => [status, whole]), [[200, false]]);
  await left.promise;
  assert(!(await wire.rest()).includes("0\r\n\r\n"));
});

Deno.test("closing ends everything at once", async () => {
  const left = leaving();
  const here = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    exchange.onGone(left.watch);
    here.resolve();
    await left.promise;
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  await here.promise;
  server.close();
  await left.promise;
  assertEquals(await wire.rest(), "");
});

Deno.test("clients that reset in the midst of a large response leave the server whole", async () => {
  const body = new Uint8Array(8 << 20);
  const gone: Promise<Error>[] = [];
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/next")) return answerText(exchange, "next");
    const left = leaving();
    exchange.onGone(left.watch);
    gone.push(left.promise);
    exchange.respond(head(200, "Content-Length", String(body.length)), body);
  });
  for (let i = 0; i < 8; i++) {
    const wire = await Wire.open(server.port);
    await wire.send(GET);
    await wire.more();
    wire.close(); // unread bytes make this a reset
  }
  await Promise.all(gone);
  assertEquals(gone.length, 8);
  using wire = await Wire.open(server.port);
  await wire.send(GET.replace("/", "/next"));
  await wire.until("next");
  assert(bytes("x").length === 1);
});

Deno.test("a request that is on its way on an idle connection when the server stops is answered, with a close", async () => {
  await using server = await serving((exchange) => answerText(exchange, exchange.head.url));
  const idle = await Promise.all(Array.from({ length: 20 }, () => Wire.open(server.port)));
  for (const wire of idle) {
    await wire.send(GET);
    await wire.until("http://a/");
  }
  const draining = server.drain(60_000);
  await Promise.all(idle.map(async (wire) => {
    await wire.send(GET.replace("/", "/late"));
    const text = await wire.rest();
    assertMatch(text, /^HTTP\/1\.1 200 OK\r\n/);
    assertStringIncludes(text, "\r\nConnection: close\r\n");
    assert(text.endsWith("http://a/late"));
    wire.close();
  }));
  await draining;
});

Deno.test("a request behind a response that ends while the server stops is answered, with a close", async () => {
  const tap = new Tap();
  await using server = await serving((exchange) => {
    if (exchange.head.url.endsWith("/late")) answerText(exchange, "late");
    else exchange.respond(head(200), tap);
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  tap.push("part");
  assertStringIncludes(await wire.until("part\r\n"), "\r\nConnection: keep-alive\r\n");
  const draining = server.drain(60_000);
  await new Promise((resolve) => setTimeout(resolve)); // it begins at the end of the turn
  tap.end();
  await wire.until("0\r\n\r\n");
  await wire.send(GET.replace("/", "/late"));
  const text = await wire.rest();
  assertMatch(text, /^HTTP\/1\.1 200 OK\r\n/);
  assertStringIncludes(text, "\r\nConnection: close\r\n");
  wire.close();
  await draining;
});

Deno.test("a connection that was opened when the server stops is answered", async () => {
  await using server = await serving((exchange) => answerText(exchange, "ok"));
  using wire = await Wire.open(server.port); // perhaps not yet accepted
  const draining = server.drain(60_000);
  await wire.send(GET);
  assert((await wire.rest()).endsWith("ok"));
  wire.close();
  await draining;
});

Deno.test("a kept connection whose response had said that it stays open is closed behind it", async () => {
  const tap = new Tap();
  const here = Promise.withResolvers<void>();
  await using server = await serving((exchange) => {
    exchange.respond(head(200), tap);
    here.resolve();
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET);
  await here.promise;
  tap.push("part");
  await wire.until("part\r\n");
  const draining = server.drain(60_000);
  tap.end();
  assertEquals(await wire.rest(), "0\r\n\r\n");
  wire.close();
  await draining;
});
