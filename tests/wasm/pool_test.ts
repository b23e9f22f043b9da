import { assemble } from "../../cli/wat.ts";
import { StallClock } from "../../service/util/stall_clock.ts";
import { Watchdog } from "../../wasm/watchdog.ts";
import { MemorySnapshots } from "../../wasm/instance_memory.ts";
import { Pool } from "../../wasm/pool.ts";
import { compile, type CompiledModule } from "../../wasm/program.ts";
import { RunQueue } from "../../wasm/run_queue.ts";
import { ModuleSlot } from "../../wasm/instance_slot.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const OPTIONS = {
  memory: 1 << 20,
  watch: false,
  allowUnlimited: false,
};
const BYTES = await assemble(
  "guest.wat",
  '(module (memory (export "memory") 1) (func (export "_start") (i32.store (i32.const 0) (i32.const 7))))',
);

function maker(program: CompiledModule): () => ModuleSlot<undefined> {
  const snapshots = new MemorySnapshots(true);
  const watch = new Watchdog({ cpuTime: Infinity, signals: [], warn() {} }).memory;
  return () =>
    new ModuleSlot(program, snapshots, { context: undefined, functions: [], watch, ask() {} });
}

Deno.test("slots of another program take the place of all, those in use when they come back", async () => {
  const dirtyPages = await compile(BYTES, { ...OPTIONS, reuse: "auto" });
  const snapshots = await dirtyPages.compileForSnapshots!();
  const pool = new Pool(maker(dirtyPages), 3);
  assertEquals(pool.warmup(2), 2);
  const running = pool.take()!;
  pool.replace(snapshots, maker(snapshots));
  const next = pool.take()!;
  assertEquals(next.program, snapshots);
  pool.giveBack(running, true);
  for (const slot of [pool.take()!, pool.take()!]) assertEquals(slot.program, snapshots);
  assertEquals(pool.take(), undefined, "no more live than may");
  await next.run(() => {});
  pool.giveBack(next, true);
  assertEquals(pool.take(), next);
  assertEquals(new Uint8Array(next.memory.buffer)[0], 0);
});

Deno.test("any number of guests may run whose start answers something", async () => {
  const bytes = await assemble(
    "guest.wat",
    '(module (memory (export "memory") 1) (func (export "_start") (result i32) (i32.const 7)))',
  );
  const program = await compile(bytes, { ...OPTIONS, reuse: "auto" });
  const pool = new Pool(maker(program), 8);
  const slots = Array.from({ length: 8 }, () => pool.take()!);
  for (const slot of slots) {
    let begun = 0;
    for (let run = 1; run < 3; run++) {
      await slot.run(() => begun++);
      assertEquals(begun, run);
    }
  }
});

Deno.test("slots stay when none of another program can be made", async () => {
  const dirtyPages = await compile(BYTES, { ...OPTIONS, reuse: "auto" });
  const pool = new Pool(maker(dirtyPages), 2);
  pool.warmup(2);
  const running = pool.take()!;
  const snapshots = await dirtyPages.compileForSnapshots!();
  assertThrows(() =>
    pool.replace(snapshots, () => {
      throw new RangeError("no room");
    })
  );
  assertEquals([pool.live, pool.idle], [2, 1]);
  pool.giveBack(running, true);
  assertEquals(pool.take(), running);
});

Deno.test("only a program that chooses its way can be compiled for the other", async () => {
  for (const reuse of ["dirty-pages", "snapshot", "never"] as const) {
    assert(!(await compile(BYTES, { ...OPTIONS, reuse })).compileForSnapshots);
  }
});

Deno.test("a slot that cannot be put back is dropped, logged once, and holds no other up", async () => {
  const program = await compile(BYTES, { ...OPTIONS, reuse: "auto" });
  const make = maker(program);
  const pool = new Pool(() => Object.assign(make(), { reset: fail }), 1);
  const queue = new RunQueue(pool, 10, new StallClock());
  const faults: unknown[] = [];
  queue.fault = (error) => void faults.push(error);
  for (let run = 1; run <= 3; run++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    queue.submit({
      run() {
        resolve();
        return Promise.resolve(true);
      },
      fail() {},
    });
    await promise;
  }
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([pool.live, faults.length], [0, 3]);

  function fail(): never {
    throw new RangeError("no room");
  }
});
