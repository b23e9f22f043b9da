import type { ServiceOptions } from "../service/options.ts";
import { isComponent, readSource, type Source } from "../wasm/program.ts";
import { ProgramCache } from "../wasm/program_cache.ts";
import { termsOf } from "./terms.ts";

/**
 * Starts to compile a program on V8's own threads while the modules of the engine are still being loaded. This module
 * imports few others.
 *
 * @returns Cache with the program, for the option `programs`. Errors of the program or the options are thrown by the load
 *   that uses it.
 */
export function compileAhead(source: Source, options: ServiceOptions): ProgramCache {
  const programs = new ProgramCache(1);
  startToCompile(source, options, programs).catch(() => {});
  return programs;
}

async function startToCompile(
  source: Source,
  options: ServiceOptions,
  programs: ProgramCache,
): Promise<void> {
  const terms = termsOf(options);
  const { components } = options;
  const program = await readSource(source);
  if (!isComponent(program)) await programs.compile(program, terms);
  else if (components) await programs.compileComponent(program, terms, components);
}
