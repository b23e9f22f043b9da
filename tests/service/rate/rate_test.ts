import { HostError } from "../../../service/errors.ts";
import { RateCounters } from "../../../service/rate/counters.ts";
import type { RateKind } from "../../../service/rate/driver.ts";
import { RateLimiter } from "../../../service/rate/limiter.ts";
import { memoryRateDriver } from "../../../service/rate/memory_driver.ts";
import { PenaltyBoxes } from "../../../service/rate/penalty_boxes.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { slow } from "../slow_driver.ts";
import { rateContract } from "./contract.ts";

rateContract("memory", () => {
  const drivers = { counters: memoryRateDriver(), boxes: memoryRateDriver() };
  const driverOf = (kind: RateKind) => drivers[kind];
  return Promise.resolve({
    driverOf,
    reopen: () => Promise.resolve(driverOf),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

rateContract("a driver that answers after a turn", () => {
  const drivers = { counters: slow(memoryRateDriver()), boxes: slow(memoryRateDriver()) };
  const driverOf = (kind: RateKind) => drivers[kind];
  return Promise.resolve({
    driverOf,
    reopen: () => Promise.resolve(driverOf),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

/** Arbitrary calls of a program: an entry and its increment, each some milliseconds after the one before. */
const steps = fc.array(
  fc.record({
    name: fc.constantFrom("a", "ab"),
    entry: fc.constantFrom("c", "bc", ""),
    delta: fc.integer({ min: 0, max: 5 }),
    wait: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 70_000 })),
  }),
  { minLength: 10, maxLength: 60 },
);

Deno.test("counts and rates are those of a list of everything that was counted", () => {
  fc.assert(fc.property(steps, fc.integer({ min: 0, max: 2 ** 40 }), (course, start) => {
    let now = start;
    const driver = memoryRateDriver();
    const counters = new RateCounters(() => now, driver);
    const log: { name: string; entry: string; delta: number; second: number }[] = [];
    for (const { name, entry, delta, wait } of course) {
      now += wait;
      const second = Math.floor(now / 1000);
      counters.increment(name, entry, delta);
      log.push({ name, entry, delta, second });
      const sum = (seconds: number) =>
        log.filter((one) => one.name === name && one.entry === entry)
          .filter((one) => one.second > second - seconds)
          .reduce((total, one) => total + one.delta, 0);
      for (const seconds of [10, 20, 30, 40, 50, 60]) {
        assertEquals(counters.count(name, entry, seconds), sum(seconds));
      }
      for (const window of [1, 10, 60]) {
        assertEquals(counters.rate(name, entry, window), Math.floor(sum(window) / window));
        for (const limit of [0, 1, 2]) {
          const above = counters.incrementAndCompare(name, entry, 0, window, limit);
          assertEquals(above, sum(window) / window > limit);
        }
      }
      const recent = log.filter((one) => one.second > second - 120);
      const live = new Set(recent.map((one) => `${one.name} ${one.entry}`));
      assert(driver.size <= live.size, "what counts no more is forgotten within a minute");
    }
  }));
});

Deno.test("a check blocks as a model of it does", () => {
  fc.assert(fc.property(
    steps,
    fc.constantFrom(1, 10, 60),
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 60, max: 3600 }),
    (course, window, limit, ttl) => {
      let now = 1e12;
      const limiter = new RateLimiter(() => now);
      const boxed = new Map<string, number>();
      const log: { who: string; delta: number; second: number }[] = [];
      for (const { name, entry, delta, wait } of course) {
        now += wait;
        const who = `${name} ${entry}`;
        const second = Math.floor(now / 1000);
        let expected = (boxed.get(who) ?? 0) > now;
        if (!expected) {
          log.push({ who, delta, second });
          const sum = log.filter((one) => one.who === who && one.second > second - window)
            .reduce((total, one) => total + one.delta, 0);
          if ((expected = sum / window > limit)) {
            boxed.set(who, now + Math.floor(ttl / 60) * 60_000);
          }
        }
        const check = { counter: name, entry, delta, window, limit, box: name, ttl };
        assertEquals(limiter.check(check), expected);
        assertEquals(limiter.boxes.has(name, entry), expected);
      }
    },
  ));
});

Deno.test("a flood of entries is forgotten, the oldest first, and the busy ones stay", () => {
  const now = 1e12;
  const [counts, times] = [memoryRateDriver(100), memoryRateDriver(100)];
  const counters = new RateCounters(() => now, counts);
  const boxes = new PenaltyBoxes(() => now, times);
  for (let i = 0; i < 10_000; i++) {
    counters.increment("c", `${i}`, 1);
    counters.increment("c", "busy", 1);
    boxes.add("b", `${i}`, 60);
    assert(counts.size <= 100 && times.size <= 100);
  }
  assertEquals(counters.count("c", "busy", 10), 10_000);
  assertEquals([counters.count("c", "9999", 10), counters.count("c", "0", 10)], [1, 0]);
  assertEquals([boxes.has("b", "9900"), boxes.has("b", "9899")], [true, false]);
});

Deno.test("records take as many bytes as they may, however long the names of entries are", () => {
  let now = 1e12;
  const [counts, times] = [memoryRateDriver(), memoryRateDriver()];
  const counters = new RateCounters(() => now, counts);
  const boxes = new PenaltyBoxes(() => now, times);
  const long = "x".repeat(60 * 1024);
  for (let i = 0; i < 500; i++) {
    counters.increment("c", `${long}${i}`, 1);
    boxes.add("b", `${long}${i}`, 60);
  }
  assertEquals([counts.size, times.size], [500, 500]);
  assert(counts.bytes < 500 * 1024 && times.bytes < 500 * 1024);
  assertEquals(counters.count("c", `${long}0`, 10), 1);
  assertEquals([boxes.has("b", `${long}1`), boxes.has("b", `${long}500`)], [true, false]);
  now += 120_000;
  counters.increment("c", "e", 1);
  boxes.add("b", "e", 60);
  assertEquals([counts.size, times.size], [1, 1]);
  assert(counts.bytes < 1024 && times.bytes < 1024);
});

Deno.test("the bytes of records are bounded, buckets too, and exact after each change", () => {
  let now = 1e12;
  const driver = memoryRateDriver(Infinity, 10_000);
  const counters = new RateCounters(() => now, driver);
  for (let second = 0; second < 59; second++, now += 1000) counters.increment("c", "one", 1);
  assert(driver.bytes > 2_000);
  for (let i = 0; i < 1000; i++) {
    counters.increment("c", `${i}`, 1);
    assert(driver.bytes <= 10_000);
  }
  assert(driver.size > 10);
  now += 60_000;
  counters.increment("c", "last", 1);
  assertEquals(driver.size, 1);
  assertEquals(driver.bytes, 200 + 2 * "1:clast".length + 40);
});

Deno.test("an entry that goes on asking stays in the box, whatever others are put in it", () => {
  const boxes = new PenaltyBoxes(() => 1e12, memoryRateDriver(100));
  boxes.add("b", "knocks", 60);
  boxes.add("b", "silent", 60);
  for (let i = 0; i < 1000; i++) {
    boxes.add("b", `${i}`, 60);
    assert(boxes.has("b", "knocks"));
  }
  assertEquals(boxes.has("b", "silent"), false);
});

Deno.test("no two long entries are one", () => {
  const counters = new RateCounters(() => 1e12, memoryRateDriver());
  const long = "x".repeat(1000);
  for (const [name, entry] of [["c", long], ["c", `${long}y`], ["cx", long], ["c", `x${long}`]]) {
    counters.increment(name!, entry!, 1);
    assertEquals(counters.count(name!, entry!, 10), 1);
  }
});

Deno.test("an entry that has left its box is not kept", () => {
  let now = 1e12;
  const driver = memoryRateDriver();
  const boxes = new PenaltyBoxes(() => now, driver);
  for (let i = 0; i < 1000; i++) boxes.add("b", `${i}`, i % 2 ? 60 : 3600);
  now += 60_000;
  boxes.add("b", "new", 60);
  assertEquals(driver.size, 501);
});

Deno.test("a clock that goes back loses no count", () => {
  let now = 1e12;
  const counters = new RateCounters(() => now, memoryRateDriver());
  counters.increment("c", "e", 1);
  now -= 5_000;
  counters.increment("c", "e", 1);
  assertEquals(counters.count("c", "e", 10), 2);
  now += 5_000;
  counters.increment("c", "e", 1);
  assertEquals([counters.count("c", "e", 10), counters.rate("c", "e", 1)], [3, 3]);
  now -= 3_600_000;
  counters.increment("c", "e", 1);
  assertEquals(counters.count("c", "e", 10), 1, "but starts anew if it goes back far");
});

Deno.test("a name is good up to 1024 bytes", () => {
  const counters = new RateCounters(() => 0, memoryRateDriver());
  const boxes = new PenaltyBoxes(() => 0, memoryRateDriver());
  counters.increment("ä".repeat(512), "e".repeat(5000), 1);
  boxes.add("ä".repeat(512), "e".repeat(5000), 60);
  for (
    const use of [
      () => counters.increment("ä".repeat(513), "e", 1),
      () => counters.rate("ä".repeat(513), "e", 1),
      () => counters.count("ä".repeat(513), "e", 10),
      () => boxes.add("ä".repeat(513), "e", 60),
      () => boxes.has("ä".repeat(513), "e"),
    ]
  ) assertThrows(use, HostError, "Cannot use a name of 1026 bytes: 1024 is the most");
});
