import type { ServiceOptions } from "../service/options.ts";
import type { RunCommand, ServeCommand } from "./flags/args.ts";
import { configure } from "./options.ts";
import { type Load, type LoadedProgram, loadFile } from "./program.ts";
import type { Terminal } from "./telemetry/terminal.ts";

/** A program that is loaded with the options of flags and fastly.toml. Disposing it closes files, not the program. */
export interface Configured extends Disposable {
  readonly program: LoadedProgram;
  /** The options that the program was loaded with. */
  readonly options: ServiceOptions;
}

/**
 * Reads fastly.toml and what flags name, and loads the program. A second call reads all of it anew and makes another
 * program, beside the first one.
 *
 * @param command What the command line says.
 * @param load Makes a program of a module.
 * @param terminal Takes warnings, and records of log endpoints.
 * @param adjust Makes the options that the program is loaded with of those of flags and fastly.toml.
 * @throws {CommandError} If a file cannot be read or has a mistake in it, or the program cannot be loaded.
 */
export async function loadConfigured(
  command: ServeCommand | RunCommand,
  load: Load,
  terminal: Terminal,
  adjust: (options: ServiceOptions) => ServiceOptions,
): Promise<Configured> {
  using open = new DisposableStack();
  const options = adjust(open.use(await configure(command, terminal)).options);
  const program = await loadFile(command.wasm, load, options);
  const files = open.move();
  return { program, options, [Symbol.dispose]: () => files.dispose() };
}
