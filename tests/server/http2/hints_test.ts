import { setImmediate } from "node:timers";
import { assert, assertEquals } from "../../assert.ts";
import { answerText, head, serving } from "../wire.ts";
import { H2C, RawConnection, request, statusOf, TYPE } from "./frames.ts";

/** Hints of 2 KB: many more than sockets' buffers have room for. */
const MANY = 20_000;

Deno.test("informational heads are left out while a client takes nothing", async () => {
  const finished = Promise.withResolvers<void>();
  await using server = await serving(async (exchange) => {
    for (let i = 0; i < MANY; i++) {
      exchange.inform(head(103, "Link", "x".repeat(2000) + i)); // each is another, for HPACK
      if (i % 100 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    answerText(exchange, "ok");
    finished.resolve();
  }, H2C);
  using raw = await RawConnection.open(server.port);
  await raw.send(request(1, "/"));
  raw.socket.pause();
  await finished.promise;
  raw.socket.resume();
  const answer = await raw.find(({ type }) => type === TYPE.data);
  assertEquals(answer?.payload.toString(), "ok");
  const heads = raw.frames.filter(({ type }) => type === TYPE.headers);
  assertEquals(statusOf(heads.at(-1)!.payload), "200");
  assert(heads.length > 10 && heads.length < MANY / 2, `${heads.length} heads`);
});

Deno.test("informational heads of less than 64 KiB all reach their client", async () => {
  await using server = await serving(async (exchange) => {
    for (let i = 0; i < 30; i++) {
      exchange.inform(head(103, "Link", "x".repeat(2000) + i));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    answerText(exchange, "ok");
  }, H2C);
  using raw = await RawConnection.open(server.port);
  await raw.send(request(1, "/"));
  await raw.find(({ type }) => type === TYPE.data);
  assertEquals(raw.frames.filter(({ type }) => type === TYPE.headers).length, 31);
});
