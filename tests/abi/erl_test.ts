import { assert, assertEquals, assertMatch } from "../assert.ts";
import { memoryRateDriver } from "../../service/rate/memory_driver.ts";
import { silent, slow } from "../service/slow_driver.ts";
import { type Bench, bench, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const { ok, inval, error } = XqdStatus;
const MODULE = "fastly_erl";
const LONG = "n".repeat(1025);

/** A bench whose clock is set by hand, in milliseconds. */
function timed() {
  const clock = { now: 1_700_000_000_000 };
  return { b: bench({ clock: () => clock.now }), clock };
}

type Check = [delta: number, window: number, limit: number, ttl: number];

function check(b: Bench, entry: string, [delta, window, limit, ttl]: Check): Promise<number> {
  return b.got(MODULE, "check_rate", "rc", entry, delta, window, limit, "pb", ttl);
}

function refused(b: Bench, name: string, ...args: (string | number)[]): void {
  b.memory.setU32(OUT, UNTOUCHED);
  assertEquals(b.now(MODULE, name, ...args, OUT), inval, `${name}(${args})`);
  assertEquals(b.memory.u32(OUT), UNTOUCHED);
}

Deno.test("increments are in rates and counts until their window has passed", async () => {
  const { b, clock } = timed();
  using _ = b;
  const rate = (window: number) => b.got(MODULE, "ratecounter_lookup_rate", "rc", "e", window);
  const count = (span: number) => b.got(MODULE, "ratecounter_lookup_count", "rc", "e", span);
  assertEquals([await rate(1), await count(60)], [0, 0]);
  assertEquals(b.now(MODULE, "ratecounter_increment", "rc", "e", 100), ok);
  assertEquals(b.now(MODULE, "ratecounter_increment", "rc", "other", 1), ok);
  assertEquals(b.now(MODULE, "ratecounter_increment", "other", "e", 1), ok);
  assertEquals([await rate(1), await rate(10), await rate(60)], [100, 10, 1]);
  clock.now += 1_000;
  assertEquals([await rate(1), await rate(10), await rate(60)], [0, 10, 1]);
  clock.now += 9_000;
  assertEquals([await rate(10), await count(10), await count(20)], [0, 0, 100]);
  clock.now += 49_999;
  assertEquals([await count(50), await count(60)], [0, 100]);
  clock.now += 1;
  assertEquals([await rate(60), await count(60)], [0, 0]);
});

Deno.test("a check counts, and blocks entries above the limit for whole minutes", async () => {
  const { b, clock } = timed();
  using _ = b;
  const twice: Check = [1, 1, 2, 119];
  assertEquals([await check(b, "e", twice), await check(b, "e", twice)], [0, 0]);
  assertEquals(await b.got(MODULE, "penaltybox_has", "pb", "e"), 0);
  assertEquals(await check(b, "e", twice), 1);
  assertEquals(await b.got(MODULE, "penaltybox_has", "pb", "e"), 1);
  assertEquals(await check(b, "e", twice), 1);
  assertEquals(await b.got(MODULE, "ratecounter_lookup_count", "rc", "e", 60), 3, "not counted");
  assertEquals(await check(b, "other", twice), 0);
  clock.now += 59_999;
  assertEquals(await check(b, "e", twice), 1);
  clock.now += 1;
  assertEquals(await check(b, "e", twice), 0);
  assertEquals(await b.got(MODULE, "penaltybox_has", "pb", "e"), 0);
});

Deno.test("an entry that is put in a box by hand is blocked, and not counted", async () => {
  const { b, clock } = timed();
  using _ = b;
  assertEquals(b.now(MODULE, "penaltybox_add", "pb", "e", 3600), ok);
  assertEquals(await check(b, "e", [1, 60, 1000, 60]), 1);
  assertEquals(await b.got(MODULE, "ratecounter_lookup_count", "rc", "e", 60), 0);
  assertEquals(await b.got(MODULE, "penaltybox_has", "other", "e"), 0);
  clock.now += 3_599_999;
  assertEquals(await b.got(MODULE, "penaltybox_has", "pb", "e"), 1);
  clock.now += 1;
  assertEquals(await b.got(MODULE, "penaltybox_has", "pb", "e"), 0);
});

Deno.test("numbers beyond four bytes are returned as the greatest", async () => {
  const { b } = timed();
  using _ = b;
  for (let i = 0; i < 3; i++) {
    assertEquals(b.now(MODULE, "ratecounter_increment", "rc", "e", 0xffff_ffff), ok);
  }
  assertEquals(await b.got(MODULE, "ratecounter_lookup_count", "rc", "e", 10), 0xffff_ffff);
  assertEquals(await b.got(MODULE, "ratecounter_lookup_rate", "rc", "e", 1), 0xffff_ffff);
  assertEquals(await check(b, "e", [0, 1, 0xffff_ffff, 60]), 1);
});

Deno.test("other windows, spans, times and names are refused, and count nothing", async () => {
  const { b } = timed();
  using _ = b;
  for (const window of [0, 2, 11, 30, 61, 0xffff_ffff]) {
    refused(b, "ratecounter_lookup_rate", "rc", "e", window);
    refused(b, "check_rate", "rc", "e", 1, window, 1, "pb", 60);
  }
  for (const span of [0, 1, 15, 61, 70]) refused(b, "ratecounter_lookup_count", "rc", "e", span);
  for (const ttl of [0, 59, 3601]) {
    refused(b, "check_rate", "rc", "e", 1, 1, 1, "pb", ttl);
    assertEquals(b.now(MODULE, "penaltybox_add", "pb", "e", ttl), inval);
  }
  refused(b, "check_rate", LONG, "e", 1, 1, 1, "pb", 60);
  refused(b, "check_rate", "rc", "e", 1, 1, 1, LONG, 60);
  refused(b, "ratecounter_lookup_rate", LONG, "e", 1);
  refused(b, "penaltybox_has", LONG, "e");
  assertEquals(b.now(MODULE, "ratecounter_increment", LONG, "e", 1), inval);
  assertEquals(b.now(MODULE, "penaltybox_add", LONG, "e", 60), inval);
  assertEquals(await b.got(MODULE, "ratecounter_lookup_count", "rc", "e", 60), 0);
});

Deno.test("two services count apart", async () => {
  using one = bench();
  using other = bench();
  assertEquals(one.now(MODULE, "penaltybox_add", "pb", "e", 60), ok);
  assertEquals(await one.got(MODULE, "penaltybox_has", "pb", "e"), 1);
  assertEquals(await other.got(MODULE, "penaltybox_has", "pb", "e"), 0);
});

Deno.test("a driver that answers later makes only its guest wait", async () => {
  const driver = slow(memoryRateDriver());
  using b = bench({ rateDriver: () => driver });
  const counted = b.call(MODULE, "ratecounter_increment", "rc", "e", 7);
  assert(counted instanceof Promise);
  assertEquals(await counted, ok);
  assertEquals(await b.got(MODULE, "ratecounter_lookup_count", "rc", "e", 60), 7);
  assertEquals(await check(b, "e", [1, 1, 5, 60]), 1);
  assertEquals(await b.got(MODULE, "penaltybox_has", "pb", "e"), 1);
});

Deno.test("a driver that never answers fails the guest's call after driver_time, with the reason in the log", async () => {
  const logged: string[] = [];
  const driver = silent(memoryRateDriver());
  using b = bench({
    rateDriver: () => driver,
    limits: { driver_time: "20ms" },
    log: (entry) => entry.kind === "host" && logged.push(entry.message),
  });
  const calls: [name: string, args: (string | number)[]][] = [
    ["ratecounter_increment", ["rc", "e", 1]],
    ["ratecounter_lookup_rate", ["rc", "e", 1, OUT]],
    ["ratecounter_lookup_count", ["rc", "e", 60, OUT]],
    ["penaltybox_add", ["pb", "e", 60]],
    ["penaltybox_has", ["pb", "e", OUT]],
    ["check_rate", ["rc", "e", 1, 1, 5, "pb", 60, OUT]],
  ];
  for (const [name, args] of calls) assertEquals(await b.call(MODULE, name, ...args), error, name);
  assertEquals(logged.length, calls.length);
  for (const message of logged) {
    assertMatch(message, /Cannot (read|write) a (rate counter|penalty box): the driver has not/);
    assertMatch(message, /limits.driver_time \(20 ms\)/);
  }
});
