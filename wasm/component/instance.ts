import type { ComponentHost, ComponentInstance } from "../../service/util/component_loader.ts";
import type { GuestMemory } from "../../service/util/guest_memory.ts";
import { MemorySnapshots, NO_MEMORY, PlainMemory, ResettableMemory } from "../instance_memory.ts";
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
import { LiftedFunction } from "./functions.ts";
import type { ResourceType } from "./handles.ts";
import type { Component } from "./definitions.ts";
import { link, type LinkedComponent } from "./link.ts";
import type { Item } from "./scope.ts";
import type { CoreModule } from "./core_module.ts";
import { GuestBytes } from "./guest_bytes.ts";

const HANDLER = /^fastly:compute\/http-incoming@0\.1\.\d+$/;
const COMMAND = /^wasi:cli\/run@0\.2\.\d+$/;
/** Budget in bytes if there is no limit: more than all memories can have. */
const UNLIMITED = 2 ** 53;

/** Limits and reset method of a component's instances. */
export interface InstanceLimits {
  /** Bytes that all memories and tables may have together; `Infinity` for no limit. */
  readonly memory: number;
  /** Whether writes mark dirty pages; undefined if instances are not reset. */
  readonly dirtyPages: boolean | undefined;
  /** Initial contents of each memory, in the order in which memories are made; filled by the first instance. */
  readonly snapshots: MemorySnapshots[];
}

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

/** Instance of a component: all instances of its core modules, with their initial state. */
export class LinkedInstance implements ComponentInstance {
  readonly memory: GuestMemory;
  readonly commands: boolean;
  readonly handles: boolean;
  readonly #parts: readonly CoreModule[];
  readonly #host: ComponentHost;
  readonly #resets: boolean;
  readonly #linked: LinkedComponent;
  readonly #handler: LiftedFunction | undefined;
  readonly #command: LiftedFunction | undefined;
  readonly #limit: SharedLimit;
  /** `control` memory of each memory. The one for modules without a memory is under undefined. */
  readonly #controls = new Map<WebAssembly.Memory | undefined, WebAssembly.Memory>();
  readonly #resources = new Map<string, ResourceType>();
  readonly #bytes = new Map<WebAssembly.Memory, GuestBytes>();
  readonly #saves: (() => void)[] = [];
  readonly #restores: (() => void)[] = [];
  readonly #resettable: readonly ResettableMemory[] = [];

  constructor(
    component: Component,
    parts: readonly CoreModule[],
    limits: InstanceLimits,
    host: ComponentHost,
  ) {
    this.#parts = parts;
    this.#host = host;
    this.#limit = new SharedLimit(limits.memory);
    this.#resets = limits.dirtyPages !== undefined;
    this.#linked = link(component, {
      watcher: host,
      resource: (from, name) => this.#resource(from, name),
      function: (from, name, type) => ({ type, ...host.bind(from, name, type) }),
      instantiate: (module, imports) => this.#instantiate(module, imports),
      bytesOf: (memory) => this.#bytesOf(memory),
    });
    const { exports } = this.#linked;
    this.#handler = exported(exports, HANDLER, "handle");
    this.#command = exported(exports, COMMAND, "run");
    this.handles = this.#handler !== undefined;
    this.commands = this.#command !== undefined;
    const memories = [...this.#controls.keys()].filter((memory) => memory !== undefined);
    if (limits.dirtyPages === undefined) {
      this.memory = combined(memories.map((memory) => new PlainMemory(memory)));
      return;
    }
    for (const save of this.#saves) save();
    this.#limit.save();
    const resetting = { min: 0, dirtyPages: limits.dirtyPages, starts: true };
    this.#resettable = memories.map((memory, i) => {
      const control = this.#controls.get(memory)!;
      const snapshots = limits.snapshots[i] ??= new MemorySnapshots(false);
      const resettable = new ResettableMemory(memory, control, resetting, snapshots);
      this.#bytes.set(memory, new GuestBytes(resettable));
      return resettable;
    });
    this.memory = combined(this.#resettable);
  }

  #resource(from: string, name: string): ResourceType {
    const shown = this.#host.nameOf(from, name);
    const known = this.#resources.get(shown);
    if (known) return known;
    const drop = (representation: number) => this.#host.drop(representation);
    const type: ResourceType = { name: shown, owner: undefined, drop };
    this.#resources.set(shown, type);
    return type;
  }

  #instantiate(index: number, imports: WebAssembly.Imports): WebAssembly.Exports {
    const { module, rewritten, layout } = this.#parts[index]!;
    if (!rewritten) {
      const { exports } = new WebAssembly.Instance(module, imports);
      for (const item of Object.values(exports)) {
        if (item instanceof WebAssembly.Memory) this.#controlOf(item);
      }
      return exports;
    }
    this.#limit.takeElements(sumOf(layout.tables));
    const own = rewritten.memories.map((limits) => this.#makeMemory(limits));
    const { names } = rewritten;
    const host = {
      ...own,
      [WATCH]: this.#host.watch,
      [CONTROL]: this.#controlOf(own[0] ?? importedMemory(layout, imports)),
      [BUDGET]: this.#limit.memory,
    };
    const given = Object.assign(Object.create(null), imports, { [names.host]: host });
    const { exports } = new WebAssembly.Instance(module, given);
    (exports[names.ask] as WebAssembly.Table | undefined)?.set(0, this.#host.ask);
    (exports[names.start] as CallableFunction | undefined)?.();
    if (this.#resets) {
      this.#saves.push(exports[names.save] as () => void);
      this.#restores.push(exports[names.restore] as () => void);
    }
    return exports;
  }

  #makeMemory({ min, own }: MemoryLimits): WebAssembly.Memory {
    this.#limit.take(min * PAGE);
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

  #bytesOf(memory: WebAssembly.Memory): GuestBytes {
    const known = this.#bytes.get(memory);
    if (known) return known;
    const bytes = new GuestBytes(new PlainMemory(memory));
    this.#bytes.set(memory, bytes);
    return bytes;
  }

  keep(): void {
    for (const memory of this.#resettable) memory.keep();
  }

  async run(handles: readonly [request: number, body: number] | undefined): Promise<boolean> {
    this.keep();
    const run = handles ? this.#handler! : this.#command!;
    const { ok } = await run.call(handles ?? []) as { ok: boolean };
    return ok;
  }

  reset(): boolean {
    if (!this.#resets) return false;
    for (const restore of this.#restores) restore();
    for (const instance of this.#linked.instances) instance.reset();
    this.#limit.restore();
    return this.#resettable.map((memory) => memory.reset()).every(Boolean);
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

/** Combines several memories into one whose size is their sum, for accounting. Its buffer is the largest one's. */
function combined(memories: readonly GuestMemory[]): GuestMemory {
  const [only = NO_MEMORY] = memories;
  if (memories.length < 2) return only;
  const largest = memories.reduce((one, other) => other.size > one.size ? other : one);
  return {
    get buffer() {
      return largest.buffer;
    },
    get size() {
      return memories.reduce((sum, { size }) => sum + size, 0);
    },
    mark() {},
  };
}

function exported(
  exports: ReadonlyMap<string, Item>,
  pattern: RegExp,
  name: string,
): LiftedFunction | undefined {
  for (const [from, { sort, value }] of exports) {
    if (sort !== "instance" || !pattern.test(from)) continue;
    const item = (value as ReadonlyMap<string, Item>).get(name);
    if (item?.value instanceof LiftedFunction && item.value.type.result?.kind === "result") {
      return item.value;
    }
  }
  return undefined;
}
