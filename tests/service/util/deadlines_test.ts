import { Deadline, Deadlines } from "../../../service/util/deadlines.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { assert, assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";

/** A clock that a test moves, and the timers on it. */
class FakePace {
  now = 0;
  timers = 0;
  #timer: { readonly due: number; readonly callback: () => void } | undefined;

  readonly after = (ms: number, callback: () => void): () => void => {
    assert(!this.#timer, "there is one timer at a time");
    assert(ms > 0);
    this.timers++;
    const timer = this.#timer = { due: this.now + ms, callback };
    return () => {
      if (this.#timer === timer) this.#timer = undefined;
    };
  };

  /** Lets time pass, with the timers that are due on the way. */
  pass(ms: number): void {
    const end = this.now + ms;
    while (this.#timer && this.#timer.due <= end) {
      const { due, callback } = this.#timer;
      this.#timer = undefined;
      this.now = due;
      callback();
    }
    this.now = end;
  }

  get idle(): boolean {
    return !this.#timer;
  }
}

type Step = { begin: true } | { end: number } | { pass: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.constant({ begin: true } as const),
    fc.record({ end: fc.nat(20) }),
    fc.record({ pass: fc.integer({ min: 1, max: 3000 }) }),
  ),
  { maxLength: 60 },
);

Deno.test("entries that have not ended in time expire in order of arrival, and no others do", () => {
  fc.assert(fc.property(steps, (steps) => {
    const stallClock = new FakePace();
    const deadlines = new Deadlines(2500, stallClock);
    const begun: number[] = [];
    const expired: [key: number, at: number][] = [];
    const keys = Array.from(
      { length: 80 },
      (_, key) => new Deadline(() => expired.push([key, stallClock.now])),
    );
    const ended = new Set<number>();
    for (const step of steps) {
      if ("begin" in step) {
        const key = begun.push(stallClock.now) - 1;
        deadlines.add(keys[key]!);
      } else if ("end" in step) {
        if (!expired.some(([key]) => key === step.end)) ended.add(step.end);
        deadlines.delete(keys[step.end]!);
      } else stallClock.pass(step.pass);
    }
    const due = begun.map((at, key) => [key, at + 2500] as [number, number]);
    // An end that comes before its beginning ends nothing.
    const counts = (key: number) => !ended.has(key) || expired.some(([other]) => other === key);
    const expected = due.filter(([key, at]) => at <= stallClock.now && counts(key));
    assertEquals(expired.filter(([key]) => counts(key)), expected);
    assert(stallClock.timers <= 1 + begun.length + stallClock.now / 1000);
    deadlines.close();
    assert(stallClock.idle);
  }));
});

Deno.test("a thousand that end in time cost one timer", () => {
  const stallClock = new FakePace();
  const deadlines = new Deadlines(100, stallClock);
  for (let i = 0; i < 1000; i++) {
    const key = new Deadline(() => assert(false));
    deadlines.add(key);
    stallClock.pass(0.05);
    deadlines.delete(key);
  }
  assertEquals(stallClock.timers, 1);
  stallClock.pass(200);
  assertEquals([stallClock.timers, stallClock.idle], [1, true]);
});

Deno.test("an entry keeps its timeout when its action is changed", () => {
  const stallClock = new FakePace();
  const deadlines = new Deadlines(100, stallClock);
  const told: string[] = [];
  const [a, b] = [new Deadline(() => told.push("first")), new Deadline(() => told.push("b"))];
  deadlines.add(a);
  stallClock.pass(60);
  deadlines.add(b);
  a.expire = () => told.push("second");
  deadlines.add(a);
  stallClock.pass(40);
  assertEquals(told, ["second"]);
  stallClock.pass(60);
  assertEquals(told, ["second", "b"]);
});

Deno.test("an entry that expires may begin and end others", () => {
  const stallClock = new FakePace();
  const deadlines = new Deadlines(100, stallClock);
  const told: string[] = [];
  const tell = (name: string) => new Deadline(() => told.push(`${name} at ${stallClock.now}`));
  const [b, c, d] = [tell("b"), tell("c"), tell("d")];
  deadlines.add(
    new Deadline(() => {
      told.push("a");
      deadlines.delete(b);
      deadlines.add(d);
    }),
  );
  deadlines.add(b);
  stallClock.pass(10);
  deadlines.add(c);
  stallClock.pass(300);
  assertEquals(told, ["a", "c at 110", "d at 200"]);
});

Deno.test("without a limit nothing is kept and nothing expires", () => {
  const stallClock = new FakePace();
  new Deadlines(Infinity, stallClock).add(new Deadline(() => assert(false)));
  assert(stallClock.idle);
});

Deno.test("time in which the process was held up is not the request's", async () => {
  const stallClock = new StallClock();
  const deadlines = new Deadlines(40, stallClock);
  const expired = Promise.withResolvers<number>();
  const began = performance.now();
  deadlines.add(new Deadline(() => expired.resolve(performance.now() - began)));
  const end = began + 100;
  while (performance.now() < end);
  stallClock.holdUp(100);
  assert(await expired.promise >= 135, "it expired on time that was not its own");
});

Deno.test("a renewed entry has its full time again, and the others keep their order", () => {
  const stallClock = new FakePace();
  const deadlines = new Deadlines(1000, stallClock);
  const expired: string[] = [];
  const tell = (name: string) => new Deadline(() => expired.push(`${name} ${stallClock.now}`));
  const [a, b, c, ended] = [tell("a"), tell("b"), tell("c"), tell("ended")];
  for (const deadline of [a, b, ended]) deadlines.add(deadline);
  stallClock.pass(500);
  deadlines.renew(a);
  deadlines.add(c);
  deadlines.delete(ended);
  deadlines.renew(ended);
  stallClock.pass(400);
  deadlines.renew(c);
  stallClock.pass(2000);
  assertEquals(expired, ["b 1000", "a 1500", "c 1900"]);
  assert(stallClock.idle);
});

Deno.test("all can be made to expire at once, also without a limit", () => {
  for (const ms of [1000, Infinity]) {
    const stallClock = new FakePace();
    const deadlines = new Deadlines(ms, stallClock);
    const expired: number[] = [];
    const all = [0, 1, 2].map((i) => new Deadline(() => expired.push(i)));
    for (const deadline of all) deadlines.add(deadline);
    deadlines.delete(all[1]!);
    if (ms === Infinity) assert(stallClock.idle);
    deadlines.expire();
    deadlines.expire();
    assertEquals(expired, [0, 2]);
    deadlines.close();
  }
});
