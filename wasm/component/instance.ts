import type { ComponentHost, ComponentInstance } from "../../service/util/component_loader.ts";
import type { GuestMemory } from "../../service/util/guest_memory.ts";
import { MemorySnapshots, NO_MEMORY, PlainMemory, ResettableMemory } from "../instance_memory.ts";
import { CoreInstances } from "./core_instances.ts";
import type { CoreModule } from "./core_module.ts";
import type { Component } from "./definitions.ts";
import { LiftedFunction } from "./functions.ts";
import { GuestBytes } from "./guest_bytes.ts";
import type { ResourceType } from "./handles.ts";
import { type LinkedComponent, linkInSteps } from "./link.ts";
import type { Item } from "./scope.ts";

const HANDLER = /^fastly:compute\/http-incoming@0\.1\.\d+$/;
const COMMAND = /^wasi:cli\/run@0\.2\.\d+$/;

/** Limits and reset method of a component's instances. */
export interface InstanceLimits {
  /** Bytes that all memories and tables may have together; `Infinity` for no limit. */
  readonly memory: number;
  /** Whether writes mark dirty pages; undefined if instances are not reset. */
  readonly dirtyPages: boolean | undefined;
  /** Initial contents of each memory, in the order in which memories are made; filled by the first instance. */
  readonly snapshots: MemorySnapshots[];
}

/**
 * Instantiates a component in steps, between which the event loop can run.
 *
 * @throws {Error} If it cannot be instantiated.
 */
export function* instantiateInSteps(
  component: Component,
  parts: readonly CoreModule[],
  { memory, dirtyPages, snapshots }: InstanceLimits,
  host: ComponentHost,
): Generator<void, LinkedInstance> {
  const core = new CoreInstances(parts, host, memory, dirtyPages !== undefined);
  const linked = yield* linkInSteps(component, {
    watcher: host,
    resource: resourcesOf(host),
    function: (from, name, type) => ({ type, ...host.bind(from, name, type) }),
    instantiate: (module, imports) => core.instantiate(module, imports),
    bytesOf: (memory) => core.bytesOf(memory),
  });
  if (dirtyPages === undefined) {
    return new LinkedInstance(linked, core, core.memories.map(([one]) => new PlainMemory(one)));
  }
  const resetting = { min: 0, dirtyPages, starts: true };
  const resettable: ResettableMemory[] = [];
  for (const [i, [one, control]] of core.memories.entries()) {
    const initial = snapshots[i] ??= new MemorySnapshots(false);
    const made = new ResettableMemory(one, control, resetting, initial);
    yield* made.keepInSteps();
    core.view(one, new GuestBytes(made));
    resettable.push(made);
  }
  return new LinkedInstance(linked, core, resettable, resettable);
}

/** Returns a function that returns the type of a resource that an interface of the host defines. */
function resourcesOf(host: ComponentHost): (from: string, name: string) => ResourceType {
  const known = new Map<string, ResourceType>();
  const drop = (representation: number) => host.drop(representation);
  return (from, name) => {
    const shown = host.nameOf(from, name);
    const type = known.get(shown) ?? { name: shown, owner: undefined, drop };
    known.set(shown, type);
    return type;
  };
}

/** Instance of a component: all instances of its core modules, with their initial state. */
export class LinkedInstance implements ComponentInstance {
  readonly memory: GuestMemory;
  readonly commands: boolean;
  readonly handles: boolean;
  readonly #core: CoreInstances;
  readonly #linked: LinkedComponent;
  readonly #handler: LiftedFunction | undefined;
  readonly #command: LiftedFunction | undefined;
  readonly #resettable: readonly ResettableMemory[] | undefined;

  /** @param resettable The memories, which keep their initial contents; undefined if the instance is not reset. */
  constructor(
    linked: LinkedComponent,
    core: CoreInstances,
    memories: readonly GuestMemory[],
    resettable?: readonly ResettableMemory[],
  ) {
    this.#linked = linked;
    this.#core = core;
    this.memory = combined(memories);
    this.#resettable = resettable;
    this.#handler = exported(linked.exports, HANDLER, "handle");
    this.#command = exported(linked.exports, COMMAND, "run");
    this.handles = this.#handler !== undefined;
    this.commands = this.#command !== undefined;
    for (const save of core.saves) save();
    core.limit.save();
  }

  async run(handles: readonly [request: number, body: number] | undefined): Promise<boolean> {
    const run = handles ? this.#handler! : this.#command!;
    const { ok } = await run.call(handles ?? []) as { ok: boolean };
    return ok;
  }

  reset(): boolean {
    if (!this.#resettable) return false;
    for (const restore of this.#core.restores) restore();
    for (const instance of this.#linked.instances) instance.reset();
    this.#core.limit.restore();
    return this.#resettable.map((memory) => memory.reset()).every(Boolean);
  }
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
