import { PlainMemory } from "../instance_memory.ts";
import { ELEMENT, MAX_ELEMENTS, type MemoryLimits, sumOf } from "../rewrite/budget.ts";
import {
  ADDED_PAGES,
  BUDGET,
  BYTES_LEFT,
  CONTROL,
  ELEMENTS_LEFT,
  MAX_PAGES,
  PAGE,
  WATCH,
} from "../rewrite/control.ts";
import { SHARED_BUDGET, SHARED_CONTROL } from "../rewrite/rewrite.ts";
import type { ComponentHost } from "../../service/util/component_loader.ts";
import type { CoreModule } from "./core_module.ts";
import { GuestBytes } from "./guest_bytes.ts";

/** Budget in bytes if there is no limit: more than all memories can have. */
const UNLIMITED = 2 ** 53;

/** Budget that the modules of a component share: bytes of memories and tables, and elements of tables. */
class SharedLimit {
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({
    initial: SHARED_BUDGET.min,
    maximum: SHARED_BUDGET.max,
  });
  readonly #left = new BigUint64Array(this.memory.buffer, BYTES_LEFT, 1);
  readonly #elements = new BigUint64Array(this.memory.buffer, ELEMENTS_LEFT, 1);
  #first = 0n;

  constructor(bytes: number) {
    this.#left[0] = BigInt(bytes === Infinity ? UNLIMITED : bytes);
    this.#elements[0] = BigInt(MAX_ELEMENTS);
  }

  /** Takes the bytes that a memory or table starts with. */
  take(bytes: number): void {
    const left = this.#left[0]! - BigInt(bytes);
    if (left < 0n) throw new Error("its modules start with more than the limit memory");
    this.#left[0] = left;
  }

  /** Takes the elements that the tables of a module start with. */
  takeElements(count: number): void {
    this.take(count * ELEMENT);
    const left = this.#elements[0]! - BigInt(count);
    if (left < 0n) {
      throw new Error(
        `its tables start with more elements than an instance may have: ${MAX_ELEMENTS}`,
      );
    }
    this.#elements[0] = left;
  }

  save(): void {
    this.#first = this.#left[0]!;
  }

  restore(): void {
    this.#left[0] = this.#first;
  }
}

/** Instances of a component's core modules, with their memories. */
export class CoreInstances {
  readonly limit: SharedLimit;
  /** Functions that save and restore the globals of each instance; none if instances are not reset. */
  readonly saves: (() => void)[] = [];
  readonly restores: (() => void)[] = [];
  readonly #parts: readonly CoreModule[];
  readonly #host: ComponentHost;
  readonly #resets: boolean;
  /** `control` memory of each memory. The one for modules without a memory is under undefined. */
  readonly #controls = new Map<WebAssembly.Memory | undefined, WebAssembly.Memory>();
  readonly #bytes = new Map<WebAssembly.Memory, GuestBytes>();

  /** @param memory Bytes that all memories and tables may have together; `Infinity` for no limit. */
  constructor(parts: readonly CoreModule[], host: ComponentHost, memory: number, resets: boolean) {
    this.#parts = parts;
    this.#host = host;
    this.limit = new SharedLimit(memory);
    this.#resets = resets;
  }

  /** All memories, each with its `control` memory. */
  get memories(): [memory: WebAssembly.Memory, control: WebAssembly.Memory][] {
    return [...this.#controls].filter((pair): pair is [WebAssembly.Memory, WebAssembly.Memory] =>
      pair[0] !== undefined
    );
  }

  /** Makes an instance of a core module, by its index. */
  instantiate(index: number, imports: WebAssembly.Imports): WebAssembly.Exports {
    const { module, rewritten, layout } = this.#parts[index]!;
    if (!rewritten) {
      const { exports } = new WebAssembly.Instance(module, imports);
      for (const item of Object.values(exports)) {
        if (item instanceof WebAssembly.Memory) this.#controlOf(item);
      }
      return exports;
    }
    this.limit.takeElements(sumOf(layout.tables));
    const own = rewritten.memories.map((limits) => this.#makeMemory(limits));
    const { names } = rewritten;
    const host = {
      ...own,
      [WATCH]: this.#host.watch,
      [CONTROL]: this.#controlOf(own[0] ?? importedMemory(layout, imports)),
      [BUDGET]: this.limit.memory,
    };
    const given = Object.assign(Object.create(null), imports, { [names.host]: host });
    const { exports } = new WebAssembly.Instance(module, given);
    (exports[names.ask] as WebAssembly.Table | undefined)?.set(0, this.#host.ask);
    (exports[names.start] as CallableFunction | undefined)?.();
    if (this.#resets) {
      this.saves.push(exports[names.save] as () => void);
      this.restores.push(exports[names.restore] as () => void);
    }
    return exports;
  }

  #makeMemory({ min, own }: MemoryLimits): WebAssembly.Memory {
    this.limit.take(min * PAGE);
    const memory = new WebAssembly.Memory({ initial: min, maximum: own });
    const state = new Uint32Array(this.#controlOf(memory).buffer, 0, MAX_PAGES / 4 + 1);
    state[ADDED_PAGES / 4] = min;
    state[MAX_PAGES / 4] = own;
    return memory;
  }

  #controlOf(memory: WebAssembly.Memory | undefined): WebAssembly.Memory {
    const known = this.#controls.get(memory);
    if (known) return known;
    const { min: initial, max: maximum } = SHARED_CONTROL;
    const control = new WebAssembly.Memory({ initial, maximum });
    this.#controls.set(memory, control);
    return control;
  }

  /** Returns the host's view of a memory. */
  bytesOf(memory: WebAssembly.Memory): GuestBytes {
    const known = this.#bytes.get(memory);
    if (known) return known;
    const bytes = new GuestBytes(new PlainMemory(memory));
    this.#bytes.set(memory, bytes);
    return bytes;
  }

  /** Sets the host's view of a memory, whose writes are to be marked from now on. */
  view(memory: WebAssembly.Memory, bytes: GuestBytes): void {
    this.#bytes.set(memory, bytes);
  }
}

/** Returns the memory that a module imports; undefined if it imports none. */
function importedMemory(
  { imports }: CoreModule["layout"],
  given: WebAssembly.Imports,
): WebAssembly.Memory | undefined {
  const found = imports.find(({ kind }) => kind === "memory");
  return found && given[found.module]?.[found.name] as WebAssembly.Memory | undefined;
}
