import initialize from "npm:wabt@1.0.39";
import { assemble } from "../../cli/wat.ts";
import { Fastlike, type FastlikeOptions, type LogEntry } from "../../mod.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { withSecondMemory } from "./_machine.ts";

/**
 * A guest that prints how often it has run in its instance, by a counter in memory at 0, and the number that `check`
 * leaves: whether an earlier `act` has left a trace.
 */
function guest(parts: string, act: string, check = "i32.const 0", memory = "1 4"): string {
  return `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") ${memory})
    ${parts}
    (func $_start (export "_start")
      (i32.store8 (i32.const 64) (i32.add (i32.const 48) (i32.load8_u (i32.const 0))))
      (i32.store8 (i32.const 65) (i32.add (i32.const 48) (block (result i32) ${check})))
      (i32.store8 (i32.const 66) (i32.const 10))
      (i32.store8 (i32.const 0) (i32.add (i32.const 1) (i32.load8_u (i32.const 0))))
      (i32.store (i32.const 16) (i32.const 64))
      (i32.store (i32.const 20) (i32.const 3))
      (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))
      ${act}))`;
}

const EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))';

/** A guest that ends by its own `proc_exit`, after `act`. */
function exiting(act: string): string {
  return guest("", `${act} (call $exit (i32.const 0))`).replace("(memory", `${EXIT} (memory`);
}

interface Outcome {
  /** Output of each of three requests. */
  readonly printed: readonly string[];
  /** Why instances are not reused; undefined if they are. */
  readonly because: string | undefined;
  readonly instances: number;
  /** Log entries about traps. */
  readonly traps: readonly string[];
}

/** Counts the instances of guests that are made until it is disposed of. */
function countInstances(): Disposable & { readonly count: number } {
  const { Instance } = WebAssembly;
  let count = 0;
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, args) {
      const names = WebAssembly.Module.exports(args[0]).map(({ name }) => name);
      if (names.includes("_start")) count++;
      return Reflect.construct(target, args);
    },
  });
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]: () => void (WebAssembly.Instance = Instance),
  };
}

/** Runs a guest for three requests, one after another. */
async function outcomeOf(source: Uint8Array, options: FastlikeOptions = {}): Promise<Outcome> {
  const entries: LogEntry[] = [];
  using made = countInstances();
  await using app = await Fastlike.load(source, {
    ...options,
    log: (entry) => entries.push(entry),
  });
  for (let i = 0; i < 3; i++) {
    const response = await app.handler(new Request("http://localhost/"));
    await response.text();
  }
  const told = entries.flatMap((entry) => entry.kind === "host" ? [entry.message] : []);
  const reasons = told.flatMap((line) =>
    /^Each request gets .* because (.*)$/.exec(line)?.[1] ?? []
  );
  assert(reasons.length <= 1, "one line");
  const traps = told.filter((line) => line.startsWith("The guest trapped"));
  const printed = entries.flatMap((entry) => entry.kind === "stdout" ? [entry.message] : []);
  return { printed, because: reasons[0], instances: made.count, traps };
}

const NEW = ["00", "00", "00"];

async function assertReused(wat: string): Promise<void> {
  const source = await assemble("guest.wat", wat);
  for (const reuse of ["auto", "dirty-pages", "snapshot"] as const) {
    const outcome = await outcomeOf(source, { reuse });
    assertEquals(outcome, { printed: NEW, because: undefined, instances: 1, traps: [] });
  }
}

async function assertNotReused(
  wat: string,
  because: RegExp,
  options?: FastlikeOptions,
): Promise<void> {
  const outcome = await outcomeOf(await assemble("guest.wat", wat), options);
  assertMatch(outcome.because ?? "", because);
  assertEquals(outcome, { ...outcome, printed: NEW, instances: 3, traps: [] });
}

Deno.test("an instance is reused, and each request finds it new", async () => {
  await assertReused(guest("", ""));
});

Deno.test("the former names of reset methods are still read", async () => {
  const source = await assemble("guest.wat", guest("", ""));
  for (const reuse of ["cards", "image"] as const) {
    const outcome = await outcomeOf(source, { reuse });
    assertEquals(outcome, { printed: NEW, because: undefined, instances: 1, traps: [] });
  }
});

Deno.test("a program is not loaded with a reset method that there is not", async () => {
  const source = await assemble("guest.wat", guest("", ""));
  await assertRejects(
    () => outcomeOf(source, { reuse: "pages" as "auto" }),
    TypeError,
    'Cannot use the option reuse "pages": auto, dirty-pages, snapshot or never',
  );
});

Deno.test("no instance is reused with reuse off, and no log entry says so", async () => {
  const outcome = await outcomeOf(await assemble("guest.wat", guest("", "")), { reuse: "never" });
  assertEquals(outcome, { printed: NEW, because: undefined, instances: 3, traps: [] });
});

Deno.test("globals of every type are put back", async () => {
  await assertReused(guest(
    `(global $i (mut i32) (i32.const 0)) (global $l (mut i64) (i64.const 0))
     (global $v (mut v128) (v128.const i64x2 0 0)) (global $r (mut funcref) (ref.null func))
     (func $f) (elem declare func $f)`,
    `(global.set $i (i32.const 1)) (global.set $l (i64.const 1))
     (global.set $v (i64x2.splat (i64.const 1))) (global.set $r (ref.func $f))`,
    `(i32.or (i32.or (global.get $i) (i32.wrap_i64 (global.get $l)))
      (i32.or (i32x4.extract_lane 0 (global.get $v)) (i32.eqz (ref.is_null (global.get $r)))))`,
  ));
});

Deno.test("pages that a request has grown are gone", async () => {
  await assertReused(guest(
    "",
    `(drop (memory.grow (i32.const 2))) (i32.store (i32.const 131072) (i32.const -1))`,
    `(i32.sub (memory.size) (i32.const 1))`,
  ));
  await assertReused(guest(
    "",
    `(drop (memory.grow (i32.const 2))) (i32.store (i32.const 131072) (i32.const -1))`,
    `(drop (memory.grow (i32.const 2))) (i32.ne (i32.const 0) (i32.load (i32.const 131072)))`,
  ));
});

Deno.test("growth stops at the module's own maximum and at the limit", async () => {
  await assertReused(guest(
    "",
    "",
    `(i32.ne (i32.const -1) (memory.grow (i32.const 4)))`,
  ));
  const wat = guest("", "", `(i32.ne (i32.const -1) (memory.grow (i32.const 2)))`, "1");
  const outcome = await outcomeOf(await assemble("guest.wat", wat), { limits: { memory: 131072 } });
  assertEquals(outcome.printed, NEW);
  assertEquals(outcome.instances, 1);
});

Deno.test("SIMD, bulk and atomic writes are put back", async () => {
  await assertReused(guest(
    "",
    `(v128.store (i32.const 4090) (i64x2.splat (i64.const -1)))
     (v128.store8_lane 3 (i32.const 5000) (i64x2.splat (i64.const -1)))
     (memory.fill (i32.const 9000) (i32.const 7) (i32.const 30000))
     (memory.copy (i32.const 50000) (i32.const 9000) (i32.const 12000))
     (drop (i32.atomic.rmw.add (i32.const 45000) (i32.const 1)))
     (i64.atomic.store (i32.const 46000) (i64.const 1))
     (drop (i32.atomic.rmw.cmpxchg (i32.const 47000) (i32.const 0) (i32.const 1)))
     (atomic.fence)`,
    `(i32.or
      (i32.or (i32.load (i32.const 4096)) (i32.load8_u (i32.const 5000)))
      (i32.or
        (i32.or (i32.load (i32.const 20000)) (i32.load (i32.const 61000)))
        (i32.or (i32.load (i32.const 45000))
          (i32.or (i32.load (i32.const 46000)) (i32.load (i32.const 47000))))))`,
  ));
});

Deno.test("a passive segment is put in anew by each request", async () => {
  await assertReused(guest(
    `(data $d "\\01")`,
    `(memory.init $d (i32.const 30000) (i32.const 0) (i32.const 1))`,
    `(i32.load8_u (i32.const 30000))`,
  ));
});

Deno.test("tail calls and indirect calls do not stand in the way", async () => {
  await assertReused(guest(
    `(table 1 funcref) (elem (i32.const 0) $f) (type $t (func (result i32)))
     (func $f (result i32) (i32.store (i32.const 40000) (i32.const 1)) (i32.const 0))
     (func $g (result i32) (return_call $f))
     (func $h (result i32) (return_call_indirect (type $t) (i32.const 0)))`,
    `(drop (call $g)) (drop (call $h)) (drop (call_indirect (type $t) (i32.const 0)))`,
    `(i32.load (i32.const 40000))`,
  ));
});

Deno.test("exceptions do not stand in the way", async () => {
  await assertReused(guest(
    `(tag $e (param i32)) (global $x (mut i32) (i32.const 0))`,
    `(try
      (do (i32.store (i32.const 40000) (i32.const 1)) (throw $e (i32.const 2)))
      (catch $e (global.set $x))
      (catch_all))`,
    `(i32.or (global.get $x) (i32.load (i32.const 40000)))`,
  ));
});

Deno.test("a start function's traces are part of the first state", async () => {
  await assertReused(guest(
    `(global $x (mut i32) (i32.const 0))
     (func $s (global.set $x (i32.const 1)) (i32.store (i32.const 9000) (i32.const 1))
       (drop (memory.grow (i32.const 1))))
     (start $s)`,
    `(global.set $x (i32.const 5)) (i32.store (i32.const 9000) (i32.const 5))
     (drop (memory.grow (i32.const 1)))`,
    `(i32.or (i32.ne (memory.size) (i32.const 2))
      (i32.or (i32.ne (global.get $x) (i32.const 1)) (i32.ne (i32.load (i32.const 9000)) (i32.const 1))))`,
  ));
});

Deno.test("a guest that writes its table gets a new instance each", async () => {
  const table = `(table $t 2 4 funcref) (func $f) (elem declare func $f) (elem $e func $f)`;
  const isSet = `(i32.eqz (ref.is_null (table.get $t (i32.const 0))))`;
  const cases: Readonly<Record<string, string>> = {
    "table.set": `(table.set $t (i32.const 0) (ref.func $f))`,
    "table.fill": `(table.fill $t (i32.const 0) (ref.func $f) (i32.const 1))`,
    "table.init": `(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))`,
    "table.grow": `(drop (table.grow $t (ref.null func) (i32.const 1)))`,
    "table.copy": `(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1))`,
  };
  for (const [name, act] of Object.entries(cases)) {
    await assertNotReused(guest(table, act, isSet), new RegExp(`^it .* a table \\(${name}\\)$`));
  }
});

Deno.test("a guest that drops segments gets a new instance each", async () => {
  await assertNotReused(
    guest(
      `(data $d "\\00")`,
      `(data.drop $d)`,
      `(memory.init $d (i32.const 99) (i32.const 0) (i32.const 1)) (i32.const 0)`,
    ),
    /^it drops a data segment \(data\.drop\)$/,
  );
  await assertNotReused(
    guest(`(func $f) (elem $e func $f)`, `(elem.drop $e)`),
    /^it drops an element segment \(elem\.drop\)$/,
  );
});

Deno.test("a guest with several memories gets a new instance each", async () => {
  const outcome = await outcomeOf(withSecondMemory(await assemble("guest.wat", guest("", ""))));
  assertEquals(outcome, {
    printed: NEW,
    because: "it has several memories",
    instances: 3,
    traps: [],
  });
});

Deno.test("a guest with garbage collection gets a new instance each", async () => {
  await assertNotReused(
    guest(`(type $s (struct (field i32)))`, ""),
    /^it has types of garbage collection$/,
    { allowUnlimited: true },
  );
});

Deno.test("a compiled module gets a new instance each, for its bytes are not there", async () => {
  const module = await assemble("guest.wat", guest("", ""));
  const entries: LogEntry[] = [];
  await using _app = await Fastlike.load(
    await WebAssembly.compile(module as Uint8Array<ArrayBuffer>),
    { log: (entry) => entries.push(entry) },
  );
  assert(
    entries.some((entry) => entry.kind === "host" && entry.message.endsWith("it came compiled")),
  );
});

Deno.test("an instance that has exited is reused; one that has trapped is not", async () => {
  const exited = await outcomeOf(await assemble("guest.wat", exiting("")));
  assertEquals(exited, { printed: NEW, because: undefined, instances: 1, traps: [] });
  const trapped = await outcomeOf(await assemble("guest.wat", guest("", "(unreachable)")));
  assertEquals([trapped.printed, trapped.instances, trapped.traps.length], [NEW, 3, 3]);
});

Deno.test("an instance whose memory has grown large is not kept", async () => {
  const grows = (pages: number) =>
    guest("", `(drop (memory.grow (i32.const ${pages})))`, "i32.const 0", "1");
  const kept = await outcomeOf(await assemble("guest.wat", grows(512)));
  assertEquals(kept, { printed: NEW, because: undefined, instances: 1, traps: [] });
  const dropped = await outcomeOf(await assemble("guest.wat", grows(513)));
  assertEquals(dropped, { printed: NEW, because: undefined, instances: 3, traps: [] });
});

Deno.test("beyond its own size a reused memory does not trap where its instance has had pages, and reads as zeroes", async () => {
  const wat = await Deno.readTextFile(new URL("../../testdata/cases/gap.wat", import.meta.url));
  const source = await assemble("gap.wat", wat);
  const statusesOf = async (reuse: "auto" | "never") => {
    await using app = await Fastlike.load(source, { reuse });
    const statuses: number[] = [];
    for (const method of ["GET", "POST", "GET"]) {
      const response = await app.handler(new Request("http://localhost/", { method }));
      await response.text();
      statuses.push(response.status);
    }
    return statuses;
  };
  assertEquals(await statusesOf("never"), [500, 200, 500]);
  assertEquals(
    await statusesOf("auto"),
    [500, 200, 200],
    "a known deviation, which docs/guests.md tells",
  );
});

Deno.test("a trap tells the guest's own names and offsets, reused or not", async () => {
  const wat = guest(
    `(func $deep (param i32) (i32.store (i32.const 8000) (i32.const 1))
       (drop (memory.grow (i32.const 1))) (i64.store offset=12 (local.get 0) (i64.const 1))
       (i32.store (i32.const 8000) (i32.const 1)))
     (func $middle (param i32) (loop (nop)) (memory.fill (i32.const 9000) (i32.const 1) (i32.const 2))
       (call $deep (local.get 0)) (i32.store (i32.const 8000) (i32.const 1)))`,
    `(i32.store (i32.const 8000) (i32.const 1)) (call $middle (i32.const -4))
     (i32.store (i32.const 8000) (i32.const 1))`,
  );
  const module = await assemble("guest.wat", wat);
  const { traps } = await outcomeOf(module);
  const watched = await outcomeOf(module, { reuse: "never" });
  const asItIs = await outcomeOf(module, { reuse: "never", limits: { cpu_time: Infinity } });
  assertMatch(traps[0]!, /at deep \(0x[0-9a-f]+\)\n {2}at middle \(0x[0-9a-f]+\)\n {2}at _start/);
  assertEquals(traps, asItIs.traps);
  assertEquals(watched.traps, asItIs.traps);
});

Deno.test("a module with names that only rewriting adds is refused", async () => {
  const parser = await initialize();
  const saves = "(call 3)";
  const grows = "(drop (call 1 (i32.const 1)))";
  for (const act of [saves, grows]) {
    const wat = `(module (memory (export "memory") 1) (func (export "_start") ${act}))`;
    const { buffer } = parser.parseWat("guest.wat", wat).toBinary({});
    await assertRejects(() => Fastlike.load(buffer), Error, "Cannot compile the program: ");
  }
});

Deno.test("an instance that was stopped while it waited is not reused", async () => {
  const wat = `(module
    (import "fastly_http_req" "body_downstream_get" (func $get (param i32 i32) (result i32)))
    (import "fastly_http_body" "read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (drop (call $get (i32.const 0) (i32.const 4)))
      (drop (call $read (i32.load (i32.const 4)) (i32.const 64) (i32.const 16) (i32.const 8)))))`;
  using made = countInstances();
  await using app = await Fastlike.load(await assemble("guest.wat", wat));
  const statuses: number[] = [];
  const ask = async (body: BodyInit, signal: AbortSignal | null = null) => {
    const request = new Request("http://localhost/", { method: "POST", body, signal });
    const response = await app.handler(request);
    await response.text();
    statuses.push(response.status);
  };
  await ask("whole");
  await ask("whole");
  assertEquals(made.count, 1);
  const client = new AbortController();
  await ask(new ReadableStream({ pull: () => client.abort() }), client.signal);
  await ask("whole");
  assertEquals(statuses, [200, 200, 503, 200]);
  assertEquals(made.count, 2);
});
