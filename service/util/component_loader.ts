import type { CodeCache } from "./code_cache.ts";
import type { GuestMemory } from "./guest_memory.ts";

/** Compiles components: `componentLoader` of `drivers/components.ts`. */
export interface ComponentLoader {
  /**
   * Compiles a component.
   *
   * @param bytes The component.
   * @param terms Limits that apply, and whether instances are reused.
   * @throws {Error} If it is not a component that this host can run; the message is one line.
   */
  compile(bytes: Uint8Array<ArrayBuffer>, terms: ComponentTerms): Promise<CompiledComponent>;
}

/** Limits and options that a component is compiled for. */
export interface ComponentTerms {
  /** Maximum size of an instance's memories and tables, in bytes; `Infinity` for no limit. */
  readonly memory: number;
  /** Whether and how the memory of an instance is reset, so that it serves more than once; `Reuse` of `service/reuse.ts`. */
  readonly reuse: "auto" | "dirty-pages" | "snapshot" | "never";
  /** Whether the watchdog must be able to stop it. */
  readonly watch: boolean;
  /** Whether it may be loaded although a limit cannot be applied. */
  readonly allowUnlimited: boolean;
  /** Keeps the rewritten modules; by default nothing is kept. */
  readonly codeCache?: CodeCache | undefined;
}

/** A compiled component, which any number of services may use. */
export interface CompiledComponent {
  /** `true` if the limit on memory applies; otherwise the reason why not, in words that complete "because". */
  readonly limited: true | string;
  /** `true` if instances can be reset to their first state; otherwise the reason why not. */
  readonly resetting: true | string;
  /** `true` if the watchdog can stop it; otherwise the reason why not. */
  readonly watched: true | string;
  /** Returns the offset in the file of a byte of the running code; NaN or undefined if it is not known. */
  readonly locate: (offset: number) => number | undefined;
  /**
   * Makes an instance, in steps, between which the host may give others a turn. A step throws if the component cannot be
   * instantiated.
   *
   * @param host Imports of the component, and callbacks of the host.
   */
  instantiate(host: ComponentHost): Iterator<void, ComponentInstance>;
}

/** A value type of the component model, as far as the host compares it. */
export interface ImportType {
  /** Name in the component model: `u32`, `list`, `own`. */
  readonly kind: string;
  /** Names of fields, cases or flags. */
  readonly names?: readonly string[];
  /** Types of its parts; undefined for a case without a value. */
  readonly parts?: readonly (ImportType | undefined)[];
  /** Resource type of a handle. */
  readonly resource?: { readonly name: string };
}

/** Host of an instance: imports and callbacks. */
export interface ComponentHost {
  /** Memory with the flag that guest code reads at loops and calls, to see whether it may go on. */
  readonly watch: WebAssembly.Memory;
  /** WebAssembly function without parameters and results that guest code calls when the flag is set. */
  readonly ask: CallableFunction;
  /** Returns a function that the component imports, by its interface and its name. */
  bind(from: string, name: string, type: ImportFunctionType): {
    readonly suspends: boolean;
    call(args: readonly unknown[]): unknown;
  };
  /** Returns the name of a resource type, without the version of its interface. */
  nameOf(from: string, name: string): string;
  /** Releases the host's object behind a handle. */
  drop(representation: number): void;
  /** Ends the guest after an import threw. Returns the error to throw in its place. */
  failed(error: unknown): unknown;
  /** Runs guest code before a suspended call returns: the guest's allocator, for the call's results. */
  whileRunning<T>(run: () => T): T;
  /** Returns the result of a suspended call, and notes that the guest runs again. */
  resumeOn(result: unknown): unknown;
}

/** Type of a function that a component imports. */
export interface ImportFunctionType {
  /** Names of its parameters. */
  readonly names: readonly string[];
  /** Types of its parameters. */
  readonly params: readonly ImportType[];
  /** Type of its result; undefined if it has none. */
  readonly result: ImportType | undefined;
}

/** An instance of a component, which runs once at a time. */
export interface ComponentInstance {
  /** All of its memories together, for their size. */
  readonly memory: GuestMemory;
  /** Whether it exports a command (`wasi:cli/run`). */
  readonly commands: boolean;
  /** Whether it handles requests (`fastly:compute/http-incoming`). */
  readonly handles: boolean;
  /**
   * Handles a request, or runs the component's command if `handles` is undefined.
   *
   * @param handles Handles of the request and of its body.
   * @returns Whether it ended without an error; rejects if it traps or is stopped.
   */
  run(handles: readonly [request: number, body: number] | undefined): Promise<boolean>;
  /**
   * Resets the instance to its first state, after a run that ended by itself.
   *
   * @returns Whether it was reset; otherwise it cannot be used again.
   */
  reset(): boolean;
}
