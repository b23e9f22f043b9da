import { Buffer } from "node:buffer";
import { Memory } from "../../handles/memory.ts";
import { CONTROL_PAGES, DIRTY_PAGE_BITS, WATCH } from "../../wasm/rewrite/control.ts";
import { layoutOf } from "../../wasm/rewrite/layout.ts";
import { MemorySnapshots, ResettableMemory } from "../../wasm/instance_memory.ts";
import { rewrite } from "../../wasm/rewrite/rewrite.ts";
import { assert, assertEquals } from "../assert.ts";
import * as fc from "../properties.ts";
import { LEAST, MACHINE, MOST, STORES } from "./_machine.ts";

const PAGE = 65536;
const DIRTY_PAGE = 1 << DIRTY_PAGE_BITS;
const RUNS = 400;

type Call = (...args: unknown[]) => unknown;

/** One thing that a request does. Addresses are as the guest passes them: signed. */
type Step =
  | { readonly call: string; readonly args: readonly unknown[] }
  | { readonly host: keyof typeof HOST_WRITES; readonly ptr: number; readonly seed: number };

/** Setters with which the host writes. */
const HOST_WRITES = {
  u8: (memory: Memory, ptr: number, seed: number) => memory.setU8(ptr, seed & 0xff),
  u16: (memory: Memory, ptr: number, seed: number) => memory.setU16(ptr, seed & 0xffff),
  u32: (memory: Memory, ptr: number, seed: number) => memory.setU32(ptr, seed),
  u64: (memory: Memory, ptr: number, seed: number) => memory.setU64(ptr, BigInt(seed)),
  bytes: (memory: Memory, ptr: number, seed: number) =>
    memory.setBytes(ptr, new Uint8Array(seed % 9000).fill(0xee)),
  text: (memory: Memory, ptr: number, seed: number) =>
    memory.setByteString(ptr, "\xdd".repeat(seed % 9000)),
};

const original = await WebAssembly.compile(MACHINE as Uint8Array<ArrayBuffer>);

/** New instance, which a reused one must equal. */
class Fresh {
  readonly instance = new WebAssembly.Instance(original);
  readonly #raw = this.instance.exports.memory as WebAssembly.Memory;
  readonly host: Memory;

  constructor() {
    const raw = this.#raw;
    this.host = new Memory({
      get buffer() {
        return raw.buffer as ArrayBuffer;
      },
      get size() {
        return raw.buffer.byteLength;
      },
      mark() {},
    });
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#raw.buffer);
  }
}

/** State of a watchdog that stops no guest. */
const GO_ON = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
new Uint8Array(GO_ON.buffer)[0] = 1;

/** An instance that is put back. */
class Reused {
  readonly instance: WebAssembly.Instance;
  readonly memory: ResettableMemory;
  readonly host: Memory;
  readonly #restore: () => void;

  constructor(module: WebAssembly.Module, dirtyPages: boolean, snapshots: MemorySnapshots) {
    const { names } = rewritten(dirtyPages);
    const own = new WebAssembly.Memory({ initial: LEAST, maximum: MOST });
    this.instance = new WebAssembly.Instance(module, {
      [names.host]: { 0: own, [WATCH]: GO_ON },
    });
    const { exports } = this.instance;
    this.memory = new ResettableMemory(
      exports.memory as WebAssembly.Memory,
      exports[names.control] as WebAssembly.Memory,
      rewritten(dirtyPages).resetting!,
      snapshots,
    );
    this.memory.keep();
    (exports[names.save] as () => void)();
    this.#restore = exports[names.restore] as () => void;
    this.host = new Memory(this.memory);
  }

  reset(): void {
    this.#restore();
    assert(this.memory.reset());
  }
}

const rewrittenOnce = new Map<boolean, ReturnType<typeof rewrite>>();

function rewritten(dirtyPages: boolean) {
  const known = rewrittenOnce.get(dirtyPages) ??
    rewrite(layoutOf(MACHINE), { memory: Infinity, checks: true, reset: { dirtyPages } });
  rewrittenOnce.set(dirtyPages, known);
  return known;
}

/** Addresses where something may go wrong: at the borders of dirty pages, of pages, of the memory, and of 32 bits. */
const address = fc.oneof(
  fc.tuple(
    fc.integer({ min: 0, max: MOST * (PAGE / DIRTY_PAGE) + 1 }),
    fc.integer({ min: -18, max: 18 }),
  )
    .map(([page, by]) => page * DIRTY_PAGE + by),
  fc.integer({ min: 0, max: (MOST + 1) * PAGE }),
  fc.integer({ min: -20, max: -1 }),
  fc.constantFrom(0, 0x7fffffff, -0x80000000),
);
const length = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 3 * PAGE }),
  fc.constantFrom(DIRTY_PAGE - 1, DIRTY_PAGE, DIRTY_PAGE + 1, -1, -DIRTY_PAGE),
);
const value = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      call: fc.constantFrom(...STORES.map(({ name }) => name)),
      args: fc.tuple(address, value),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      call: fc.constantFrom("fill", "copy"),
      args: fc.tuple(address, address, length),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      call: fc.constant("init"),
      args: fc.tuple(address, fc.integer({ min: 0, max: 20 }), length),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      call: fc.constant("grow"),
      args: fc.tuple(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom(-1, 100))),
    }),
  },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("globals"), args: fc.tuple(value) }) },
  {
    weight: 1,
    arbitrary: fc.record({ call: fc.constant("extern"), args: fc.tuple(fc.constant({})) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      host: fc.constantFrom(...Object.keys(HOST_WRITES) as (keyof typeof HOST_WRITES)[]),
      ptr: address.map((at) => at >>> 0),
      seed: fc.nat(),
    }),
  },
);

/** Result of a step: "trap" if it ends the guest, "refused" if the host refuses it. */
function run({ instance, host }: Fresh | Reused, step: Step): unknown {
  try {
    if ("call" in step) return (instance.exports[step.call] as Call)(...step.args);
    HOST_WRITES[step.host](host, step.ptr, step.seed);
  } catch (error) {
    return error instanceof WebAssembly.RuntimeError ? "trap" : "refused";
  }
}

const GLOBALS = ["a", "b", "c", "d", "e0", "e1", "f", "g", "size"];

function globalsOf({ instance }: Fresh | Reused): unknown[] {
  return GLOBALS.map((name) => (instance.exports[name] as Call)());
}

/** Zeroes in the size of the largest memory, or of the control memory. */
const ZEROES = Buffer.alloc(Math.max(MOST, CONTROL_PAGES) * PAGE);

function isZero(bytes: Uint8Array): boolean {
  return ZEROES.subarray(0, bytes.length).equals(bytes);
}

function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  const length = Math.min(actual.length, expected.length);
  // Byte by byte only for the message: the platform compares megabytes in no time.
  if (Buffer.from(actual.buffer, 0, length).equals(expected.subarray(0, length))) return;
  for (let i = 0; i < length; i++) {
    if (actual[i] !== expected[i]) {
      throw new Error(`Byte ${i} is ${actual[i]} and not ${expected[i]}`);
    }
  }
}

/** That nothing tells it from a new one: its memory to its real end, its globals, its size. */
function assertAsNew(reused: Reused): void {
  const fresh = new Fresh();
  assertEquals(globalsOf(reused), globalsOf(fresh));
  assertEquals(reused.memory.size, LEAST * PAGE);
  const bytes = new Uint8Array(reused.memory.buffer);
  assertSame(bytes, fresh.bytes());
  assert(isZero(bytes.subarray(LEAST * PAGE)), "nothing past the end");
  const control = reused.instance.exports[rewritten(true).names.control] as WebAssembly.Memory;
  assert(isZero(new Uint8Array(control.buffer)), "no page is marked");
}

for (const dirtyPages of [true, false]) {
  Deno.test(`a request finds an instance as new, whatever the one before did (${dirtyPages ? "dirty-pages" : "snapshot"})`, async () => {
    const module = await WebAssembly.compile(rewritten(dirtyPages).bytes);
    const snapshots = new MemorySnapshots(true);
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 25 }), { maxLength: 4 }), (requests) => {
        let reused = new Reused(module, dirtyPages, snapshots);
        for (const steps of requests) {
          const fresh = new Fresh();
          let alike = true;
          let trapped = false;
          for (const step of steps) {
            const answer = run(reused, step);
            trapped = answer === "trap";
            // Between the guest's size and the real one it does not trap: from then on the two differ.
            if (alike) {
              const expected = run(fresh, step);
              if (expected === "trap" && !trapped) alike = false;
              else assertEquals(answer, expected);
            }
            if (trapped) break;
          }
          if (alike) {
            assertSame(new Uint8Array(reused.memory.buffer), fresh.bytes());
            assertEquals(globalsOf(reused), globalsOf(fresh));
            assertEquals(reused.memory.size, fresh.bytes().length);
          }
          if (trapped) reused = new Reused(module, dirtyPages, snapshots);
          else reused.reset();
          assertAsNew(reused);
        }
      }),
      { numRuns: RUNS },
    );
  });
}

Deno.test("every instruction that writes is put back at each border that it may cross", async () => {
  const module = await WebAssembly.compile(rewritten(true).bytes);
  const reused = new Reused(module, true, new MemorySnapshots(true));
  for (const { name } of STORES) {
    const offset = Number(name.split("+")[1]);
    for (const border of [DIRTY_PAGE, 2 * DIRTY_PAGE, PAGE, 2 * PAGE]) {
      for (let by = -17; by <= 1; by++) {
        const at = border + by - offset;
        if (at >= 0) run(reused, { call: name, args: [at, -1n] });
      }
    }
    const touched = new Uint8Array(reused.memory.buffer).some((byte) => byte === 0xff);
    assert(touched || /\.rmw.*(and|cmpxchg|xor|or|sub|add)/.test(name), `${name} writes`);
    reused.reset();
    assertAsNew(reused);
  }
});

Deno.test("bytes that a guest writes past its own size, where the real memory goes on, do not stay", async () => {
  const module = await WebAssembly.compile(rewritten(true).bytes);
  const reused = new Reused(module, true, new MemorySnapshots(true));
  const load = reused.instance.exports.load as Call;
  assertEquals(run(reused, { call: "grow", args: [4] }), LEAST);
  reused.reset();
  const past = LEAST * PAGE + 5000;
  assertEquals(run(reused, { call: "i32.store+0", args: [past, 9n] }), undefined);
  assertEquals(run(reused, { host: "u8", ptr: past, seed: 9 }), "refused");
  reused.reset();
  assertEquals(run(reused, { call: "grow", args: [1] }), LEAST);
  assertEquals(load(past), 0);
  assertEquals(reused.memory.size, (LEAST + 1) * PAGE);
  reused.reset();
  assertAsNew(reused);
});

Deno.test("the ends of a memory of 4 GiB are put back", () => {
  const pages = 65536;
  const memory = new WebAssembly.Memory({ initial: pages });
  const control = new WebAssembly.Memory({ initial: CONTROL_PAGES });
  const snapshots = new MemorySnapshots(true);
  snapshots.of(new Uint8Array(PAGE).fill(7)); // looking for the last byte of so large a memory takes long
  const resetting = { min: pages, dirtyPages: true, starts: false };
  const resettable = new ResettableMemory(memory, control, resetting, snapshots);
  resettable.keep();
  const bytes = new Uint8Array(memory.buffer);
  bytes[0] = bytes[PAGE] = bytes[bytes.length - 1] = 1;
  for (const at of [0, PAGE, bytes.length - 1]) resettable.mark(at, 1);
  assert(resettable.reset());
  assertEquals([bytes[0], bytes[PAGE], bytes.at(-1)], [7, 0, 0]);
  assert(!new Uint8Array(control.buffer).includes(1), "no page is marked");
});

Deno.test("instances of a program share one snapshot as far as they start with the same bytes", () => {
  const memory = (...bytes: number[]) => {
    const all = new Uint8Array(2 * PAGE);
    all.set(bytes, PAGE - 2);
    return all;
  };
  const snapshots = new MemorySnapshots(false);
  const first = snapshots.of(memory(1, 2, 3));
  assertEquals(
    [first.bytes.length, first.memory.buffer.byteLength],
    [2 * PAGE, 2 * PAGE],
    "up to the last page that is not 0",
  );
  assert(snapshots.of(memory(1, 2, 3)) === first, "an equal one is another copy");
  for (const [pages, ...other] of [[2, 1, 2, 4], [2, 1, 2, 3, 0, 0, 5], [1, 1, 2], [0]] as const) {
    const own = snapshots.of(memory(...other));
    assert(own !== first, "one that differs is shared");
    assertEquals(own.bytes.length, pages * PAGE);
    const shown = new Uint8Array(2 * PAGE);
    shown.set(own.bytes);
    assertEquals(shown, memory(...other));
  }
  assert(snapshots.of(memory(1, 2, 3)) === first, "the first is not kept");
});
