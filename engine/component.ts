import { bindFunction, dropResource, interfaceOf } from "../abi/components/mod.ts";
import { Stop } from "../handles/stop.ts";
import type { Service } from "../service/service.ts";
import type {
  CompiledComponent,
  ComponentHost,
  ComponentInstance,
  ComponentLoader,
  ComponentTerms,
} from "../service/util/component_loader.ts";
import type { GuestMemory } from "../service/util/guest_memory.ts";
import { hostFunction } from "../wasm/host_function.ts";
import type { InstanceSlot } from "../wasm/instance_slot.ts";
import type { ProgramCache } from "../wasm/program_cache.ts";
import type { Watchdog } from "../wasm/watchdog.ts";
import type { InstanceContext } from "../handles/sandbox.ts";

const NO_HANDLER =
  "the component exports neither fastly:compute/http-incoming nor wasi:cli/run, so it is no Compute " +
  "program. Build one with `fastly compute build`, or in Python: `fastly-compute-py build`";

/**
 * Compiles a component.
 *
 * @param loader Loader of the option `components`.
 * @param programs Cache of compiled programs. By default the component is compiled.
 * @throws {Error} If there is no loader, or it refuses the component; in one line.
 */
export async function compileComponent(
  bytes: Uint8Array<ArrayBuffer>,
  terms: ComponentTerms,
  loader: ComponentLoader = missing(),
  programs: ProgramCache | undefined,
): Promise<CompiledComponent> {
  return await (programs?.compileComponent(bytes, terms, loader) ?? loader.compile(bytes, terms));
}

function missing(): ComponentLoader {
  throw new Error(
    "Cannot load the program: it is a component, and no loader for components is there: pass the " +
      "option components, with componentLoader of drivers/components.ts",
  );
}

/** Watchdog, and its function that guests call. */
interface Watch {
  readonly watchdog: Watchdog;
  readonly ask: CallableFunction;
}

/** Instance of a component that is used for one run after another. */
class ComponentSlot implements InstanceSlot<InstanceContext> {
  readonly context: InstanceContext;
  readonly memory: GuestMemory;
  readonly program: InstanceSlot<InstanceContext>["program"];
  readonly exports: WebAssembly.Exports = {};
  readonly #instance: ComponentInstance;

  constructor(
    context: InstanceContext,
    program: InstanceSlot<InstanceContext>["program"],
    instance: ComponentInstance,
  ) {
    this.context = context;
    this.program = program;
    this.#instance = instance;
    this.memory = instance.memory;
    if (!instance.handles && !instance.commands) throw new Error(NO_HANDLER);
  }

  async run(begin: () => void): Promise<void> {
    begin();
    const { sandbox, runsOnce } = this.context;
    const { handles, commands } = this.#instance;
    const commanded = commands && (runsOnce || !handles);
    const { request, body } = sandbox.requests.downstream;
    if (await this.#instance.run(commanded ? undefined : [request, body])) return;
    // Treated as a module that exits with 1: the guest has ended by itself, with a failure.
    const failure = new Stop("The guest's handler has returned an error", 1);
    sandbox.execution.stop(failure);
    throw failure;
  }

  end(): void {}

  reset(): boolean {
    return this.#instance.reset();
  }

  timeFullReset(): number {
    return Infinity;
  }
}

/** Returns a function that makes a slot of a component, in steps between which the event loop can run. */
export function componentSlots(
  compiled: CompiledComponent,
  service: Service,
  watchdog: Watchdog,
): () => Iterator<void, ComponentSlot> {
  const program = { locate: compiled.locate, rewritten: undefined };
  const ask = hostFunction(watchdog.mayGoOn);
  return function* () {
    const context = {} as InstanceContext;
    const steps = compiled.instantiate(hostOf(context, service, { watchdog, ask }));
    const instance = yield* { [Symbol.iterator]: () => steps };
    return new ComponentSlot(context, program, instance);
  };
}

function hostOf(
  context: InstanceContext,
  service: Service,
  { watchdog, ask }: Watch,
): ComponentHost {
  const refuseUnknown = service.options.unknownImports === "refuse";
  return {
    watch: watchdog.memory,
    ask,
    bind: (from, name, type) =>
      bindFunction(context, from, name, type, service.logsHostcalls, refuseUnknown),
    nameOf: (from, name) => `${interfaceOf(from) ?? from}.${name}`,
    drop: (representation) => dropResource(context, representation),
    failed(error) {
      const { sandbox } = context;
      if (!sandbox) return error; // the component is being instantiated
      const { execution } = sandbox;
      try {
        execution.checkStopped(); // code that the host called may have used up its time
      } catch (stopped) {
        return stopped;
      }
      const reason = error instanceof Error ? error : new Error(String(error));
      execution.stop(reason);
      return execution.stopped ?? reason;
    },
    whileRunning(run) {
      const { sandbox } = context;
      sandbox.execution.leave(); // the time that a called component has taken counts
      sandbox.execution.enter();
      try {
        return run();
      } finally {
        sandbox.execution.leave();
      }
    },
    resumeOn: (result) => context.sandbox.execution.resumeOn(result as number | Promise<number>),
  };
}
