import { promising, suspending } from "./jspi.ts";
import type { Program } from "./program.ts";

/** A function for one import of the guest. */
export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly run: CallableFunction;
  /** Whether the guest is suspended when it answers a promise. */
  readonly suspends: boolean;
}

/** The imports of one instance, and the seat in which whoever runs in it is found. */
export interface Binding<S> {
  readonly seat: S;
  readonly functions: readonly ImportedFunction[];
}

/** One instance with its memory and bound imports. */
export class Slot<S> {
  readonly seat: S;
  readonly memory: WebAssembly.Memory;
  readonly #start: () => Promise<unknown>;

  constructor({ module }: Program, { seat, functions }: Binding<S>) {
    this.seat = seat;
    const { exports } = new WebAssembly.Instance(module, importObject(functions));
    this.memory = exports.memory as WebAssembly.Memory;
    this.#start = promising(exports._start as CallableFunction);
  }

  /** Runs the program from its start; resolves when it has returned, rejects when it traps or is stopped. */
  run(): Promise<unknown> {
    return this.#start();
  }
}

function importObject(functions: readonly ImportedFunction[]): WebAssembly.Imports {
  const imports: Record<string, WebAssembly.ModuleImports> = {};
  for (const { module, name, run, suspends } of functions) {
    const members = imports[module] ??= {};
    members[name] = suspends ? suspending(run) : run as WebAssembly.ImportValue;
  }
  return imports;
}
