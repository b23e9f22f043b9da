import { assert, assertEquals } from "../assert.ts";
import { answerText, head, serving, Wire } from "./wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("pipelined requests are answered in turn", async () => {
  const { promise: first, resolve: came } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    const isFirst = exchange.head.url.endsWith("/first");
    if (isFirst) came();
    if (isFirst) await released;
    answerText(exchange, isFirst ? "one" : exchange.head.url);
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET.replace("/", "/first"));
  await first;
  await wire.send(GET.replace("/", "/second"));
  await wire.send(GET.replace("GET /", "POST /third"));
  await wire.send(GET.replace("/", "/four"));
  release();
  const all = await wire.until("http://a/four");
  assertEquals([...all.matchAll(/one|http:\/\/a\/[a-z]+/g)].map(([text]) => text), [
    ...["one", "http://a/second", "http://a/third", "http://a/four"],
  ]);
});

Deno.test("a response of any size reaches a client that reads late, and the next one follows", async () => {
  for (const size of [0, 1, 16_384, 16_385, 100_000, 5_000_000]) {
    await using server = await serving((exchange) => {
      if (exchange.head.url.endsWith("/next")) return answerText(exchange, "next");
      exchange.respond(head(200, "Content-Length", String(size)), new Uint8Array(size).fill(97));
    });
    using wire = await Wire.open(server.port);
    await wire.send(GET);
    await wire.send(GET.replace("/", "/next"));
    await wire.until("\r\n\r\n");
    assertEquals(await wire.exactly(size), "a".repeat(size));
    assert((await wire.until("next")).startsWith("HTTP/1.1 200"));
  }
});

/** Intervals that begin from now on pass when they are told to. */
function heldIntervals(): Disposable & { pass(): void } {
  const { setInterval } = globalThis;
  const due: (() => void)[] = [];
  globalThis.setInterval = ((run: () => void) => {
    due.push(run);
    return setInterval(() => {}, 2 ** 30);
  }) as typeof setInterval;
  return {
    pass: () => due.forEach((run) => run()),
    [Symbol.dispose]: () => void (globalThis.setInterval = setInterval),
  };
}

Deno.test("a connection that is idle for long is closed; one whose guest is at work is not", async () => {
  using rounds = heldIntervals();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: first, resolve: came } = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    if (exchange.head.url.endsWith("/busy")) {
      came();
      await released;
    }
    answerText(exchange, "ok");
  });
  using idle = await Wire.open(server.port);
  using busy = await Wire.open(server.port);
  await idle.send(GET);
  await idle.until("ok");
  await busy.send(GET.replace("/", "/busy"));
  await first;
  await server.logged(1);
  for (let seconds = 0; seconds <= 80; seconds += 5) rounds.pass();
  assertEquals(await idle.rest(), "");
  release();
  await busy.until("ok");
  await server.logged(2);
  rounds.pass(); // the time that a guest was at work is no idle time
  await busy.send(GET);
  await busy.until("ok");
});

Deno.test("the next responses close the connections to release, and those after them do not", async () => {
  await using server = await serving((exchange) => answerText(exchange, "ok"));
  using one = await Wire.open(server.port);
  using other = await Wire.open(server.port);
  const ask = async (wire: Wire) => {
    await wire.send(GET);
    const all = await wire.until("\r\n\r\nok");
    return /^connection: close/im.test(all);
  };
  assertEquals([await ask(one), await ask(other), await ask(other)], [false, false, false]);
  assertEquals([server.kept.next(), server.kept.count], [2, 0]);
  assertEquals([await ask(one), server.kept.count], [false, 1]);
  server.kept.release(1);
  assertEquals([await ask(one), await ask(other), server.kept.count], [true, false, 1]);
  assertEquals(await one.rest(), "");
  server.kept.release(1);
  server.kept.next(); // none has been released in the period
  assertEquals(await ask(other), false);
});

Deno.test("a response that others follow on the connection does not release it", async () => {
  const { promise: may, resolve: answer } = Promise.withResolvers<void>();
  const { promise: first, resolve: came } = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    came();
    await may;
    answerText(exchange, exchange.head.url);
  });
  using wire = await Wire.open(server.port);
  await wire.send(GET.replace("/", "/first") + GET.replace("/", "/second"));
  await first;
  server.kept.release(1);
  answer();
  const closes = async (url: string) => /^connection: close/im.test(await wire.until(url));
  assertEquals(await closes("http://a/first"), false);
  assertEquals(await closes("http://a/second"), true);
});
