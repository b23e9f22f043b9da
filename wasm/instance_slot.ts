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
import type { CompiledModule } from "./program.ts";
import { GuestStack } from "./stack.ts";

/** A function for one import of the guest. */
interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly run: CallableFunction;
  /** Whether the guest is suspended when it answers a promise. */
  readonly suspends: boolean;
}

/** Imports of one instance, and the context in which they find the run that is in it. */
interface Binding<S> {
  readonly context: S;
  readonly functions: readonly ImportedFunction[];
  /** Memory that a rewritten module reads to see whether it may go on, and the function that it calls if not. */
  readonly watch: WebAssembly.Memory;
  readonly ask: CallableFunction;
}

/** An instance of a program, for one run after another. */
export interface InstanceSlot<S> {
  readonly context: S;
  readonly memory: GuestMemory;
  /** Program that it is an instance of. */
  readonly program: Pick<CompiledModule, "locate" | "rewritten">;
  /** Exports of the instance, including those that rewriting has added. */
  readonly exports: WebAssembly.Exports;
  /**
   * Runs the program's start function.
   *
   * @param begin Called right before the guest's code runs.
   * @returns A promise that resolves when the guest has returned, and rejects when it traps or is stopped.
   */
  run(begin: () => void): Promise<unknown>;
  /** Makes it keep a stack of its own for all further runs; {@linkcode ModuleSlot.end} must be called then. */
  keepStack(): void;
  /** Ends its stack: it will not run again. */
  end(): void;
  /**
   * Resets the instance to its first state, after a run that ended by itself.
   *
   * @returns Whether it was reset; if not, it must not be reused.
   */
  reset(): boolean;
  /** Measures how many milliseconds the reset of all memory takes. The instance must be idle. */
  timeFullReset(): number;
}

/** One instance of a module with its memory and bound imports. */
export class ModuleSlot<S> implements InstanceSlot<S> {
  readonly context: S;
  readonly memory: GuestMemory;
  readonly program: CompiledModule;
  readonly exports: WebAssembly.Exports;
  readonly #start: CallableFunction;
  readonly #startAlone: () => Promise<unknown>;
  #keepsStack = false;
  #stack: GuestStack | undefined;
  readonly #reset: () => boolean;
  readonly #timeFullReset: () => number;

  constructor(program: CompiledModule, snapshots: MemorySnapshots, binding: Binding<S>) {
    const { module, resetting, rewritten } = program;
    this.program = program;
    this.context = binding.context;
    const imports = importObject(binding.functions);
    const memories = rewritten?.memories.map(makeMemory) ?? [];
    if (rewritten) imports[rewritten.names.host] = { ...memories, [WATCH]: binding.watch };
    const { exports } = new WebAssembly.Instance(module, imports);
    this.exports = exports;
    if (rewritten) {
      (exports[rewritten.names.ask] as WebAssembly.Table | undefined)?.set(0, binding.ask);
      (exports[rewritten.names.start] as CallableFunction | undefined)?.();
    }
    const memory = exports.memory as WebAssembly.Memory | undefined ?? memories[0];
    this.#start = exports._start as CallableFunction;
    this.#startAlone = promising(this.#start);
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
    (exports[names.save] as () => void)();
    this.#reset = () => {
      restoreGlobals();
      return resettable.reset();
    };
    this.#timeFullReset = () => resettable.timeFullReset();
  }

  run(begin: () => void): Promise<unknown> {
    if (this.#keepsStack && (!this.#stack || this.#stack.over)) this.#stack = this.#makeStack();
    if (this.#stack) return this.#stack.run(begin);
    begin();
    return this.#startAlone();
  }

  #makeStack(): GuestStack | undefined {
    try {
      return new GuestStack(this.#start);
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError)) throw error;
      this.#keepsStack = false; // its start takes or returns something
      return undefined;
    }
  }

  keepStack(): void {
    this.#keepsStack = true;
  }

  end(): void {
    this.#stack?.end();
    this.#stack = undefined;
  }

  reset(): boolean {
    return this.#reset();
  }

  /** Measures how many milliseconds the reset of all memory takes. The instance must be idle. */
  timeFullReset(): number {
    return this.#timeFullReset();
  }
}

function makeMemory({ least, most, shared }: MemoryLimits): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: least, maximum: most, shared });
}

/** Makes an import object without prototypes: a guest may import a module named `constructor` or `__proto__`. */
function importObject(functions: readonly ImportedFunction[]): WebAssembly.Imports {
  const imports: Record<string, WebAssembly.ModuleImports> = Object.create(null);
  for (const { module, name, run, suspends } of functions) {
    const members = imports[module] ??= Object.create(null) as WebAssembly.ModuleImports;
    members[name] = suspends ? suspending(run) : run as WebAssembly.ImportValue;
  }
  return imports;
}
