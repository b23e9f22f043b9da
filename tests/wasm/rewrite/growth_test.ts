import { assemble } from "../../../cli/wat.ts";
import { Fastlike, type FastlikeOptions, type LogEntry } from "../../../mod.ts";
import { MAX_ELEMENTS } from "../../../wasm/rewrite/budget.ts";
import {
  BUDGET,
  BYTES_LEFT,
  CONTROL,
  ELEMENTS_LEFT,
  WATCH,
} from "../../../wasm/rewrite/control.ts";
import { layoutOf } from "../../../wasm/rewrite/layout.ts";
import { rewrite, SHARED_CONTROL } from "../../../wasm/rewrite/rewrite.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { withMemories } from "../_machine.ts";

const PAGE = 65_536;

/** A guest that writes a line with four characters that tell a number, after `act`. */
function counting(parts: string, act: string): Promise<Uint8Array> {
  return assemble(
    "guest.wat",
    `(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      ${parts}
      (func $digit (param $at i32) (param $n i32)
        (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10)))))
      (func $tell (param $n i32)
        (call $digit (i32.const 64) (i32.div_u (local.get $n) (i32.const 1000)))
        (call $digit (i32.const 65) (i32.div_u (local.get $n) (i32.const 100)))
        (call $digit (i32.const 66) (i32.div_u (local.get $n) (i32.const 10)))
        (call $digit (i32.const 67) (local.get $n))
        (i32.store8 (i32.const 68) (i32.const 10))
        (i32.store (i32.const 16) (i32.const 64))
        (i32.store (i32.const 20) (i32.const 5))
        (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
      (func (export "_start") (local $n i32) ${act} (call $tell (local.get $n))))`,
  );
}

interface Outcome {
  readonly printed: readonly string[];
  readonly warnings: readonly string[];
  readonly statuses: readonly number[];
  /** Number of times that a request has met the limit on memory. */
  readonly hits: number;
  readonly body: string;
}

/** Sends two requests. */
async function outcomeOf(
  source: Uint8Array | WebAssembly.Module,
  options: FastlikeOptions = {},
): Promise<Outcome> {
  const entries: LogEntry[] = [];
  await using app = await Fastlike.load(source, {
    ...options,
    log: (entry) => entries.push(entry),
  });
  const statuses: number[] = [];
  let body = "";
  for (let i = 0; i < 2; i++) {
    const response = await app.handler(new Request("http://localhost/"));
    body = await response.text();
    statuses.push(response.status);
  }
  return {
    printed: entries.flatMap((entry) => entry.kind === "stdout" ? [entry.message] : []),
    warnings: entries.flatMap((entry) =>
      entry.kind === "host" && entry.level === "warning" ? [entry.message] : []
    ),
    statuses,
    hits: app.status().limits.memory ?? 0,
    body,
  };
}

/** Grows by one, 9,999 times at the most, and counts how often that went well. */
const untilRefused = (...grows: string[]) =>
  `(loop $again
    ${
    grows.map((grow) =>
      `(if (i32.ne (i32.const -1) ${grow}) (then
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 9999)))))`
    ).join("\n")
  })`;

const MEMORY = "(memory.grow (i32.const 1))";
const REFUSED = "The guest's memory could not grow: the limit is memory 1MiB";

const LANES: readonly FastlikeOptions[] = [
  { reuse: "auto" },
  { reuse: "snapshot" },
  { reuse: "never" },
  { reuse: "never", limits: { cpu_time: "none" } },
];

async function assertCount(source: Uint8Array, count: string): Promise<void> {
  for (const { limits, ...options } of LANES) {
    const outcome = await outcomeOf(source, { ...options, limits: { memory: "1MiB", ...limits } });
    const told = outcome.warnings.filter((line) => line.startsWith("The guest"));
    assertEquals([outcome.printed, outcome.statuses], [[count, count], [200, 200]]);
    assertEquals([told, outcome.hits], [[REFUSED, REFUSED], 2]);
  }
}

Deno.test("a memory grows to the limit, in each way of reuse; refusal is in the log and the status", async () => {
  await assertCount(await counting("", untilRefused(MEMORY)), "0015");
});

Deno.test("a table that an instance starts with counts for the limit of its memory", async () => {
  // Two pages of elements, and a bit: three pages less.
  await assertCount(await counting("(table 17000 funcref)", untilRefused(MEMORY)), "0012");
});

Deno.test("several memories grow to the limit together", async () => {
  const others = Array.from({ length: 10 }, (_, i) => [0, i ? 0 : 1]);
  const grows = Array.from({ length: 11 }, () => MEMORY);
  const source = withMemories(await counting("", untilRefused(...grows)), others);
  await assertCount(source, "0014");
});

Deno.test("tables grow to the limit together with memories, 8 bytes an element", async () => {
  const grows = ["$a", "$b"].map((name) =>
    `(table.grow ${name} (ref.null ${name === "$a" ? "extern" : "func"}) (i32.const 8192))`
  );
  await assertCount(
    await counting("(table $a 0 externref) (table $b 8192 funcref)", untilRefused(...grows)),
    "0014",
  );
});

Deno.test("the tables of an instance have 1,000,000 elements together at the most, however high memory is", async () => {
  const by = (name: string, delta: number) =>
    `(table.grow ${name} (ref.null func) (i32.const ${delta}))`;
  const parts = "(table $a 1000 funcref) (table $b 0 funcref)";
  const high: FastlikeOptions = { reuse: "never", limits: { memory: "4GiB" } };
  const cases = [
    [untilRefused(by("$a", 100_000), by("$b", 1000)), "0108"],
    [untilRefused(by("$b", 999_001)), "0000"],
    [untilRefused(by("$b", 10_000_000)), "0000"],
    [untilRefused(by("$b", 999_000)), "0001"],
  ] as const;
  for (const [act, count] of cases) {
    for (const options of [...LANES, high]) {
      const { printed, statuses, hits } = await outcomeOf(await counting(parts, act), options);
      assertEquals([printed, statuses, hits], [[count, count], [200, 200], 0], act);
    }
  }
});

Deno.test("the tables of all modules of a component have 1,000,000 elements together at the most", async () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const [bytes, elements] = [BYTES_LEFT, ELEMENTS_LEFT].map((at) =>
    new BigUint64Array(memory.buffer, at, 1)
  );
  bytes![0] = 2n ** 40n;
  elements![0] = BigInt(MAX_ELEMENTS);
  const source = await assemble(
    "part.wat",
    `(module (table $a 0 funcref) (table $b 0 externref)
      (func (export "a") (param i32) (result i32) (table.grow $a (ref.null func) (local.get 0)))
      (func (export "b") (param i32) (result i32) (table.grow $b (ref.null extern) (local.get 0))))`,
  );
  const { bytes: rewritten, names } = rewrite(layoutOf(source), {
    memory: 2 ** 40,
    checks: false,
    part: true,
  });
  const module = await WebAssembly.compile(rewritten);
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const control = new WebAssembly.Memory({
    initial: SHARED_CONTROL.min,
    maximum: SHARED_CONTROL.max,
  });
  const given = { [names.host]: { [WATCH]: shared, [CONTROL]: control, [BUDGET]: memory } };
  const parts = [1, 2].map(() => new WebAssembly.Instance(module, given).exports);
  const grow = (part: number, table: string, by: number) =>
    (parts[part]![table] as CallableFunction)(by);
  assertEquals([grow(0, "a", 600_000), grow(1, "b", 300_000), elements![0]], [0, 0, 100_000n]);
  assertEquals([grow(1, "a", 100_001), grow(0, "b", -1), elements![0]], [-1, -1, 100_000n]);
  assertEquals([grow(1, "b", 100_000), grow(0, "b", 1), elements![0]], [300_000, -1, 0n]);
  assertEquals([bytes![0], grow(0, "a", 0)], [2n ** 40n - 8_000_000n, 600_000]);
});

Deno.test("growth that the module's own maximum refuses is not the limit's affair", async () => {
  const cases = [
    ["(table $t 1 4 funcref)", "(table.grow $t (ref.null func) (i32.const 1))", "0003"],
    ["", "(memory.grow (i32.const 65536))", "0000"],
    ["", "(memory.grow (i32.const -1))", "0000"],
    ["(table $t 1 4 funcref)", "(table.grow $t (ref.null func) (i32.const -1))", "0000"],
  ] as const;
  for (const [parts, grow, count] of cases) {
    for (const options of LANES) {
      const { printed, hits } = await outcomeOf(await counting(parts, untilRefused(grow)), options);
      assertEquals([printed, hits], [[count, count], 0], grow);
    }
  }
  const source = withMemories(await counting("", untilRefused(MEMORY, MEMORY)), [[1, 1, 4]]);
  const { printed, hits } = await outcomeOf(source, { limits: { memory: "1MiB" } });
  assertEquals([printed, hits], [["0014", "0014"], 2], "one at its own maximum, one at the limit");
});

Deno.test("growth goes as far with the rewriting as without, and by as much as is asked for", async () => {
  for (const by of [0, 3, 7, 15, 16]) {
    const act = `(local.set $n (i32.add (i32.const 100) (memory.grow (i32.const ${by}))))
      (local.set $n (i32.add (i32.mul (local.get $n) (i32.const 10)) (memory.size)))`;
    const size = by > 15 ? 1 : 1 + by;
    const expected = String((by > 15 ? 990 : 1010) + size).padStart(4, "0");
    for (const { limits, ...options } of LANES) {
      const { printed } = await outcomeOf(await counting("", act), {
        ...options,
        limits: { memory: "1MiB", ...limits },
      });
      assertEquals(printed, [expected, expected]);
    }
  }
});

Deno.test("a trap for want of memory names the limit, to the client too", async () => {
  const source = await counting("", `${untilRefused(MEMORY)} unreachable`);
  for (const options of LANES) {
    const { statuses, body, hits } = await outcomeOf(source, options);
    assertEquals([statuses, hits], [[500, 500], 2]);
    assertMatch(
      body,
      /^The guest trapped: unreachable after its memory could not grow: the limit is memory 128MiB\n/,
    );
  }
});

Deno.test("a start function that gets no memory is logged for itself, and for no request", async () => {
  const goesOn = await counting("(func $s (drop (memory.grow (i32.const 3000)))) (start $s)", "");
  const { warnings, statuses, hits } = await outcomeOf(goesOn, { reuse: "never" });
  assertEquals([statuses, hits], [[200, 200], 2]);
  const line = "The memory of a new instance could not grow: the limit is memory 128MiB";
  assertEquals(warnings, [line, line]);
  const traps = await counting(
    "(func $s (drop (memory.grow (i32.const 3000))) unreachable) (start $s)",
    "",
  );
  const { body } = await outcomeOf(traps);
  assertMatch(
    body,
    /^Cannot instantiate the program: .*unreachable after its memory could not grow: the limit is memory 128MiB/,
  );
});

Deno.test("an instance may not start with more than the limit, in memories and tables together", async () => {
  const line = (start: string, pages: number, elements: number) =>
    `Cannot run the program: it starts with ${start} of memory (${pages} pages in memories, ${elements} ` +
    "elements in tables), and the limit memory is 1 MiB";
  const cases = [
    ["memories", line("1.06 MiB", 17, 1)],
    ["(table 122880 funcref) (table 1 externref)", line("1 MiB", 1, 122_881)],
  ] as const;
  for (const [parts, message] of cases) {
    const source = parts === "memories"
      ? withMemories(await counting("(table 1 funcref)", ""), [[0, 8], [0, 8]])
      : await counting(parts, "");
    for (const options of [...LANES, { allowUnlimited: true }]) {
      await assertRejects(
        () => Fastlike.load(source, { ...options, limits: { memory: "1MiB" } }),
        Error,
        message,
      );
    }
  }
  const fits = await counting("(table 122880 funcref)", "");
  assertEquals((await outcomeOf(fits, { limits: { memory: 16 * PAGE } })).statuses, [200, 200]);
});

Deno.test("100 memories and 300 tables cannot grow beyond the limit", async () => {
  const names = Array.from({ length: 300 }, (_, i) => `$t${i}`);
  const tables = names.map((name) => `(table ${name} 0 externref)`).join(" ");
  const grows = [
    ...Array.from({ length: 101 }, () => MEMORY),
    ...names.map((name) => `(table.grow ${name} (ref.null extern) (i32.const 8192))`),
  ];
  const source = withMemories(
    await counting(tables, untilRefused(...grows)),
    Array.from({ length: 100 }, () => [0, 1]),
  );
  const { printed, statuses } = await outcomeOf(source);
  assertEquals([printed, statuses], [["1947", "1947"], [200, 200]]);
});
