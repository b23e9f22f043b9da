import { promising, suspending } from "./jspi.ts";
import type { GuestMemory } from "../service/util/guest_memory.ts";
import type { MemoryLimits } from "./rewrite/budget.ts";
import { WATCH } from "./rewrite/control.ts";
import {
  type MemorySnapshots,
  NO_MEMORY,
  PlainMemory,
  ResettableMemory,
} from "./instance_memory.ts";
import { writeImage } from "./data_image.ts";
import type { CompiledModule } from "./program.ts";
import { GuestStack } from "./stack.ts";

/** Function for one import of a guest. */
interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly run: CallableFunction;
  /** Whether the function may return a promise, while which the guest is suspended. */
  readonly suspends: boolean;
}

/** Imports of one instance, bound to a context. */
interface Binding<S> {
  /** State that the functions share with the run that is in the instance. */
  readonly context: S;
  readonly functions: readonly ImportedFunction[];
  /** Memory of the watchdog, whose first word tells a rewritten module whether it may go on. */
  readonly watch: WebAssembly.Memory;
  /** Function that the module calls when that word is 0. */
  readonly ask: CallableFunction;
}

/** Instance of a program that is used for one run after another. */
export interface InstanceSlot<S> {
  readonly context: S;
  readonly memory: GuestMemory;
  /** Program that the instance is of. */
  readonly program: Pick<CompiledModule, "locate" | "rewritten">;
  /** Exports of the instance, including those that rewriting adds. */
  readonly exports: WebAssembly.Exports;
  /**
   * Runs the program's start function.
   *
   * @param begin Called right before the guest's code runs.
   * @returns A promise that resolves when the guest has returned, and rejects if it traps or is stopped.
   */
  run(begin: () => void): Promise<unknown>;
  /** Frees the stack that the instance keeps between runs. It is not run again. */
  end(): void;
  /**
   * Resets the instance to its initial state, after a run that ended by itself.
   *
   * @returns Whether the instance was reset; if not, it must not be reused.
   */
  reset(): boolean;
  /** Measures how many milliseconds the reset of all memory takes. The instance must be idle. */
  timeFullReset(): number;
}

/** Instance of a core module, with its memory and bound imports. */
export class ModuleSlot<S> implements InstanceSlot<S> {
  readonly context: S;
  readonly memory: GuestMemory;
  readonly program: CompiledModule;
  readonly exports: WebAssembly.Exports;
  readonly #start: CallableFunction;
  /** Runs the start function on a stack of V8's, if a {@linkcode GuestStack} cannot run it. */
  #startAlone: (() => Promise<unknown>) | undefined;
  #stack: GuestStack | undefined;
  readonly #reset: () => boolean;
  readonly #timeFullReset: () => number;

  constructor(program: CompiledModule, snapshots: MemorySnapshots, binding: Binding<S>) {
    const { module, resetting, rewritten, image } = program;
    this.program = program;
    this.context = binding.context;
    const imports = importObject(binding.functions);
    const memories = rewritten?.memories.map(makeMemory) ?? [];
    if (rewritten) imports[rewritten.names.host] = { ...memories, [WATCH]: binding.watch };
    if (image) writeImage(image, memories[0]!);
    const { exports } = new WebAssembly.Instance(module, imports);
    this.exports = exports;
    if (rewritten) {
      (exports[rewritten.names.ask] as WebAssembly.Table | undefined)?.set(0, binding.ask);
      (exports[rewritten.names.start] as CallableFunction | undefined)?.();
    }
    const memory = exports.memory as WebAssembly.Memory | undefined ?? memories[0];
    this.#start = exports._start as CallableFunction;
    if (typeof resetting === "string" || !rewritten) {
      this.memory = memory ? new PlainMemory(memory) : NO_MEMORY;
      this.#reset = () => false;
      this.#timeFullReset = () => Infinity;
      return;
    }
    const { names } = rewritten;
    const control = exports[names.control] as WebAssembly.Memory;
    const resettable = this.memory = new ResettableMemory(memory!, control, resetting, snapshots);
    const restoreGlobals = exports[names.restore] as () => void;
    resettable.keep();
    (exports[names.save] as () => void)();
    this.#reset = () => {
      restoreGlobals();
      return resettable.reset();
    };
    this.#timeFullReset = () => resettable.timeFullReset();
  }

  run(begin: () => void): Promise<unknown> {
    if (!this.#startAlone && (!this.#stack || this.#stack.over)) this.#stack = this.#makeStack();
    if (this.#stack) return this.#stack.run(begin);
    begin();
    return this.#startAlone!();
  }

  #makeStack(): GuestStack | undefined {
    try {
      return new GuestStack(this.#start);
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError)) throw error;
      this.#startAlone = promising(this.#start); // it has parameters or a result
      return undefined;
    }
  }

  end(): void {
    this.#stack?.end();
    this.#stack = undefined;
  }

  reset(): boolean {
    return this.#reset();
  }

  timeFullReset(): number {
    return this.#timeFullReset();
  }
}

function makeMemory({ min, max, shared }: MemoryLimits): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: min, maximum: max, shared });
}

/** Makes an import object without prototypes, since a guest may import a module named `constructor` or `__proto__`. */
function importObject(functions: readonly ImportedFunction[]): WebAssembly.Imports {
  const imports: Record<string, WebAssembly.ModuleImports> = Object.create(null);
  for (const { module, name, run, suspends } of functions) {
    const members = imports[module] ??= Object.create(null) as WebAssembly.ModuleImports;
    members[name] = suspends ? suspending(run) : run as WebAssembly.ImportValue;
  }
  return imports;
}
