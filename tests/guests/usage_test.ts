import { Fastlike } from "../../mod.ts";
import { ProcessorClock } from "../../wasm/processor_clock.ts";
import { FakeExchange } from "../abi/_bench.ts";
import { assert, assertEquals } from "../assert.ts";
import { guestOf } from "./_spinning.ts";

const PAGE = 65536;
/** Hostcalls of `$is_post` and of `$answer`. */
const ASKS = 2;
const ANSWERS = 4;

for (const reuse of ["auto", "never"] as const) {
  const suffix = reuse === "auto" ? "" : ", in a new instance each";

  Deno.test(`usage has a request's hostcalls, memory and time${suffix}`, async () => {
    const guest = await guestOf(
      `(if (call $is_post) (then
         (drop (memory.grow (i32.const 2)))
         (call $spin_for (i64.const 10))
         (call $sleep (i64.const 60))
         (call $spin_for (i64.const 10))))
       (call $answer)`,
    );
    await using app = await Fastlike.load(guest, { reuse });
    const usageOf = async (method: string) => {
      const exchange = new FakeExchange({ method });
      await app.answer(exchange);
      await exchange.response();
      return exchange.metrics;
    };
    const large = await usageOf("POST");
    assertEquals(large.peakMemory, 3 * PAGE);
    assert(large.activeMillis > 18, `${large.activeMillis} ms`);
    assert(large.hostcalls > ASKS + ANSWERS + 1);
    const small = await usageOf("GET");
    assertEquals([small.peakMemory, small.hostcalls], [PAGE, ASKS + ANSWERS]);
    assert(small.activeMillis > 0 && small.activeMillis < large.activeMillis);
    assertEquals([large.limit, small.limit], [undefined, undefined]);
  });

  Deno.test(`usage tells of the limit that a guest has reached${suffix}`, async () => {
    await using app = await Fastlike.load(await guestOf("(call $answer) (call $spin)"), {
      reuse,
      limits: { cpu_time: 40 },
    });
    const exchange = new FakeExchange({});
    await app.answer(exchange);
    assertEquals(exchange.metrics.limit, "cpu_time 40ms");
    // The last stretch is measured on the wall, which has the time of other processes in it.
    assert(exchange.metrics.activeMillis >= 40 - ProcessorClock.maxByWall);
    assertEquals(exchange.metrics.hostcalls, ANSWERS);
  });
}

Deno.test("each request of a sandbox has a usage of its own", async () => {
  const guest = await guestOf(`
    (loop $on
      (if (call $is_post) (then (call $spin_for (i64.const 30))))
      (call $answer)
      (drop (call $next (i32.const 0) (i32.const 300) (i32.const 80)))
      (br_if $on (i32.eqz
        (call $next_wait (i32.load (i32.const 80)) (i32.const 0) (i32.const 4)))))`);
  await using app = await Fastlike.load(guest);
  const usages = [];
  for (const method of ["POST", "GET", "POST", "GET"]) {
    const exchange = new FakeExchange({ method });
    await app.answer(exchange);
    usages.push(exchange.metrics);
  }
  const [first, second, third, fourth] = usages;
  for (const posted of [first!, third!]) assert(posted.activeMillis > 29); // it sees whole ones
  for (const got of [second!, fourth!]) assert(got.activeMillis < first!.activeMillis);
  assertEquals(second!.hostcalls, ASKS + ANSWERS + 2);
  assertEquals(fourth!.hostcalls, second!.hostcalls);
});
