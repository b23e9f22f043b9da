import type { ServiceOptions } from "../service/options.ts";
import { isComponent, readSource, type Source } from "../wasm/program.ts";
import { ProgramCache } from "../wasm/program_cache.ts";
import { termsOf } from "./terms.ts";

/**
 * Starts to compile a program, which V8 does on threads of its own, while the modules are loaded that run it. This one
 * needs few of them.
 *
 * @returns Cache that has the program, for the option `programs`. What is wrong with program or options is an error of the
 *   load that gets it.
 */
export function compileAhead(source: Source, options: ServiceOptions): ProgramCache {
  const programs = new ProgramCache();
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
