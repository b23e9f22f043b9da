import { compile, type CompiledModule, type CompileOptions, read, type Source } from "./program.ts";

/**
 * Programs that were compiled, to be used by any number of services: with one of these a process compiles each program
 * once, however often it is loaded. A program is known by its bytes: where they come from does not matter, and a file
 * that has changed is compiled again.
 */
export class ProgramCache {
  readonly #programs = new Map<string, Promise<CompiledModule>>();
  /** Of bytes that came as such, which nobody changes. */
  readonly #digests = new WeakMap<Uint8Array, string>();

  /** @ignore As `compile` does, unless that has been done. */
  async compile(source: Source, options: CompileOptions): Promise<CompiledModule> {
    if (source instanceof WebAssembly.Module) return await compile(source, options); // that is the work
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

/** The program, which is compiled for snapshots once, too. */
function snapshotsOnce(program: CompiledModule): CompiledModule {
  const { compileForSnapshots } = program;
  if (!compileForSnapshots) return program;
  let compiled: Promise<CompiledModule> | undefined;
  return { ...program, compileForSnapshots: () => compiled ??= compileForSnapshots() };
}
