import { Buffer } from "node:buffer";
import { assemble } from "../../../cli/wat.ts";
import { Fastlike } from "../../../mod.ts";
import { hostFunction } from "../../../wasm/host_function.ts";
import { PIECE } from "../../../wasm/rewrite/bulk.ts";
import { PAGE, WATCH } from "../../../wasm/rewrite/control.ts";
import { layoutOf } from "../../../wasm/rewrite/layout.ts";
import { rewrite } from "../../../wasm/rewrite/rewrite.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { quickest } from "../../durations.ts";

const SIZE = 4 * PIECE;
const SEGMENT = PIECE + 1_000_003;
const END = 2 ** 32;

const MODULE = await assemble(
  "bulk.wat",
  `(module (memory (export "memory") ${SIZE / PAGE})
    (data $d "${"0123456789abc".repeat(Math.ceil(SEGMENT / 13)).slice(0, SEGMENT)}")
    (func (export "_start"))
    (func (export "fill") (param i32 i32 i32)
      (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32)
      (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (param i32 i32 i32)
      (memory.init $d (local.get 0) (local.get 1) (local.get 2))))`,
);

/** Destination, source (or value), and number of bytes. */
const CASES: Readonly<Record<string, readonly (readonly [number, number, number])[]>> = {
  fill: [
    [5, 7, PIECE],
    [5, 8, PIECE + 1],
    [0, 9, SIZE],
    [1, 10, SIZE],
    [SIZE, 1, 0],
    [SIZE + 1, 1, 0],
    [SIZE - PIECE - 3, 11, PIECE + 3],
    [END - PIECE, 1, 2 * PIECE],
    [100, 1, END - 1],
    [PIECE, 1, END - PIECE],
  ],
  copy: [
    [3, 0, 3 * PIECE + 1],
    [0, 3, 3 * PIECE + 1],
    [PIECE - 1, 0, 2 * PIECE + 5],
    [0, PIECE + 1, 2 * PIECE + 5],
    [0, PIECE - 1, 2 * PIECE + 5],
    [2 * PIECE, 0, 2 * PIECE],
    [7, 7, 2 * PIECE],
    [0, 1, SIZE],
    [1, 0, SIZE],
    [0, SIZE - PIECE, PIECE + 1],
    [0, END - 1, 2 * PIECE],
    [END - 1, 0, 2 * PIECE],
    [0, PIECE, END - PIECE],
  ],
  init: [
    [9, 0, SEGMENT],
    [9, 17, PIECE + 1],
    [9, 1, SEGMENT],
    [SIZE - PIECE, 0, PIECE + 1],
    [0, END - 1, PIECE + 2],
    [END - 1, 0, PIECE + 2],
  ],
};

type Bulk = (to: number, from: number, count: number) => void;

/** Makes an instance whose code has checks and, with `dirtyPages`, marks the pages that it writes. */
function rewritten(dirtyPages?: boolean): WebAssembly.Exports {
  const { bytes, names, memories } = rewrite(layoutOf(MODULE), {
    memory: 2 ** 31,
    checks: true,
    reset: dirtyPages === undefined ? undefined : { dirtyPages },
  });
  const watched = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  new Uint8Array(watched.buffer)[0] = 1;
  const [memory] = memories.map(({ min, max }) =>
    new WebAssembly.Memory({ initial: min, maximum: max })
  );
  const module = new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(module, {
    [names.host]: { 0: memory!, [WATCH]: watched },
  });
  (exports[names.ask] as WebAssembly.Table).set(0, hostFunction(() => {}));
  return exports;
}

/** Result of a call: the trap, if any, and where the memory differs from that of another. */
function outcomeOf({ memory, ...calls }: WebAssembly.Exports, call: string, words: number[]) {
  try {
    (calls[call] as Bulk)(...words as [number, number, number]);
    return { memory, trap: undefined };
  } catch (error) {
    assert(error instanceof WebAssembly.RuntimeError);
    return { memory, trap: "trapped" };
  }
}

function bytesOf(memory: WebAssembly.ExportValue | undefined): Buffer {
  return Buffer.from((memory as WebAssembly.Memory).buffer as ArrayBuffer);
}

for (const dirtyPages of [undefined, true, false]) {
  Deno.test(`large ranges of memory are written in pieces as in one, and traps write nothing (dirty pages: ${dirtyPages})`, () => {
    const plain = new WebAssembly.Instance(new WebAssembly.Module(MODULE as BufferSource)).exports;
    const other = rewritten(dirtyPages);
    for (const exports of [plain, other]) {
      const bytes = bytesOf(exports.memory);
      for (let at = 0; at < SIZE; at += 4) bytes.writeUInt32LE((at * 40_503) >>> 0, at);
    }
    for (const [call, cases] of Object.entries(CASES)) {
      for (const words of cases) {
        const expected = outcomeOf(plain, call, [...words]);
        const outcome = outcomeOf(other, call, [...words]);
        assertEquals(outcome.trap, expected.trap, `${call} ${words}`);
        const same = bytesOf(expected.memory).equals(bytesOf(outcome.memory));
        assert(same, `${call} ${words}: the memories differ`);
      }
    }
  });
}

for (const reuse of ["auto", "never"] as const) {
  Deno.test(`one instruction on a gigabyte is stopped in its midst (reuse ${reuse})`, async () => {
    const guest = await assemble(
      "guest.wat",
      `(module (memory (export "memory") 16384) (func (export "_start")
        (memory.copy (i32.const 0) (i32.const 1) (i32.const 0x3fffffff))))`,
    );
    await using app = await Fastlike.load(guest, {
      reuse,
      limits: { cpu_time: 50, memory: "1100MiB" },
    });
    // The thread that sets the end may itself be held up.
    const ran = await quickest(500, async () => {
      const response = await app.handler(new Request("http://guest.test/"));
      const text = await response.text();
      assertMatch(text, /^The guest was stopped: cpu_time 50ms is used up \(it ran for \d+ ms\)/);
      return Number(/ran for (\d+) ms/.exec(text)![1]);
    });
    // All of it takes more than a second: each page is touched for the first time.
    assert(ran < 500, `${ran} ms`);
  });
}
