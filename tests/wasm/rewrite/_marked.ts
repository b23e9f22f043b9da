import { Buffer } from "node:buffer";
import { assemble } from "../../../cli/wat.ts";
import { MemorySnapshots, ResettableMemory } from "../../../wasm/instance_memory.ts";
import { WATCH } from "../../../wasm/rewrite/control.ts";
import { Op } from "../../../wasm/rewrite/instructions.ts";
import { layoutOf } from "../../../wasm/rewrite/layout.ts";
import { rewrite, type Rewritten } from "../../../wasm/rewrite/rewrite.ts";
import { assertEquals } from "../../assert.ts";

const PAGE = 65536;
/** Pages that the modules have at first, and at the most. */
const LIMITS = { initial: 2, maximum: 5 };

/** Memory of a watchdog that stops no guest. */
const GO_ON = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
new Uint8Array(GO_ON.buffer)[0] = 1;

type Run = (...numbers: number[]) => unknown;

/** Module whose function `run` writes to memory, with and without marks. */
export class MarkedModule {
  readonly #original: WebAssembly.Module;
  readonly #rewritten: Rewritten;
  readonly #module: WebAssembly.Module;

  constructor(bytes: Uint8Array) {
    this.#original = new WebAssembly.Module(bytes as BufferSource);
    this.#rewritten = rewrite(layoutOf(bytes), {
      memory: 16 * 2 ** 20,
      checks: true,
      reset: { dirtyPages: true },
    });
    this.#module = new WebAssembly.Module(this.#rewritten.bytes);
  }

  /** @param parts Fields of the module, among them the exported function `run`. */
  static async of(parts: string): Promise<MarkedModule> {
    const { initial, maximum } = LIMITS;
    const wat = `(module (memory (export "memory") ${initial} ${maximum})
      (data (i32.const 0) "${"\\55".repeat(PAGE)}") (data (i32.const ${PAGE}) "${
      "\\55".repeat(PAGE)
    }") ${parts})`;
    return new MarkedModule(await assemble("marked.wat", wat));
  }

  /** Number of instructions that mark a page, without those of the function that marks a range. */
  get marks(): number {
    const control = 2; // after the guest's memory and the watchdog's
    return this.#count([Op.i32Const, 1, Op.i32Store8, 0x40, control, 0]) - 1;
  }

  /** Number of marks that are only made on another page than before. */
  get compared(): number {
    return this.#count([Op.i32NotEqual, Op.if, 0x40]);
  }

  #count(code: readonly number[]): number {
    const { bytes } = this.#rewritten;
    let count = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (code.every((byte, i) => bytes[at + i] === byte)) count++;
    }
    return count;
  }

  /**
   * Runs the function in an instance of the original and in one of the rewritten module, and compares them before and
   * after a reset.
   *
   * @returns Whether it ended without a trap.
   */
  check(...numbers: number[]): boolean {
    const fresh = new WebAssembly.Instance(this.#original).exports;
    const { names, resetting } = this.#rewritten;
    const memory = new WebAssembly.Memory(LIMITS);
    const { exports } = new WebAssembly.Instance(this.#module, {
      [names.host]: { 0: memory, [WATCH]: GO_ON },
    });
    const initial = new Uint8Array(memory.buffer).slice();
    const resettable = new ResettableMemory(
      memory,
      exports[names.control] as WebAssembly.Memory,
      resetting!,
      new MemorySnapshots(true),
    );
    resettable.keep();
    (exports[names.save] as Run)();
    const expected = outcome(() => (fresh.run as Run)(...numbers));
    assertEquals(outcome(() => (exports.run as Run)(...numbers)), expected);
    const written = new Uint8Array((fresh.memory as WebAssembly.Memory).buffer);
    assertSameBytes(new Uint8Array(memory.buffer), written, "it does something else");
    if (expected === "trap") return false;
    (exports[names.restore] as Run)();
    resettable.reset();
    const reset = new Uint8Array(memory.buffer);
    assertSameBytes(reset.subarray(0, initial.length), initial, "a reset leaves it");
    const added = new Uint8Array(reset.length - initial.length);
    assertSameBytes(reset.subarray(initial.length), added, "a reset leaves it in added pages");
    return true;
  }
}

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch {
    return "trap";
  }
}

function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assertEquals(actual.length, expected.length);
  if (Buffer.compare(actual, expected) === 0) return;
  const different = actual.findIndex((byte, at) => byte !== expected[at]);
  throw new Error(`Byte ${different} is ${actual[different]}: ${what}`);
}
