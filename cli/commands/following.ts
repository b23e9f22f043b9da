import type { ServeCommand } from "../flags/args.ts";
import type { Signals } from "../signals.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { Snapshot } from "../watch/changes.ts";
import { fileSource, type ProgramSource } from "../watch/program_source.ts";
import { Reloads } from "../watch/reloads.ts";
import { manifestOf } from "../options.ts";

/** Source of the program, with the state of its files before the first build, if they are watched. */
interface BuiltSource extends ProgramSource, AsyncDisposable {
  readonly before: Snapshot | undefined;
}

/**
 * Finds the source of the program, and makes its first build if it has one.
 *
 * @param ended Resolves when the program is not needed any more.
 * @throws {UsageError} If the command line names none, and there is no project.
 * @throws {CommandError} If it cannot be built.
 */
export async function builtSource(
  command: ServeCommand,
  terminal: Terminal,
  ended: Promise<unknown>,
): Promise<BuiltSource> {
  const { wasm, build, watch } = command;
  if (wasm !== undefined && build === undefined && !watch) {
    const source = fileSource(wasm);
    return { ...source, before: undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const { buildFirst, sourceOf } = await import("../watch/source.ts"); // other programs start sooner without it
  const source = await sourceOf(command, manifestOf(command));
  if (watch) tellOfMissing(source.sources, terminal);
  const dispose = async () => await source.builder?.[Symbol.asyncDispose]();
  try {
    const built = buildFirst(source, command, terminal);
    const before = await Promise.race([built, ended.then(() => undefined)]);
    return Object.assign(source, { before, [Symbol.asyncDispose]: dispose });
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Warns of sources that are not there, which may be misspelt. */
function tellOfMissing(sources: readonly string[], terminal: Terminal): void {
  for (const path of sources) {
    try {
      Deno.statSync(path);
    } catch {
      const message = `There is no ${path} to follow: its changes count once it is there`;
      terminal.note("warning", message);
    }
  }
}

/** Reload of a program, and the files whose changes cause it. */
interface Followed {
  /** Reloads the program and its options; if it rejects, the previous ones stay in use. */
  readonly reload: () => Promise<void>;
  /** Returns the files of program and options, with their state before they were read. */
  readonly files: () => Snapshot;
}

/** Reloads at SIGHUP, but under the name `viceroy`, which it ends, and with `--watch` when something changes. */
export async function following(
  { reload, files }: Followed,
  source: BuiltSource,
  { watch, watchPoll: poll, hangUpEnds }: ServeCommand,
  terminal: Terminal,
  signals: Signals,
): Promise<Disposable> {
  using open = new DisposableStack();
  const reloads = new Reloads(reload, terminal);
  if (!hangUpEnds) open.use(signals.onHangUp(() => void reloads.next()));
  if (watch) {
    const { before } = source;
    const { follow } = await import("../watch/follow.ts");
    open.use(follow({ reloads, source, files, before, poll, terminal }));
  }
  return open.move();
}
