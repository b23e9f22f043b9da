import type { CompiledModule } from "../../wasm/program.ts";
import {
  Cost,
  EARLY,
  mayBeCheaper,
  MEASURED,
  ResetChoice,
  type ResetTrial,
  UNMEASURED,
  UNMEASURED_MILLIS,
} from "../../wasm/reset_choice.ts";
import { assertEquals } from "../assert.ts";

/** As many requests as are measured at a time, each of that cost, after others that are slower. */
function measure(add: (time: number) => void, time: number): void {
  for (let i = 0; i < UNMEASURED; i++) add(1.5 * time);
  for (let i = 0; i < MEASURED; i++) add(time);
}

/** Steps of a chooser, as lines. Times are in microseconds here. */
function chooser(
  copying: number,
  compiled: Promise<CompiledModule>,
  unusable?: "snapshot" | "dirty-pages",
) {
  const done: string[] = [];
  const trial: ResetTrial = {
    copying: () => copying / 1000,
    compileForSnapshots() {
      done.push("compile");
      return compiled;
    },
    use(program) {
      const method = program ? "snapshot" : "dirty-pages";
      if (method === unusable) throw new Error("no room for an instance");
      done.push(`use ${method}`);
    },
    chosen(method, ...costs) {
      const micros = costs.map((cost) => cost && Math.round(cost * 1000));
      done.push(`${method}: ${micros[0]} ${micros[1]}`);
    },
  };
  const { add } = new ResetChoice(trial);
  return { done, add: (micros: number) => add(micros / 1000) };
}

const PROGRAM = {} as CompiledModule;

Deno.test("the cost of a method is that of requests that V8 has optimised and little disturbs", () => {
  const cost = new Cost();
  for (let i = 0; i < UNMEASURED; i++) assertEquals(cost.add(0), undefined);
  for (let i = MEASURED - 1; i > 0; i--) assertEquals(cost.add(i), undefined);
  assertEquals(cost.add(1e9), 33);
});

Deno.test("of requests that take long few are not measured", () => {
  const cost = new Cost();
  for (let i = 1; i < 10; i++) assertEquals(cost.add(UNMEASURED_MILLIS / 10), undefined);
  for (let i = 1; i < MEASURED; i++) assertEquals(cost.add(UNMEASURED_MILLIS / 10), undefined);
  assertEquals(cost.add(UNMEASURED_MILLIS / 10), UNMEASURED_MILLIS / 10);
});

Deno.test("a snapshot is tried when copying takes less than marking could", () => {
  assertEquals([mayBeCheaper(100, 19), mayBeCheaper(100, 21)], [true, false]);
});

Deno.test("a program whose first requests all compute for long has snapshots after sixteen of them", async () => {
  const { done, add } = chooser(10, Promise.resolve(PROGRAM));
  for (let i = 1; i < EARLY; i++) add(1000);
  assertEquals(done, []);
  add(201);
  await Promise.resolve();
  assertEquals(done, ["compile", "use snapshot"]);
  measure(add, 201);
  assertEquals(done, ["compile", "use snapshot", "snapshot: 201 201"]);
});

/** A program whose first requests take long, since V8 has not optimised it yet, and later ones do not. */
async function seeming(withSnapshot: number, unusable?: "dirty-pages") {
  const made = chooser(10, Promise.resolve(PROGRAM), unusable);
  for (let i = 0; i < EARLY; i++) made.add(1000);
  await Promise.resolve();
  measure(made.add, withSnapshot);
  return made;
}

Deno.test("a program that only seemed to compute is tried with dirty pages, and keeps them if snapshots are not much cheaper", async () => {
  const { done, add } = await seeming(95);
  assertEquals(done, ["compile", "use snapshot", "use dirty-pages"]);
  measure(add, 100);
  assertEquals(done.slice(3), ["dirty-pages: 100 95"]);
});

Deno.test("a program that only seemed to compute has snapshots again if they are cheaper", async () => {
  const { done, add } = await seeming(80);
  measure(add, 100);
  assertEquals(done.slice(2), ["use dirty-pages", "use snapshot", "snapshot: 100 80"]);
});

Deno.test("a program that only seemed to compute keeps snapshots when no instance can be made for dirty pages", async () => {
  const { done } = await seeming(95, "dirty-pages");
  assertEquals(done, ["compile", "use snapshot", "snapshot: 1000 95"]);
});

Deno.test("one short request among the first is enough for the trial of both methods", async () => {
  const { done, add } = chooser(10, Promise.resolve(PROGRAM));
  add(199);
  measure(add, 600);
  assertEquals(done, ["compile"]);
  await Promise.resolve();
  measure(add, 600);
  assertEquals(done, ["compile", "use snapshot", "use dirty-pages", "dirty-pages: 600 600"]);
});

Deno.test("a program keeps dirty pages when its memory is large", () => {
  const { done, add } = chooser(60, Promise.resolve(PROGRAM));
  measure(add, 100);
  assertEquals(done, ["dirty-pages: 100 undefined"]);
});

Deno.test("a program with a small memory changes to snapshots, if they are cheaper", async () => {
  const { done, add } = chooser(10, Promise.resolve(PROGRAM));
  measure(add, 100);
  add(1); // while it is compiled nothing counts
  await Promise.resolve();
  measure(add, 80);
  assertEquals(done, ["compile", "use snapshot", "snapshot: 100 80"]);
});

Deno.test("a program goes back to dirty pages when snapshots are not much cheaper", async () => {
  const { done, add } = chooser(10, Promise.resolve(PROGRAM));
  measure(add, 100);
  await Promise.resolve();
  measure(add, 95);
  assertEquals(done, ["compile", "use snapshot", "use dirty-pages", "dirty-pages: 100 95"]);
});

Deno.test("a program keeps dirty pages when it cannot be compiled again", async () => {
  const { done, add } = chooser(10, Promise.reject(new Error("no memory")));
  measure(add, 100);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(done, ["compile", "dirty-pages: 100 undefined"]);
});

Deno.test("a program stays as it is when no instance can be made of the other", async () => {
  const toSnapshot = chooser(10, Promise.resolve(PROGRAM), "snapshot");
  measure(toSnapshot.add, 100);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(toSnapshot.done, ["compile", "dirty-pages: 100 undefined"]);
  const back = chooser(10, Promise.resolve(PROGRAM), "dirty-pages");
  measure(back.add, 100);
  await Promise.resolve();
  measure(back.add, 95);
  assertEquals(back.done, ["compile", "use snapshot", "snapshot: 100 95"]);
});
