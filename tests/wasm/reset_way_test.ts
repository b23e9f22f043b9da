import type { Program } from "../../wasm/program.ts";
import {
  Cost,
  mayBeCheaper,
  MEASURED,
  type Trial,
  UNMEASURED,
  WayChooser,
} from "../../wasm/reset_way.ts";
import { assertEquals } from "../assert.ts";

/** As many requests as are measured at a time, each of that cost. */
function measure(add: (time: number) => void, time: number): void {
  for (let i = 0; i < UNMEASURED; i++) add(1e6);
  for (let i = 0; i < MEASURED; i++) add(time);
}

/** What a chooser does, as lines. */
function chooser(copying: number, compiled: Promise<Program>, unusable?: "images" | "cards") {
  const done: string[] = [];
  const trial: Trial = {
    copying: () => copying,
    compileForImages() {
      done.push("compile");
      return compiled;
    },
    use(program) {
      const way = program ? "images" : "cards";
      if (way === unusable) throw new Error("no room for an instance");
      done.push(`use ${way}`);
    },
    chosen: (way, cards, images) => done.push(`${way}: ${cards} ${images}`),
  };
  return { done, add: new WayChooser(trial).add };
}

const PROGRAM = {} as Program;

Deno.test("the cost of a way is that of requests that V8 has optimised and little disturbs", () => {
  const cost = new Cost();
  for (let i = 0; i < UNMEASURED; i++) assertEquals(cost.add(0), undefined);
  for (let i = MEASURED - 1; i > 0; i--) assertEquals(cost.add(i), undefined);
  assertEquals(cost.add(1e9), 33);
});

Deno.test("whole images are tried when copying takes less than marking could", () => {
  assertEquals([mayBeCheaper(100, 49), mayBeCheaper(100, 51)], [true, false]);
});

Deno.test("a program keeps its cards when its image is large", () => {
  const { done, add } = chooser(60, Promise.resolve(PROGRAM));
  measure(add, 100);
  assertEquals(done, ["cards: 100 undefined"]);
});

Deno.test("a program with a small image changes to whole images, if they are cheaper", async () => {
  const { done, add } = chooser(10, Promise.resolve(PROGRAM));
  measure(add, 100);
  add(1); // while it is compiled nothing counts
  await Promise.resolve();
  measure(add, 80);
  assertEquals(done, ["compile", "use images", "image: 100 80"]);
});

Deno.test("a program goes back to cards when whole images are not much cheaper", async () => {
  const { done, add } = chooser(10, Promise.resolve(PROGRAM));
  measure(add, 100);
  await Promise.resolve();
  measure(add, 95);
  assertEquals(done, ["compile", "use images", "use cards", "cards: 100 95"]);
});

Deno.test("a program keeps its cards when it cannot be compiled again", async () => {
  const { done, add } = chooser(10, Promise.reject(new Error("no memory")));
  measure(add, 100);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(done, ["compile", "cards: 100 undefined"]);
});

Deno.test("a program stays as it is when no instance can be made of the other", async () => {
  const toImages = chooser(10, Promise.resolve(PROGRAM), "images");
  measure(toImages.add, 100);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(toImages.done, ["compile", "cards: 100 undefined"]);
  const back = chooser(10, Promise.resolve(PROGRAM), "cards");
  measure(back.add, 100);
  await Promise.resolve();
  measure(back.add, 95);
  assertEquals(back.done, ["compile", "use images", "image: 100 95"]);
});
