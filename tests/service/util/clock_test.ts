import { clockOf, machineClock } from "../../../service/util/clock.ts";
import { assert, assertEquals } from "../../assert.ts";

Deno.test("a timer longer than those of the platform does not fire at once", async () => {
  let fired = false;
  const cancel = machineClock.after(2 ** 40, () => fired = true);
  await new Promise<void>((resolve) => machineClock.after(5, resolve));
  cancel();
  assert(!fired);
});

Deno.test("a timer that is cancelled does not fire, and one in the background keeps no process alive", async () => {
  let fired = false;
  machineClock.after(0, () => fired = true)();
  await new Promise<void>((resolve) => machineClock.after(5, resolve));
  assert(!fired);
  const url = new URL("../../../service/util/clock.ts", import.meta.url);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { machineClock } from ${JSON.stringify(url.href)};
       machineClock.after(1e12, () => {}, { background: true });`,
    ],
    stderr: "null",
  }).output();
  assert(success);
});

Deno.test("a function for a clock changes the time, and nothing else", () => {
  const clock = clockOf(() => 42);
  assertEquals(clock.now(), 42);
  assertEquals(clock.after, machineClock.after);
  assertEquals(clockOf(undefined), machineClock);
  assert(Math.abs(machineClock.now() - Date.now()) < 1000);
});
