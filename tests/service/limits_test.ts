import {
  DEFAULT_LIMITS,
  describeLimit,
  type LimitName,
  limitsOf,
  readLimit,
} from "../../service/limits.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;

const values: readonly [name: LimitName, value: number | string, expected: number][] = [
  ["cpu_time", 300, 300],
  ["cpu_time", "300", 300],
  ["cpu_time", "300ms", 300],
  ["cpu_time", "1.5s", 1500],
  ["cpu_time", "1.1s", 1100],
  ["cpu_time", "2m", 120_000],
  ["cpu_time", "1h", 3_600_000],
  ["cpu_time", " 10 S ", 10_000],
  ["cpu_time", "none", Infinity],
  ["cpu_time", Infinity, Infinity],
  ["sandbox_idle", 0, 0],
  ["body_bytes", "100", 100],
  ["body_bytes", "100B", 100],
  ["body_bytes", "512KiB", 512 * KIB],
  ["body_bytes", "64MiB", 64 * MIB],
  ["body_bytes", "1.5GiB", 1536 * MIB],
  ["body_bytes", "100kb", 100_000],
  ["body_bytes", "100MB", 100_000_000],
  ["body_bytes", "1GB", 1_000_000_000],
  ["memory", "4GiB", 4096 * MIB],
  ["instances", "1", 1],
  ["queue", 0, 0],
  ["queue", "none", Infinity],
];

for (const [name, value, expected] of values) {
  Deno.test(`${name} may be ${Deno.inspect(value)}`, () => {
    assertEquals(limitsOf({ [name]: value }), { ...DEFAULT_LIMITS, [name]: expected });
  });
}

const TIME = "must be a time as 300ms, 10s or 2m, at least 1ms, or none for no limit";
const SIZE = "must be a size as 512KiB, 64MiB or 100MB, or none for no limit";
const mistakes: readonly [name: string, value: unknown, what: string][] = [
  ["cpu_tme", 1, "is not known: did you mean cpu_time?"],
  ["cacheBytes", 1, "is not known: did you mean cache_bytes?"],
  ["toString", 1, `is not known: there are ${Object.keys(DEFAULT_LIMITS).join(", ")}`],
  ["wall_time", "10x", TIME],
  ["wall_time", "10MiB", TIME],
  ["wall_time", "", TIME],
  ["wall_time", "s", TIME],
  ["wall_time", "-1s", TIME],
  ["wall_time", -1, TIME],
  ["wall_time", 1.5, TIME],
  ["wall_time", "1.5", TIME],
  ["wall_time", NaN, TIME],
  ["wall_time", true, TIME],
  ["wall_time", 0, TIME],
  ["wall_time", "30000h", TIME],
  ["log_bytes", "10M", SIZE],
  ["log_bytes", "constructor", SIZE],
  ["log_bytes", "1constructor", SIZE],
  [
    "memory",
    "none",
    "must be a size as 512KiB, 64MiB or 100MB, at least 64KiB and at most 4GiB",
  ],
  ["memory", 1, "must be a size as 512KiB, 64MiB or 100MB, at least 64KiB and at most 4GiB"],
  ["instances", 0, "must be a whole number, at least 1 and at most 30000"],
  ["queue", "1k", "must be a whole number, or none for no limit"],
];

for (const [name, value, what] of mistakes) {
  Deno.test(`${name} of ${Deno.inspect(value)} is a mistake that names the right form`, () => {
    const wrong = (told: string): never => {
      throw new Error(told);
    };
    const { message } = assertThrows(() => readLimit(name, value, wrong));
    assertEquals(message, what);
    assertThrows(
      () => limitsOf({ [name]: value }),
      TypeError,
      `Cannot use limits.${name}: it ${what}`,
    );
  });
}

Deno.test("a limit of nothing is the default one", () => {
  assertEquals(limitsOf(), DEFAULT_LIMITS);
  assertEquals(limitsOf(JSON.parse("{}")), DEFAULT_LIMITS);
  assertEquals(limitsOf({ ...{ memory: undefined } } as never), DEFAULT_LIMITS);
});

Deno.test("messages show a limit in the largest unit that fits", () => {
  const limits = limitsOf({
    cpu_time: 1500,
    body_bytes: "100MB",
    cache_bytes: "1GiB",
    log_bytes: 1001,
    header_bytes: "3KiB",
    queue: 0,
  });
  const shown = (name: LimitName) => describeLimit(name, limits);
  assertEquals(shown("wall_time"), "wall_time 120s");
  assertEquals(shown("cpu_time"), "cpu_time 1500ms");
  assertEquals(shown("memory"), "memory 128MiB");
  assertEquals(shown("body_bytes"), "body_bytes 100MB");
  assertEquals(shown("cache_bytes"), "cache_bytes 1GiB");
  assertEquals(shown("log_bytes"), "log_bytes 1001B");
  assertEquals(shown("header_bytes"), "header_bytes 3KiB");
  assertEquals(shown("queue"), "queue 0");
});
