import { assertEquals } from "../../assert.ts";
import { Pace } from "../../../service/util/stall_clock.ts";

const elapsed = (pace: Pace, ms: number) =>
  new Promise<number>((resolve) => {
    const start = performance.now();
    pace.after(ms, () => resolve(performance.now() - start));
  });

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("time in which the process was held up does not count", async () => {
  const pace = new Pace();
  const took = elapsed(pace, 20);
  block(60);
  pace.holdUp(60);
  assertEquals(await took >= 75, true, "the time limit counted what was no time of its own");
});

Deno.test("what held the process up before the time began changes nothing", async () => {
  const pace = new Pace();
  pace.holdUp(1e9);
  await elapsed(pace, 1);
});

Deno.test("a time that was taken back calls nobody", async () => {
  const pace = new Pace();
  let called = false;
  pace.after(1, () => called = true)();
  await elapsed(pace, 5);
  assertEquals(called, false);
});
