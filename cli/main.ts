import { parse, type RunCommand, type ServeCommand } from "./flags/args.ts";
import { CommandError, reasonOf, UsageError } from "./errors.ts";
import { surviveFaults } from "./faults.ts";
import { helpText } from "./flags/help.ts";
import { completionsFor } from "./flags/completions.ts";
import { Output } from "./telemetry/output.ts";
import type { Load } from "./program.ts";
import { openTerminal, type Terminal } from "./telemetry/terminal.ts";
import { VERSION } from "./version.ts";
import { startedAsViceroy } from "./commands/viceroy.ts";

/**
 * Runs a command line.
 *
 * @param argv Words after the name of the executable.
 * @param load Loads a program: `Fastlike.load`.
 * @returns Exit code of the process: 2 for a command line that is not valid, 1 for a command that fails.
 */
export async function main(argv: readonly string[], load: Load): Promise<number> {
  const colours = !Deno.noColor;
  const stdout = new Output(Deno.stdout, colours);
  const stderr = new Output(Deno.stderr, colours);
  const prepare = (flags: ServeCommand | RunCommand): Terminal => {
    const { verbosity, logFormat: format, notes } = flags;
    const requestIds = flags.kind === "serve";
    const terminal = openTerminal({ verbosity, format, requestIds, stdout, stderr });
    surviveFaults((message) => terminal.note("error", message));
    for (const note of notes) terminal.note("info", note);
    return terminal;
  };
  try {
    const command = parse(argv, startedAsViceroy());
    switch (command.kind) {
      case "help":
        stdout.line(helpText(command.command).trimEnd());
        return 0;
      case "completions":
        stdout.line(completionsFor(command.shell).trimEnd());
        return 0;
      case "version":
        stdout.line(`fastlike ${VERSION}`);
        return 0;
      case "trust": {
        const { trust } = await import("./commands/trust.ts");
        return await trust(command, (line) => stdout.line(line));
      }
      case "run": {
        const terminal = prepare(command);
        const { run } = await import("./commands/run.ts");
        return await run(command, load, terminal);
      }
      case "serve": {
        const terminal = prepare(command);
        const { serve } = await import("./commands/serve.ts"); // `run` starts sooner without a listener
        await serve(command, load, terminal, (line) => {
          stdout.line(line);
          stdout.flush();
        });
        return 0;
      }
    }
  } catch (error) {
    return explain(error, stderr);
  } finally {
    stdout.flush();
    stderr.flush();
  }
}

function explain(error: unknown, stderr: Output): number {
  if (error instanceof UsageError) {
    stderr.line(error.message);
    return 2;
  }
  if (error instanceof CommandError) stderr.line(error.message);
  else if (error instanceof Deno.errors.NotCapable) {
    stderr.line(`Cannot go on: ${reasonOf(error)}`);
  } else stderr.line(error instanceof Error ? error.stack ?? error.message : String(error));
  return 1;
}
