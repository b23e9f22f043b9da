import { namespaces } from "../../abi/mod.ts";
import { assemble } from "../../cli/wat.ts";
import { Fastlike } from "../../mod.ts";
import { Id } from "../../wasm/rewrite/binary.ts";
import { compile } from "../../wasm/program.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import * as fc from "../properties.ts";
import { modules, startingWith } from "./_modules.ts";

const OPTIONS = {
  memory: 128 * 2 ** 20,
  reuse: "auto",
  watch: true,
  allowUnlimited: false,
} as const;
const RUNS = 3000;

/** A line for each policy: all reasons for refusing a module that V8 accepts. */
const POLICIES: readonly RegExp[] = [
  /^it imports the (table|memory|global|tag) .*, and there are only functions to import$/,
  /^it exports no function named "_start"/,
  /^it exports no memory named "memory", which the hostcall \w+\.\w+ needs$/,
  /^its memory has 64-bit addresses$/,
  /^its table has 64-bit indices$/,
  /^it starts with .* of memory .*, and the limit memory is 128 MiB$/,
  /^its tables start with \d+ elements, and an instance may have 1000000$/,
  /^memory would not hold, because it has types of garbage collection/,
];

/** Returns the host's message about a module; undefined if it is accepted. */
async function refusalOf(bytes: Uint8Array): Promise<string | undefined> {
  try {
    await compile(bytes, OPTIONS);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function assertSameVerdict(bytes: Uint8Array): Promise<void> {
  const refusal = await refusalOf(bytes);
  if (!WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)) {
    assertMatch(
      refusal ?? "accepted",
      /^Cannot (compile the program: |load the program: it is (not a WebAssembly module|a component))/,
    );
    return;
  }
  if (refusal === undefined) return;
  const why = refusal.replace(/^Cannot run the program: /s, "");
  assert(POLICIES.some((line) => line.test(why)), refusal);
}

/** Hostcalls but those of WASI that neither read nor write memory. */
const WITHOUT_MEMORY = `
  fastly_abi.init
  fastly_http_req.close
  fastly_http_req.version_set
  fastly_http_req.framing_headers_mode_set
  fastly_http_req.cache_override_set
  fastly_http_req.auto_decompress_response_set
  fastly_http_downstream.next_request_abandon
  fastly_http_resp.close
  fastly_http_resp.version_set
  fastly_http_resp.framing_headers_mode_set
  fastly_http_resp.status_set
  fastly_http_resp.send_downstream
  fastly_http_resp.send_informational_response
  fastly_http_resp.send_downstream_pending
  fastly_http_resp.http_keepalive_mode_set
  fastly_http_body.append
  fastly_http_body.close
  fastly_http_body.abandon
  fastly_object_store.pending_insert_wait
  fastly_object_store.pending_delete_wait
  fastly_cache.transaction_cancel
  fastly_cache.close_busy
  fastly_cache.close
  fastly_http_cache.transaction_abandon
  fastly_http_cache.transaction_choose_stale
  fastly_http_cache.close
  fastly.init
`.trim().split(/\s+/);

const SEEDS = await modules();

/** A change of some bytes at a place, which is a part of the module's length. */
const edit = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.constantFrom("replace", "replace", "replace", "insert", "remove", "double"),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 3 }),
});

function edited(
  bytes: Uint8Array,
  { place, kind, bytes: by }: typeof edit extends fc.Arbitrary<infer E> ? E : never,
): Uint8Array {
  const at = 8 + Math.floor(place * (bytes.length - 8));
  const next = at + by.length;
  const parts: Readonly<Record<string, readonly Uint8Array[]>> = {
    replace: [bytes.subarray(0, at), by, bytes.subarray(next)],
    insert: [bytes.subarray(0, at), by, bytes.subarray(at)],
    remove: [bytes.subarray(0, at), bytes.subarray(next)],
    double: [bytes.subarray(0, next), bytes.subarray(at)],
  };
  return Uint8Array.from(parts[kind]!.flatMap((part) => [...part]));
}

Deno.test("a module that V8 accepts is accepted, except by policies, and no other is", async () => {
  for (const seed of SEEDS) await assertSameVerdict(seed);
  const small = SEEDS.filter(({ length }) => length < 1000);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...small),
      fc.array(edit, { minLength: 1, maxLength: 3 }),
      async (seed, edits) => await assertSameVerdict(edits.reduce(edited, seed)),
    ),
    { numRuns: RUNS },
  );
});

Deno.test("each policy has its own line", async () => {
  const start = '(func (export "_start"))';
  const cases: readonly (readonly [wat: string | Uint8Array, why: string])[] = [
    [
      `(import "m\\0a" "n" (memory 1)) ${start}`,
      "it imports the memory m\ufffd.n, and there are only functions to import",
    ],
    ['(func (export "start"))', 'it exports no function named "_start"'],
    ['(memory (export "_start") 1)', 'it exports no function named "_start"'],
    [
      `(import "fastly_http_body" "read" (func (param i32 i32 i32 i32) (result i32))) (memory 1) ${start}`,
      'it exports no memory named "memory", which the hostcall fastly_http_body.read needs',
    ],
    [
      `(import "env" "random_get" (func)) (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32))) ${start}`,
      'it exports no memory named "memory", which the hostcall wasi_snapshot_preview1.random_get needs',
    ],
    [`(memory (export "memory") i64 1) ${start}`, "its memory has 64-bit addresses"],
    [
      startingWith((w) => w.byte(0, 0x0b), undefined, [[Id.table, (w) => w.byte(1, 0x70, 4, 1)]]),
      "its table has 64-bit indices",
    ],
    [
      `(memory (export "memory") 2049) ${start}`,
      "it starts with 128.06 MiB of memory (2049 pages in memories, 0 elements in tables), and the limit memory is 128 MiB",
    ],
    [
      `(table 999999 funcref) (table 2 externref) ${start}`,
      "its tables start with 1000001 elements, and an instance may have 1000000",
    ],
    [
      `(type (struct)) ${start}`,
      "memory would not hold, because it has types of garbage collection (structs, arrays), whose objects are not counted " +
      "(--allow-unlimited, or the option allowUnlimited, loads it without)",
    ],
  ];
  for (const [wat, why] of cases) {
    const source = typeof wat === "string" ? await assemble("guest.wat", `(module ${wat})`) : wat;
    const error = await assertRejects(() => Fastlike.load(source), Error);
    // The rest of the message says how such a program is built.
    const [told] = error.message.split(/, so it is no Compute program/);
    assertEquals(told, `Cannot run the program: ${why}`);
  }
});

Deno.test("a memory section that V8 does not accept is not mended", async () => {
  const memory = (...content: number[]) =>
    startingWith((w) => w.byte(0, 0x0b), undefined, [[Id.memory, (w) => w.byte(...content)]]);
  assertEquals(await refusalOf(memory(1, 0, 1)), undefined);
  const cases: Readonly<Record<string, Uint8Array>> = {
    "a minimum beyond 65,536 pages": memory(1, 0, 0x81, 0x80, 4),
    "a maximum beyond 65,536 pages": memory(1, 1, 1, 0x81, 0x80, 4),
    "a maximum below the minimum": memory(1, 1, 2, 1),
    "unknown flags": memory(1, 0x40, 1),
    "shared without a maximum": memory(1, 2, 1),
    "trailing bytes": memory(1, 0, 1, 0),
    "an over-long number": memory(1, 0, 0x81, 0x80, 0x80, 0x80, 0x80, 0),
    "fewer entries than declared": memory(2, 0, 1),
    "more entries than declared": memory(1, 0, 1, 0, 1),
    "billions of entries": memory(0xff, 0xff, 0xff, 0xff, 0x0f, 0, 1),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    assertMatch(await refusalOf(bytes) ?? "accepted", /^Cannot compile the program: /, name);
  }
});

Deno.test("a module without a memory runs where its hostcalls need none", async () => {
  const exits = (memory: string) =>
    `(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "unknown" "unknown" (func)) ${memory}
    (func (export "_start") (drop (call $yield)) (call $exit (i32.const 3)))`;
  const text = (wat: string) => assemble("guest.wat", `(module ${wat})`);
  for (const source of [await text(exits("")), await text(exits("(memory 1)"))]) {
    for (const reuse of ["auto", "never"] as const) {
      await using app = await Fastlike.load(source, { reuse });
      assertEquals(await app.run(), 3);
      assertEquals((await app.handler(new Request("http://localhost/"))).status, 500);
    }
  }
  const sources = [
    await text('(func (export "_start"))'),
    await text(
      '(import "wasi_snapshot_preview1" "sched_yield" (func $f (result i32))) (export "_start" (func $f))',
    ),
    await text(
      `(memory 1) (func (export "_start") (i32.store (i32.const 0) (i32.const 1))
        (if (i32.eqz (i32.load (i32.const 0))) (then unreachable)))`,
    ),
  ];
  for (const source of sources) {
    await using app = await Fastlike.load(source);
    for (let i = 0; i < 2; i++) {
      const response = await app.handler(new Request("http://localhost/"));
      assertEquals([response.status, await response.text()], [200, ""]);
    }
  }
  await using spins = await Fastlike.load(await text('(func (export "_start") (loop (br 0)))'), {
    limits: { cpu_time: 50 },
  });
  assertEquals((await spins.handler(new Request("http://localhost/"))).status, 500);
});

Deno.test("hostcalls that read or write no memory are those that take numbers and handles alone", () => {
  const none = namespaces.flatMap(({ name, calls }) =>
    Object.entries(calls).flatMap(([call, { needsMemory }]) =>
      needsMemory || /^(fastly_)?(wasi_|env)/.test(name) ? [] : [`${name}.${call}`]
    )
  );
  assertEquals(none, WITHOUT_MEMORY);
});

Deno.test("a guest with the names that rewriting adds is stopped, and reset", async () => {
  const NAMES = ["save", "restore", "control", "host", "ask", "start", "watch", "0"];
  const prefixes = ["fastlike", "fastlike2", "fastlike4"];
  const exported = prefixes.flatMap((prefix) =>
    NAMES.map((name) => `(export "${prefix}.${name}")`)
  );
  const imported = [...prefixes, "fastlike3"].flatMap((prefix) =>
    NAMES.map((name) => `(import "${prefix}.host" "${name}" (func))`)
  );
  for (const part of [exported.join(" "), ""]) {
    const imports = part ? "" : imported.join(" ");
    const guest = (act: string) =>
      assemble(
        "guest.wat",
        `(module ${imports} (memory (export "memory") 1) (global $g (mut i32) (i32.const 0))
          (func ${part} (global.set $g (i32.const 9)))
          (func (export "_start")
            (if (i32.or (global.get $g) (i32.load (i32.const 0))) (then unreachable))
            (global.set $g (i32.const 1)) (i32.store (i32.const 0) (i32.const 1)) ${act}))`,
      );
    await using app = await Fastlike.load(await guest(""));
    for (let i = 0; i < 3; i++) {
      assertEquals((await app.handler(new Request("http://localhost/"))).status, 200);
    }
    assertEquals(app.status().instances.live, 1);
    await using spins = await Fastlike.load(await guest("(loop (br 0))"), {
      limits: { cpu_time: 50 },
    });
    const response = await spins.handler(new Request("http://localhost/"));
    assertMatch(await response.text(), /^The guest was stopped: cpu_time 50ms is used up/);
  }
});
