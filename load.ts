import { binderOf, isKnown } from "./abi/mod.ts";
import type { Memory } from "./handles/memory.ts";
import type { RequestPromise } from "./handles/request_promise.ts";
import type { Sandbox } from "./handles/sandbox.ts";
import type { Service } from "./service/service.ts";
import { Images } from "./wasm/memory.ts";
import { Pool } from "./wasm/pool.ts";
import { compile, type Program, type Source } from "./wasm/program.ts";
import { RunQueue } from "./wasm/run_queue.ts";
import { Slot } from "./wasm/slot.ts";

/** Where the hostcalls of one instance find whoever runs in it. */
export interface Seat {
  sandbox: Sandbox;
  memory?: Memory;
}

/** A program, ready for requests. */
export interface Loaded {
  readonly pool: Pool<Seat>;
  /** The offset in the program's file of an offset in a trap. */
  readonly locate: (offset: number) => number;
  readonly queue: RunQueue<Seat>;
  readonly service: Service;
  /** Sandboxes that would take another request. */
  readonly listening: Set<RequestPromise>;
  /** Whether no sandbox gets another request. */
  retired: boolean;
}

/** Compiles a program and binds its imports. */
export async function load(source: Source, service: Service): Promise<Loaded> {
  const { limits } = service;
  const reuse = service.options.reuse !== "never";
  const program = await compile(source, { memory: limits.memory, reuse });
  if (!program.limited) {
    service.report("warning", "The memory limit does not hold: the module came compiled");
  }
  const { resetting } = program;
  if (reuse && typeof resetting === "string") {
    service.report("info", `Each request gets a new instance of the program, because ${resetting}`);
  }
  if (service.options.unknownImports === "refuse") refuseUnknown(program.imports);
  const binders = program.imports.map(({ module, name }) =>
    binderOf(module, name, service.logsHostcalls)
  );
  const images = new Images(typeof resetting === "object" && !resetting.starts);
  const makeSlot = () => {
    const seat = {} as Seat;
    return new Slot(program, images, { seat, functions: binders.map((bind) => bind(seat)) });
  };
  const pool = new Pool(makeSlot, limits.instances);
  return {
    pool,
    locate: program.locate,
    queue: new RunQueue(pool),
    service,
    listening: new Set(),
    retired: false,
  };
}

/**
 * Makes instances ahead, up to the limit; answers how many are ready.
 *
 * @throws {Error} If the program cannot be instantiated.
 */
export function warmup({ pool }: Loaded, count: number): number {
  try {
    return pool.warmup(count);
  } catch (cause) {
    throw new Error(`Cannot instantiate the program: ${(cause as Error).message}`, { cause });
  }
}

function refuseUnknown(imports: Program["imports"]): void {
  const names = imports.filter((item) => !isKnown(item)).map(({ module, name }) =>
    `${module}.${name}`
  );
  if (!names.length) return;
  throw new Error(
    `Cannot load the program: it imports ${names.join(", ")}, which this host does not know`,
  );
}
