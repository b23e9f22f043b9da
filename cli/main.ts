import { parse, type RunCommand, type ServeCommand } from "./flags/args.ts";
import { CommandError, reasonOf, UsageError } from "./errors.ts";
import { surviveFaults } from "./faults.ts";
import { Output, type OutputStream } from "./telemetry/output.ts";
import type { Load } from "./program.ts";
import type { Terminal } from "./telemetry/terminal.ts";
import { VERSION } from "./version.ts";
import { startedAsViceroy } from "./commands/viceroy.ts";
import { markOf, type WorkerMark } from "./workers/command_line.ts";

/**
 * Runs a command line.
 *
 * @param argv Words after the name of the executable.
 * @param load Loads a program: `Fastlike.load`.
 * @returns Exit code of the process: 2 for a command line that is not valid, 1 for a command that fails.
 */
export async function main(argv: readonly string[], load: Load): Promise<number> {
  const colours = !Deno.noColor;
  const mark = markOf(argv);
  const stdout = new Output(mark ? piped(Deno.stdout, mark, "stdout") : Deno.stdout, colours);
  const stderr = new Output(mark ? piped(Deno.stderr, mark, "stderr") : Deno.stderr, colours);
  const prepare = async (flags: ServeCommand | RunCommand): Promise<Terminal> => {
    const { openTerminal } = await import("./telemetry/terminal.ts");
    const { verbosity, logFormat: format, notes } = flags;
    const requestIds = flags.kind === "serve";
    const terminal = openTerminal({ verbosity, format, requestIds, stdout, stderr });
    surviveFaults((message) => terminal.note("error", message));
    if (!mark) { for (const note of notes) terminal.note("info", note); }
    return terminal;
  };
  try {
    const command = parse(mark ? argv.slice(1) : argv, await startedAsViceroy());
    switch (command.kind) {
      case "help": {
        const { helpText } = await import("./flags/help.ts");
        stdout.line(helpText(command.command).trimEnd());
        return 0;
      }
      case "completions": {
        const { completionsFor } = await import("./flags/completions.ts");
        stdout.line(completionsFor(command.shell).trimEnd());
        return 0;
      }
      case "version":
        stdout.line(`fastlike ${VERSION}`);
        return 0;
      case "trust": {
        const { trust } = await import("./commands/trust.ts");
        return await trust(command, (line) => stdout.line(line));
      }
      case "run": {
        const terminal = await prepare(command);
        const { run } = await import("./commands/run.ts");
        return await run(command, load, terminal);
      }
      case "serve": {
        const terminal = await prepare(command);
        const say = (line: string) => {
          stdout.line(line);
          stdout.flush();
        };
        if (mark) {
          const { work } = await import("./workers/worker.ts");
          return await work(command, load, terminal);
        }
        if (command.workers > 1) {
          const { supervise } = await import("./workers/supervisor.ts");
          const terminals = Object.entries({ stdout: Deno.stdout, stderr: Deno.stderr })
            .filter(([, stream]) => stream.isTerminal()).map(([name]) => name);
          await supervise(command, terminal, terminals, say);
          return 0;
        }
        const { serve } = await import("./commands/serve.ts"); // `run` starts sooner without a listener
        await serve(command, load, terminal, say);
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

/** A worker's stream, which its supervisor passes on, perhaps to a terminal. */
function piped(stream: OutputStream, { terminals }: WorkerMark, name: string): OutputStream {
  return {
    writeSync: (bytes) => stream.writeSync(bytes),
    isTerminal: () => terminals.includes(name),
  };
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
