import type { ServiceOptions } from "../service/options.ts";
import { isComponent, readSource, type Source } from "../wasm/source.ts";
import { ProgramCache } from "../wasm/program_cache.ts";
import { termsOf } from "./terms.ts";

/**
 * Starts to compile a program on V8's own threads before the modules of the engine are loaded. This module imports few
 * others.
 *
 * @returns Cache with the program, for the option `programs`, as soon as V8 compiles it, or it is being rewritten for
 *   that: loading modules before would hold the steps up. Errors of the program or the options are thrown by the load that
 *   uses the cache.
 */
export async function compileAhead(
  source: Source,
  options: ServiceOptions,
): Promise<ProgramCache> {
  const programs = new ProgramCache(1);
  await new Promise<void>((begun) => {
    startToCompile(source, options, programs, begun).catch(() => {}).then(begun);
  });
  return programs;
}

async function startToCompile(
  source: Source,
  options: ServiceOptions,
  programs: ProgramCache,
  begun: () => void,
): Promise<void> {
  const terms = { ...termsOf(options), begun };
  const { components } = options;
  const program = await readSource(source);
  if (!isComponent(program)) await programs.compile(program, terms);
  else {
    begun();
    if (components) await programs.compileComponent(program, terms, components);
  }
}
