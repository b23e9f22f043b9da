import process from "node:process";
import { clearImmediate, setImmediate } from "node:timers";
import { Fastlike } from "../../mod.ts";
import { Id, Reader } from "../../wasm/rewrite/binary.ts";
import { layoutOf } from "../../wasm/rewrite/layout.ts";
import { rewriteInSteps, STEP_BYTES } from "../../wasm/rewrite/rewrite.ts";
import { inTurns } from "../../wasm/turns.ts";
import { assert, assertEquals } from "../assert.ts";
import { guestUrl } from "../guests/serving.ts";

Deno.test("long work gives the event loop a turn whenever it has taken 10 ms", async () => {
  let now = 0;
  let turns = 0;
  let counting = true;
  const count = () => {
    turns++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const stretches = [0];
  let seen = 0;
  function* steps() {
    for (let i = 0; i < 30; i++) {
      if (turns !== seen) stretches.push(0);
      seen = turns;
      stretches[stretches.length - 1]! += 4;
      now += 4;
      yield;
    }
    return "done";
  }
  assertEquals(await inTurns(steps(), { elapsed: () => now }), "done");
  counting = false;
  assertEquals(stretches, Array(10).fill(12));
});

Deno.test("an error of long work rejects", async () => {
  // deno-lint-ignore require-yield
  function* steps() {
    throw new Error("no more");
  }
  const error = await inTurns(steps()).catch((error) => error);
  assertEquals(error.message, "no more");
});

Deno.test("no step of rewriting takes more than 16 KB of code and one function", async () => {
  const layout = layoutOf(await Deno.readFile(guestUrl("go")));
  const section = layout.find(Id.code)!;
  const r = new Reader(layout.bytes, section.body);
  let largest = 0;
  for (let left = r.unsigned(); left > 0; left--) {
    const length = r.unsigned();
    r.at += length;
    largest = Math.max(largest, length);
  }
  const options = { memory: 2 ** 27, checks: true, reset: { dirtyPages: true } };
  const steps = [...rewriteInSteps(layout, options)].length;
  const least = (section.end - section.body) / (STEP_BYTES + largest);
  assert(steps > least && largest < 2 ** 18, `${steps} steps, ${largest} bytes in one function`);
});

Deno.test("a module of 12 MB does not hold up the event loop while it is loaded and reloaded", async () => {
  const bytes = await Deno.readFile(guestUrl("javascript"));
  const { longest, all } = await turnsOf(async () => {
    await using app = await Fastlike.load(bytes);
    await app.reload(bytes);
  });
  // At once, rewriting and validating take 250 ms of 650 or more. 20 to 60 ms were seen in one turn.
  assert(longest < all / 4, `a turn took ${longest} of ${all} ms of processor time`);
});

/**
 * Returns the longest turn of the event loop during some work, and the sum of all, in milliseconds of this thread's
 * processor time.
 */
async function turnsOf(work: () => Promise<void>): Promise<{ longest: number; all: number }> {
  const millis = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let longest = 0;
  const began = millis();
  let last = began;
  let next: NodeJS.Immediate;
  const turn = () => {
    const now = millis();
    longest = Math.max(longest, now - last);
    last = now;
    next = setImmediate(turn);
  };
  turn();
  try {
    await work();
  } finally {
    clearImmediate(next!);
  }
  return { longest, all: millis() - began };
}
