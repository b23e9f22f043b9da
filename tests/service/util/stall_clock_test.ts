import { assertEquals } from "../../assert.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";

const elapsed = (stallClock: StallClock, ms: number) =>
  new Promise<number>((resolve) => {
    const start = performance.now();
    stallClock.after(ms, () => resolve(performance.now() - start));
  });

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("time in which the process was held up does not count", async () => {
  const stallClock = new StallClock();
  const took = elapsed(stallClock, 20);
  block(60);
  stallClock.holdUp(60);
  assertEquals(await took >= 75, true, "the time limit counted what was no time of its own");
});

Deno.test("a stall before the time began changes nothing", async () => {
  const stallClock = new StallClock();
  stallClock.holdUp(1e9);
  await elapsed(stallClock, 1);
});

Deno.test("a cancelled timer does not call back", async () => {
  const stallClock = new StallClock();
  let called = false;
  stallClock.after(1, () => called = true)();
  await elapsed(stallClock, 5);
  assertEquals(called, false);
});

Deno.test("I/O that has come while the event loop stood still is handled before a timer that is late", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await listener.accept();
  const order: string[] = [];
  const read = client.read(new Uint8Array(1)).then(() => order.push("read"));
  await server.write(new Uint8Array(1));
  const expired = elapsed(new StallClock(), 1).then(() => order.push("expired"));
  block(100);
  await Promise.all([read, expired]);
  assertEquals(order, ["read", "expired"]);
});
