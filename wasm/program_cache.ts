import type {
  CompiledComponent,
  ComponentLoader,
  ComponentTerms,
} from "../service/util/component_loader.ts";
import { digestOf } from "../service/util/digest.ts";
import { compile, type CompiledModule, type CompileOptions, termsText } from "./program.ts";
import { read, type Source } from "./source.ts";

/**
 * Cache of compiled programs, for any number of services: a process that passes one to each load compiles each program
 * once. Programs are keyed by a digest of their bytes and by the options that compiling depends on, so the source does
 * not matter, and a file that has changed is compiled again.
 *
 * ```ts
 * const programs = new ProgramCache();
 * const one = await Fastlike.load(wasm, { programs });
 * const other = await Fastlike.load(wasm, { programs, backends });
 * ```
 */
export class ProgramCache {
  readonly #programs = new Map<string, Promise<CompiledModule>>();
  /** Components by the loader that compiled them. */
  readonly #components = new WeakMap<ComponentLoader, Map<string, Promise<CompiledComponent>>>();
  /** Digests by buffer, for sources that are bytes; those must not be changed. With one user they are numbers. */
  readonly #digests = new WeakMap<Uint8Array, Promise<string>>();
  readonly #users: number;
  #buffers = 0;
  #used = false;

  /**
   * Makes an empty cache.
   *
   * @param users Number of services that use a program, after which its bytes are freed. By default they are kept.
   */
  constructor(users = Infinity) {
    this.#users = users;
  }

  /** @ignore Compiles a program, or returns the one that is cached. */
  async compile(source: Source, options: CompileOptions): Promise<CompiledModule> {
    if (source instanceof WebAssembly.Module) return await compile(source, options); // it is compiled already
    const bytes = await read(source);
    const make = async () => snapshotsOnce(await compile(bytes, options), this.#users);
    return await this.#once(this.#programs, this.#key(bytes, options), make);
  }

  /** @ignore Compiles a component, or returns the one that is cached. */
  async compileComponent(
    bytes: Uint8Array<ArrayBuffer>,
    terms: ComponentTerms,
    loader: ComponentLoader,
  ): Promise<CompiledComponent> {
    const known = this.#components.get(loader) ?? new Map<string, Promise<CompiledComponent>>();
    this.#components.set(loader, known);
    return await this.#once(known, this.#key(bytes, terms), () => loader.compile(bytes, terms));
  }

  /** Returns the entry of a key, made if it is missing; one that fails is not kept. */
  async #once<T>(
    known: Map<string, Promise<T>>,
    key: Promise<string>,
    make: () => Promise<T>,
  ): Promise<T> {
    const first = this.#used ? undefined : make(); // nothing is cached yet, so that no digest has to be known
    first?.catch(() => {}); // reported below
    this.#used = true;
    const name = await key;
    const made = first ?? known.get(name) ?? make();
    known.set(name, made);
    made.catch(() => known.get(name) === made && known.delete(name));
    return await made;
  }

  async #key(bytes: Uint8Array<ArrayBuffer>, terms: ComponentTerms): Promise<string> {
    return await this.#digest(bytes) + termsText(terms);
  }

  #digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const known = this.#digests.get(bytes);
    if (known) return known;
    // The one user of a program has its buffer, too.
    const digest = this.#users === 1 ? Promise.resolve(`${this.#buffers++}`) : digestOf(bytes);
    this.#digests.set(bytes, digest);
    return digest;
  }
}

/** Makes a program's compilation for snapshots happen once, too. */
function snapshotsOnce(program: CompiledModule, users: number): CompiledModule {
  const { compileForSnapshots, forgetBytes } = program;
  if (!compileForSnapshots) return program;
  let compiled: Promise<CompiledModule> | undefined;
  let left = users;
  return {
    ...program,
    compileForSnapshots: () => compiled ??= compileForSnapshots(),
    // Others that use the program may have to compile it for snapshots yet.
    forgetBytes: () => --left === 0 && forgetBytes?.(),
  };
}
