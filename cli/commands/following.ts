import type { ServeCommand } from "../flags/args.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { Snapshot } from "../watch/changes.ts";
import { follow, Reloads } from "../watch/follow.ts";
import { buildFirst, type ProgramSource, sourceOf } from "../watch/source.ts";
import { snapshotOf } from "../watch/tree.ts";
import { manifestOf } from "../options.ts";

/** Where the program comes from, and the state of its sources before the first build, if they are watched. */
export interface BuiltSource extends ProgramSource, AsyncDisposable {
  readonly before: Snapshot | undefined;
}

/**
 * Finds where the program comes from, and builds it if it is to be built.
 *
 * @param ended Resolves when nobody needs it any more.
 * @throws {UsageError} If the command line names none, and there is no project.
 * @throws {CommandError} If it cannot be built.
 */
export async function builtSource(
  command: ServeCommand,
  terminal: Terminal,
  ended: Promise<unknown>,
): Promise<BuiltSource> {
  const source = await sourceOf(command, manifestOf(command));
  const { builder, sources, outputs } = source;
  const before = command.watch && builder ? snapshotOf(sources, outputs) : undefined;
  const dispose = async () => await builder?.[Symbol.asyncDispose]();
  try {
    await Promise.race([buildFirst(source, command, terminal), ended]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { ...source, before, [Symbol.asyncDispose]: dispose };
}

/** What is reloaded, and by which changes. */
export interface Followed {
  /** Puts the program and the options of now in place; if it rejects, what there was goes on. */
  readonly reload: () => Promise<void>;
  /** Files that program and options were read from. */
  readonly files: () => Iterable<string>;
}

/** Reloads at SIGHUP, and with `--watch` when something changes. */
export function following(
  { reload, files }: Followed,
  { builder, sources, outputs, before }: BuiltSource,
  { watch, watchPoll: poll }: ServeCommand,
  terminal: Terminal,
): Disposable {
  using open = new DisposableStack();
  const reloads = new Reloads(reload, terminal);
  if (watch) {
    const all = () => [...new Set([...outputs, ...files()])];
    open.use(follow({ reloads, files: all, builder, sources, outputs, before, poll, terminal }));
  }
  if (Deno.build.os !== "windows") {
    const onHangUp = () => void reloads.next();
    Deno.addSignalListener("SIGHUP", onHangUp);
    open.defer(() => Deno.removeSignalListener("SIGHUP", onHangUp));
  }
  return open.move();
}
