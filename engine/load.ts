import { describe } from "../service/errors.ts";
import { asksForRequest, binderOf, isKnown, needsMemory, shownImport } from "../abi/mod.ts";
import type { RequestPromise } from "../handles/request_promise.ts";
import { describeLimit } from "../service/limits.ts";
import { parkOf } from "../service/park.ts";
import type { Service } from "../service/service.ts";
import { hostFunction } from "../wasm/host_function.ts";
import { refuseWithoutMemory } from "../wasm/policies.ts";
import { MemorySnapshots } from "../wasm/instance_memory.ts";
import { Pool } from "../wasm/pool.ts";
import {
  compile,
  type CompiledModule,
  type CompileOptions,
  type ResetMethod,
} from "../wasm/program.ts";
import { isComponent, readSource, type Source } from "../wasm/source.ts";
import { ResetChoice } from "../wasm/reset_choice.ts";
import type { ProgramCache } from "../wasm/program_cache.ts";
import { RunQueue } from "../wasm/run_queue.ts";
import { type InstanceSlot, ModuleSlot } from "../wasm/instance_slot.ts";
import { atOnce, inTurns } from "../wasm/turns.ts";
import { Watchdog } from "../wasm/watchdog.ts";
import type { InstanceContext } from "../handles/sandbox.ts";
import { termsOf } from "./terms.ts";

/** Maximum number of unknown imports in one message. */
const MAX_NAMED = 20;
const NEVER_ASKS = "it has no call that asks for its request";
const RENEWED = "Each request gets a new instance of the program";
/** Number of times that copying a whole memory is measured, of which the shortest counts. */
const COPIES = 3;

/** Program that is loaded and takes requests. */
export interface LoadedProgram {
  readonly pool: Pool<InstanceContext>;
  readonly queue: RunQueue<InstanceContext>;
  readonly service: Service;
  readonly watchdog: Watchdog;
  /** `true` if instances can be started ahead of requests; else why not, in words that complete "because". */
  readonly parks: true | string;
  /** Offers of sandboxes to take a further request. */
  readonly listening: Set<RequestPromise>;
  /** Whether sandboxes get no further requests, since the program has been replaced or the service is ending. */
  retired: boolean;
  /** Program to load the next build from sooner; absent unless the option `quickReload` is set. */
  earlier?: CompiledModule;
}

/**
 * Makes the watchdog that all programs of a service share; it starts while the first of them is loaded.
 *
 * @param earlier Watchdog of the service that this one replaces, which is used again if the limit and the signals are the
 *   same.
 */
export function watchdogOf(service: Service, earlier?: Watchdog): Watchdog {
  const watched = { cpuTime: service.limits.cpu_time, signals: service.options.signals ?? [] };
  if (earlier?.watchesFor(watched)) return earlier.share();
  return new Watchdog({
    ...watched,
    warn: (message) => service.report("warning", message),
  });
}

/**
 * Compiles a program and binds its imports.
 *
 * @param programs Cache of compiled programs. By default the program is compiled.
 * @param earlier Earlier build of the program. By default there is none.
 * @throws {Error} If the program cannot be loaded; in one line.
 */
export async function load(
  source: Source,
  service: Service,
  watchdog: Watchdog,
  programs?: ProgramCache,
  earlier?: CompiledModule,
): Promise<LoadedProgram> {
  const wanted = termsOf(service.options, service.limits);
  const terms = wanted.earlier && earlier ? { ...wanted, earlier } : wanted;
  const started = watchdog.start(); // its thread starts while the program is compiled
  const module = await readSource(source);
  if (isComponent(module)) return await loadComponent(module, terms, service, watchdog, programs);
  const program = await (programs?.compile(module, terms) ?? compile(module, terms));
  await started;
  refuseWithoutMemory(program, needsMemory);
  reportWhatCannotBe(program, service, terms);
  if (service.options.unknownImports === "refuse") refuseUnknown(program.imports);
  const make = slotMaker(program, service, watchdog);
  const asks = program.imports.some(asksForRequest);
  const loaded = loadedFrom(make, service, watchdog, asks || NEVER_ASKS);
  const { compileForSnapshots, code } = program;
  if (code) loaded.earlier = program;
  if (compileForSnapshots) {
    const { pool, queue } = loaded;
    queue.observe =
      resetChoiceOf({ program, make, compileForSnapshots }, pool, queue, service, watchdog).add;
  }
  return loaded;
}

function loadedFrom(
  make: () => InstanceSlot<InstanceContext>,
  service: Service,
  watchdog: Watchdog,
  parks: LoadedProgram["parks"],
): LoadedProgram {
  const { limits } = service;
  const pool = new Pool(make, limits.instances);
  const queue = new RunQueue(pool, limits.queue, service.stallClock);
  queue.fault = (error) =>
    service.report("error", `Cannot use an instance again: ${describe(error)}`);
  return { pool, queue, service, watchdog, parks, listening: new Set(), retired: false };
}

/** Compiles a component and makes a first instance, which checks the types of its imports. */
async function loadComponent(
  bytes: Uint8Array<ArrayBuffer>,
  terms: CompileOptions,
  service: Service,
  watchdog: Watchdog,
  programs: ProgramCache | undefined,
): Promise<LoadedProgram> {
  const { compileComponent, componentSlots } = await import("./component.ts"); // modules need none of it
  const compiled = await compileComponent(bytes, terms, service.options.components, programs);
  await watchdog.start(); // a component's start functions run while it is loaded
  reportWhatCannotBe(compiled, service, terms);
  const make = componentSlots(compiled, service, watchdog);
  const makeAtOnce = () => watched(service, watchdog, () => atOnce(make()));
  const loaded = loadedFrom(makeAtOnce, service, watchdog, "it is a component");
  const slot = await inTurns(watchedSteps(service, watchdog, make())).catch(cannotInstantiate);
  loaded.pool.add(slot);
  return loaded;
}

function slotMaker(
  program: CompiledModule,
  service: Service,
  watchdog: Watchdog,
): () => ModuleSlot<InstanceContext> {
  const forms = { traces: service.logsHostcalls, parks: parkOf(service.options) > 0 };
  const binders = program.imports.map(({ module, name }) => binderOf(module, name, forms));
  const { resetting, image } = program;
  const ask = hostFunction(watchdog.mayGoOn);
  const alike = typeof resetting === "object" && !resetting.starts;
  const snapshots = new MemorySnapshots(alike, image);
  return () => {
    const context = {} as InstanceContext;
    const functions = binders.map((bind) => bind(context));
    const binding = { context, functions, watch: watchdog.memory, ask };
    return watched(service, watchdog, () => new ModuleSlot(program, snapshots, binding));
  };
}

/** Program that is compiled for dirty pages and can be compiled for snapshots. */
interface WithDirtyPages {
  readonly program: CompiledModule;
  readonly make: () => ModuleSlot<InstanceContext>;
  readonly compileForSnapshots: () => Promise<CompiledModule>;
}

function resetChoiceOf(
  withDirtyPages: WithDirtyPages,
  pool: Pool<InstanceContext>,
  queue: RunQueue<InstanceContext>,
  service: Service,
  watchdog: Watchdog,
): ResetChoice {
  return new ResetChoice({
    copying: () => pool.withIdle((slot) => timeFullReset(slot)) ?? Infinity,
    compileForSnapshots: withDirtyPages.compileForSnapshots,
    use(program) {
      if (program) pool.replace(program, slotMaker(program, service, watchdog));
      else pool.replace(withDirtyPages.program, withDirtyPages.make);
    },
    chosen(method, ...costs) {
      queue.observe = undefined;
      withDirtyPages.program.forgetBytes?.();
      service.report("debug", describeChoice(method, ...costs));
    },
  });
}

function timeFullReset(slot: InstanceSlot<InstanceContext>): number {
  return Math.min(...Array.from({ length: COPIES }, () => slot.timeFullReset()));
}

function describeChoice(
  method: ResetMethod,
  withDirtyPages: number,
  withSnapshot: number | undefined,
): string {
  const micros = (millis: number) => `${Math.round(millis * 1000)} us`;
  const compared = withSnapshot === undefined ? "" : `, ${micros(withSnapshot)} with snapshot`;
  return `Instances are reset by ${method}: ` +
    `a request takes ${micros(withDirtyPages)} with dirty-pages${compared}`;
}

/**
 * Makes instances ahead of requests, up to the limit.
 *
 * @returns Number of instances that are ready.
 * @throws {Error} If the program cannot be instantiated.
 */
export function warmup({ pool }: LoadedProgram, count: number): number {
  try {
    return pool.warmup(count);
  } catch (cause) {
    return cannotInstantiate(cause);
  }
}

function cannotInstantiate(cause: unknown): never {
  throw new Error(`Cannot instantiate the program: ${(cause as Error).message}`, { cause });
}

function refuseUnknown(imports: CompiledModule["imports"]): void {
  const unknown = imports.filter((item) => !isKnown(item));
  if (!unknown.length) return;
  const more = unknown.length - MAX_NAMED;
  const names = unknown.slice(0, MAX_NAMED).map(shownImport).join(", ") +
    (more > 0 ? ` and ${more} more` : "");
  throw new Error(`Cannot load the program: it imports ${names}, which this host does not know`);
}

/** Logs that reuse or limits do not work for a program, in one line for each reason. */
function reportWhatCannotBe(
  { resetting, watched, limited }: Pick<CompiledModule, "watched" | "limited"> & {
    readonly resetting: object | true | string;
  },
  service: Service,
  { reuse, watch, memory }: CompileOptions,
): void {
  const renewed = reuse !== "never" && typeof resetting === "string" ? resetting : undefined;
  const lost = new Map<string, string[]>();
  const lose = (name: string, why: true | string) => {
    if (why !== true) lost.set(why, [...lost.get(why) ?? [], name]);
  };
  if (watch) lose("cpu_time", watched);
  if (memory < Infinity) lose("memory", limited);
  if (renewed !== undefined && !lost.has(renewed)) {
    service.report("info", `${RENEWED}, because ${renewed}`);
  }
  for (const [why, names] of lost) {
    const unlimited = names.length > 1
      ? `the limits ${names.join(" and ")} do not hold`
      : `the limit ${names} does not hold`;
    const told = why === renewed ? `${RENEWED}, and ${unlimited}` : `T${unlimited.slice(1)}`;
    service.report("warning", `${told}, because ${why}`);
  }
}

/** Makes an instance as {@linkcode watched} does, in steps that have the limit together. */
function* watchedSteps<T>(
  service: Service,
  watchdog: Watchdog,
  steps: Iterator<void, T>,
): Generator<void, T> {
  let left = service.limits.cpu_time;
  for (;;) {
    const { done, value } = watched(service, watchdog, () => steps.next(), left);
    if (done) return value;
    left -= watchdog.spent;
    yield;
  }
}

/**
 * Makes an instance under the watchdog, since its start function is guest code that may never end.
 *
 * @param left Milliseconds of processor time that it may take; by default the limit.
 */
function watched<T>(
  service: Service,
  watchdog: Watchdog,
  make: () => T,
  left: number = service.limits.cpu_time,
): T {
  const { limits } = service;
  const runner = { leave() {} };
  watchdog.enter(runner, left);
  try {
    return make();
  } catch (cause) {
    if (watchdog.leave(runner) !== undefined) {
      const limit = describeLimit("cpu_time", limits);
      throw new Error(`its start function has used up ${limit}`, { cause });
    }
    if (!watchdog.takeRefusal()) throw cause;
    const why = `its memory could not grow: the limit is ${describeLimit("memory", limits)}`;
    throw new Error(`${(cause as Error).message} after ${why}`, { cause });
  } finally {
    service.stallClock.holdUp(watchdog.elapsed);
    watchdog.leave(runner);
    if (watchdog.takeRefusal()) reportSmallStart(service);
  }
}

/** Logs that a start function was refused memory and has gone on. No request has met the limit then. */
function reportSmallStart(service: Service): void {
  service.counters.hit("memory");
  const limit = describeLimit("memory", service.limits);
  service.report("warning", `The memory of a new instance could not grow: the limit is ${limit}`);
}
