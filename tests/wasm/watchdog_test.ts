import { Watchdog } from "../../wasm/watchdog.ts";
import { assertEquals } from "../assert.ts";

/** The word of the shared memory that says in how many milliseconds a guest is asked whether it may go on. */
const LEFT = 1;

Deno.test("no guest is asked before its time is up: a fraction of a millisecond counts as a whole one", () => {
  const watchdog = new Watchdog({ cpuTime: 100, signals: [], warn() {} });
  const words = new Int32Array(watchdog.memory.buffer);
  const cases = [[0.25, 1], [7, 7], [7.5, 8], [19.001, 20], [2 ** 40, 20]] as const;
  for (const [left, armed] of cases) {
    const runner = { leave() {} };
    watchdog.enter(runner, left);
    assertEquals(words[LEFT], armed, `${left} ms`);
    watchdog.leave(runner);
  }
});
