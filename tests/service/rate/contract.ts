/**
 * Contract of drivers of rate counters and penalty boxes, and of these over one: `rateContract` runs its tests for one
 * driver.
 *
 * @module
 */
import type { RateDriver, RateKind } from "../../../service/rate/driver.ts";
import { RateLimiter } from "../../../service/rate/limiter.ts";
import { assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";

/** Drivers without records, for one test. */
interface OpenRateDriver extends AsyncDisposable {
  readonly driverOf: (kind: RateKind) => RateDriver;
  /** Ends these drivers, and gives those that the next start would have. */
  reopen(): Promise<(kind: RateKind) => RateDriver>;
}

type Open = () => Promise<OpenRateDriver>;

/** Runs the contract over a driver. */
export function rateContract(title: string, open: Open): void {
  Deno.test(`${title}: a record keeps its change, at the next start as well`, async () => {
    await using opened = await open();
    const driver = opened.driverOf("counters");
    assertEquals(await driver.get("a"), undefined);
    await driver.update("a", 5_000, (record) => {
      assertEquals(record, { buckets: [], expires: 0 });
      record.buckets.push({ second: 5, count: 2 ** 40 }, { second: 6, count: 1 });
      record.expires = 66_000.5;
    });
    await driver.update("é\0", 5_000, (record) => record.expires = 70_000);
    await driver.update("a", 6_000, (record) => record.buckets.at(-1)!.count += 2);
    const check = async (driver: RateDriver) => {
      const buckets = [{ second: 5, count: 2 ** 40 }, { second: 6, count: 3 }];
      assertEquals(await driver.get("a"), { buckets, expires: 66_000.5 });
      assertEquals(await driver.get("é\0"), { buckets: [], expires: 70_000 });
      assertEquals(await driver.get("é"), undefined);
    };
    await check(driver);
    const again = await opened.reopen();
    await check(again("counters"));
    assertEquals(await again("boxes").get("a"), undefined);
  });

  Deno.test(`${title}: counters and boxes go on after a restart`, async () => {
    await using opened = await open();
    let now = 1e12;
    const first = new RateLimiter(() => now, opened.driverOf);
    await first.counters.increment("c", "e", 5);
    await first.boxes.add("b", "e", 120);
    now += 9_000;
    const second = new RateLimiter(() => now, await opened.reopen());
    await second.counters.increment("c", "e", 1);
    assertEquals([
      await second.counters.count("c", "e", 10),
      await second.counters.rate("c", "e", 1),
    ], [6, 1]);
    assertEquals([await second.boxes.has("b", "e"), await second.boxes.has("b", "other")], [
      true,
      false,
    ]);
    now += 1_000;
    const third = new RateLimiter(() => now, await opened.reopen());
    assertEquals([
      await third.counters.count("c", "e", 10),
      await third.counters.count("c", "e", 20),
    ], [1, 6]);
    now += 110_000;
    assertEquals([await third.boxes.has("b", "e"), await third.counters.count("c", "e", 60)], [
      false,
      0,
    ]);
  });

  Deno.test(`${title}: limiters that share a driver count together`, async () => {
    await using opened = await open();
    const limiters = [1, 2].map(() => new RateLimiter(() => 1e12, opened.driverOf));
    await Promise.all(limiters.map(({ counters }) => counters.increment("c", "e", 2)));
    await limiters[0]!.boxes.add("b", "e", 60);
    for (const { counters, boxes } of limiters) {
      assertEquals([await counters.count("c", "e", 10), await boxes.has("b", "e")], [4, true]);
    }
  });

  Deno.test(`${title}: of increments at the same time none is lost, and a check sees them all`, async () => {
    await using opened = await open();
    const { counters, check } = (() => {
      const limiter = new RateLimiter(() => 1e12, opened.driverOf);
      const check = (entry: string) =>
        limiter.check({ counter: "c", entry, delta: 1, window: 1, limit: 5, box: "b", ttl: 60 });
      return { counters: limiter.counters, check };
    })();
    await Promise.all(Array.from({ length: 20 }, () => counters.increment("c", "e", 1)));
    assertEquals(await counters.count("c", "e", 10), 20);
    const checks = await Promise.all(Array.from({ length: 8 }, () => check("other")));
    assertEquals(checks.filter((blocked) => !blocked).length, 5);
    assertEquals(await check("other"), true);
  });

  Deno.test(`${title}: restarts change neither boxes nor counts`, async () => {
    const steps = fc.array(
      fc.record({
        name: fc.constantFrom("a", "ab"),
        entry: fc.constantFrom("c", "bc", ""),
        delta: fc.nat(5),
        wait: fc.oneof(fc.nat(2_000), fc.nat(70_000)),
        restart: fc.boolean(),
      }),
      { maxLength: 30 },
    );
    const window = fc.constantFrom(1, 10, 60);
    await fc.assert(
      fc.asyncProperty(steps, window, fc.nat(4), async (course, window, limit) => {
        await using opened = await open();
        let now = 1e12;
        const plain = new RateLimiter(() => now);
        let kept = new RateLimiter(() => now, opened.driverOf);
        for (const { name, entry, delta, wait, restart } of course) {
          now += wait;
          if (restart) kept = new RateLimiter(() => now, await opened.reopen());
          const check = { counter: name, entry, delta, window, limit, box: name, ttl: 60 };
          assertEquals(await kept.check(check), await plain.check(check));
          for (const seconds of [10, 60]) {
            const count = await kept.counters.count(name, entry, seconds);
            assertEquals(count, await plain.counters.count(name, entry, seconds));
          }
        }
      }),
      { numRuns: 40 },
    );
  });
}
