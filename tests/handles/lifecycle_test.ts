import { Lifecycle, type RequestState } from "../../handles/lifecycle.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const STATES: readonly RequestState[] = ["queued", "running", "responded", "finished", "closed"];
/** The way to each state, and the states that may follow it. */
const LIVES: Readonly<
  Record<RequestState, { way: readonly RequestState[]; next: readonly RequestState[] }>
> = {
  queued: { way: [], next: ["running", "responded"] },
  running: { way: ["running"], next: ["responded"] },
  responded: { way: ["running", "responded"], next: ["finished"] },
  finished: { way: ["responded", "finished"], next: ["closed"] },
  closed: { way: ["responded", "finished", "closed"], next: [] },
};

function lifeIn(state: RequestState): Lifecycle {
  const life = new Lifecycle();
  for (const step of LIVES[state].way) life.enter(step);
  assertEquals(life.state, state);
  return life;
}

for (const from of STATES) {
  for (const to of STATES) {
    if (LIVES[from].next.includes(to)) {
      Deno.test(`a request that is ${from} may become ${to}`, () => {
        const life = lifeIn(from);
        life.enter(to);
        assertEquals(life.state, to);
      });
    } else {
      Deno.test(`a request that is ${from} cannot become ${to}, and stays as it is`, () => {
        const life = lifeIn(from);
        assertThrows(() => life.enter(to), TypeError, `Cannot go from "${from}" to "${to}"`);
        assertEquals(life.state, from);
      });
    }
  }
}

Deno.test("a request has its response from the state responded on", () => {
  assertEquals(STATES.map((state) => lifeIn(state).responded), [false, false, true, true, true]);
});

Deno.test("closed resolves when the request is closed, and not before", async () => {
  const life = lifeIn("finished");
  let closed = false;
  life.closed.then(() => closed = true);
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(closed, false);
  life.enter("closed");
  await life.closed;
});
