import { compile, type CompiledModule, type CompileOptions, read, type Source } from "./program.ts";

/**
 * Cache of compiled programs, for any number of services: a process that passes one to each load compiles each program
 * once. Programs are keyed by a digest of their bytes and by the options that compiling depends on, so the source does
 * not matter, and a file that has changed is compiled again. Components are not cached.
 *
 * ```ts
 * const programs = new ProgramCache();
 * const one = await Fastlike.load(wasm, { programs });
 * const other = await Fastlike.load(wasm, { programs, backends });
 * ```
 */
export class ProgramCache {
  readonly #programs = new Map<string, Promise<CompiledModule>>();
  /** Digests by buffer, for sources that are bytes; those must not be changed. */
  readonly #digests = new WeakMap<Uint8Array, string>();

  /** @ignore Compiles a program, or returns the one that is cached. */
  async compile(source: Source, options: CompileOptions): Promise<CompiledModule> {
    if (source instanceof WebAssembly.Module) return await compile(source, options); // it is compiled already
    const bytes = await read(source);
    const { memory, reuse, watch, allowUnlimited } = options;
    const key = JSON.stringify([
      await this.#digest(bytes),
      `${memory}`,
      reuse,
      watch,
      allowUnlimited,
    ]);
    const known = this.#programs.get(key);
    if (known) return await known;
    const program = compile(bytes, options).then(snapshotsOnce);
    this.#programs.set(key, program);
    program.catch(() => this.#programs.delete(key));
    return await program;
  }

  async #digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const known = this.#digests.get(bytes);
    if (known !== undefined) return known;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    this.#digests.set(bytes, digest);
    return digest;
  }
}

/** Makes a program's compilation for snapshots happen once, too. */
function snapshotsOnce(program: CompiledModule): CompiledModule {
  const { compileForSnapshots } = program;
  if (!compileForSnapshots) return program;
  let compiled: Promise<CompiledModule> | undefined;
  return { ...program, compileForSnapshots: () => compiled ??= compileForSnapshots() };
}
