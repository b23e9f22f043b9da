import { Fastlike } from "../../mod.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { assemble } from "../../cli/wat.ts";
import { CASES } from "./_cases.ts";
import { guestOf } from "./_spinning.ts";

const AT_ONCE = 10;
const WORKERS = 4;

/** Sends requests to a harmless program without pause; returns failures and durations. */
function askInTurn(app: Fastlike, signal: AbortSignal) {
  const wrong: string[] = [];
  const times: number[] = [];
  const work = async () => {
    while (!signal.aborted) {
      const began = performance.now();
      const response = await app.handler(new Request("http://good.test/"));
      const text = await response.text();
      times.push(performance.now() - began);
      if (response.status !== 200 || text !== "done") wrong.push(`${response.status} ${text}`);
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  return { wrong, times, done: Promise.all(Array.from({ length: WORKERS }, work)) };
}

Deno.test("start functions that spin one after another let timers have their turn between", async () => {
  const module = await assemble(
    "start.wat",
    '(module (memory (export "memory") 1) (func (export "_start")) (func $s (loop (br 0))) (start $s))',
  );
  await using app = await Fastlike.load(module, { limits: { cpu_time: 50 } });
  let ended = 0;
  const asked = Promise.all(Array.from({ length: 6 }, async () => {
    await (await app.handler(new Request("http://bad.test/"))).text();
    ended++;
  }));
  const turns = new Set<number>();
  while (ended < 6) {
    turns.add(ended);
    await new Promise((resolve) => setTimeout(resolve));
  }
  await asked;
  assert(turns.size >= 4, `the event loop has turned after ${[...turns]} of them`);
});

Deno.test("ten of each guest that means harm, at once, and no other request fails", async (t) => {
  await using good = await Fastlike.load(
    await guestOf("(call $sleep (i64.const 1)) (call $answer)"),
  );
  for (const [name, { expected, module }] of CASES) {
    const bytes = await module();
    const over = new AbortController();
    const beside = askInTurn(good, over.signal);
    try {
      await t.step(`${name} does what it may`, async () => {
        // One that is not to be stopped has time enough on a busy machine, too.
        const stopped = "text" in expected && /cpu_time/.test(expected.text.source);
        const limits = { cpu_time: stopped ? 50 : 1000 };
        const load = () => Fastlike.load(bytes, { errors: "details", limits });
        if (expected instanceof RegExp) {
          for (let i = 0; i < AT_ONCE; i++) {
            assertMatch((await assertRejects(load, Error)).message, expected);
          }
          return;
        }
        await using app = await load();
        await Promise.all(Array.from({ length: AT_ONCE }, async () => {
          const response = await app.handler(new Request("http://bad.test/"));
          assertMatch(await response.text(), expected.text);
          assert([expected.status].flat().includes(response.status), `${response.status}`);
        }));
      });
    } finally {
      over.abort();
      await beside.done;
    }
    const { wrong, times } = beside;
    const p99 = times.sort((one, other) => one - other)[Math.floor(times.length * 0.99)];
    await t.step(`beside ${name}: ${times.length} requests, p99 ${p99?.toFixed(0)} ms`, () => {
      assertEquals(wrong, []);
      assert(times.length > 0);
    });
  }
  assertEquals(
    Object.keys(Object.entries({ a: 1 })[0]!),
    ["0", "1"],
    "the host's objects are whole",
  );
});
