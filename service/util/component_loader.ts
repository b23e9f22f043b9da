import type { GuestMemory } from "./guest_memory.ts";

/** Compiles components: `componentLoader` of `drivers/components.ts`. */
export interface ComponentLoader {
  /**
   * Compiles a component.
   *
   * @param bytes The component.
   * @param terms What limits hold, and whether instances serve more than once.
   * @throws {Error} If it is no component that runs here; in one line.
   */
  compile(bytes: Uint8Array<ArrayBuffer>, terms: ComponentTerms): Promise<CompiledComponent>;
}

/** How a component is compiled. */
export interface ComponentTerms {
  /** Bytes that an instance may have in memories and tables; `Infinity` for no limit. */
  readonly memory: number;
  /** Whether instances are put back, to serve more than once, and whether that is by what was written. */
  readonly reuse: "auto" | "dirty-pages" | "snapshot" | "never";
  /** Whether a watchdog is to be able to stop it. */
  readonly watch: boolean;
  /** Whether it is loaded though a limit does not hold. */
  readonly allowUnlimited: boolean;
}

/** A component that can be instantiated. */
export interface CompiledComponent {
  /** Whether the limit on memory holds; or why it does not, in words that complete "because". */
  readonly limited: true | string;
  /** Whether instances are put back to their first state; or why they cannot be. */
  readonly resetting: true | string;
  /** Whether the watchdog can stop it; or why it cannot. */
  readonly watched: true | string;
  /** The offset that a byte of the running code has in the file; NaN if that is not known. */
  readonly locate: (offset: number) => number | undefined;
  /**
   * Makes an instance.
   *
   * @param host What the component imports, and who watches it.
   * @throws {Error} If it cannot be instantiated.
   */
  instantiate(host: ComponentHost): ComponentInstance;
}

/** The type of a function, as far as the host compares it. */
export interface ImportType {
  /** As the component model calls it: `u32`, `list`, `own`. */
  readonly kind: string;
  /** Names of fields, cases or flags. */
  readonly names?: readonly string[];
  /** Types of its parts; undefined for a case without a value. */
  readonly parts?: readonly (ImportType | undefined)[];
  /** What a handle is of. */
  readonly resource?: { readonly name: string };
}

/** What an instance is given. */
export interface ComponentHost {
  /** The memory that code looks at to see whether it may go on, and what it calls to set that anew. */
  readonly watch: WebAssembly.Memory;
  /** A function of WebAssembly that takes and gives nothing. */
  readonly ask: CallableFunction;
  /** A function that the component imports, by its interface and its name. */
  bind(from: string, name: string, type: ImportFunctionType): {
    readonly suspends: boolean;
    call(args: readonly unknown[]): unknown;
  };
  /** What a resource type of an interface is called, whatever the interface's version. */
  nameOf(from: string, name: string): string;
  /** Lets go of what a handle stood for. */
  drop(representation: number): void;
  /** Takes what a function has thrown: it ends the guest. Returns what is thrown in its place. */
  failed(error: unknown): unknown;
  /** The guest runs before a suspended call goes on: it allocates for what it gets. */
  whileRunning<T>(run: () => T): T;
  /** Passes on what a suspended call gets. */
  resumeOn(result: unknown): unknown;
}

/** The type of a function that a component imports. */
export interface ImportFunctionType {
  /** Names of its parameters. */
  readonly names: readonly string[];
  /** Types of its parameters. */
  readonly params: readonly ImportType[];
  /** Type of its result; undefined if it has none. */
  readonly result: ImportType | undefined;
}

/** An instance of a component, for one run after another. */
export interface ComponentInstance {
  /** All its memories, for those who ask how much there is. */
  readonly memory: GuestMemory;
  /** Whether it exports a command (`wasi:cli/run`). */
  readonly commands: boolean;
  /** Whether it handles requests (`fastly:compute/http-incoming`). */
  readonly handles: boolean;
  /**
   * Handles a request, or runs its command if there are no handles.
   *
   * @param handles What stands for the request and its body.
   * @returns Whether it ended well; rejects if it traps or is stopped.
   */
  run(handles: readonly [request: number, body: number] | undefined): Promise<boolean>;
  /**
   * Puts the instance back to its first state, after a run that ended by itself.
   *
   * @returns Whether it can be: else it is of no more use.
   */
  reset(): boolean;
}
