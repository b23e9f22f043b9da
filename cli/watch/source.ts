import { dirname, resolve } from "node:path";
import { CommandError, reasonOf } from "../errors.ts";
import { missingGuest, type ServeCommand } from "../flags/args.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { Builder } from "./build.ts";
import { BuildChanges } from "./build_changes.ts";
import { ReadFiles, type Snapshot, watchFiles } from "./changes.ts";
import { fileSource, type ProgramSource } from "./program_source.ts";
import { newestOf, type ProjectBuild, projectBuildOf } from "./project.ts";
import { snapshotOf, watchTrees } from "./tree.ts";
import { writtenBy } from "./written.ts";

/**
 * Returns the source of a command line's program: the file that it names, or the build of fastly.toml.
 *
 * @throws {UsageError} If it names no file, and there is no fastly.toml.
 * @throws {CommandError} If the fastly.toml cannot be read, or has no build.
 */
export async function sourceOf(command: ServeCommand, manifest: string): Promise<ProgramSource> {
  const { wasm, build, watch, watchDirs } = command;
  if (wasm === undefined) return await ProjectSource.at(manifest, command);
  const source = fileSource(wasm);
  const sources = watchDirs.length ? watchDirs : ["."];
  const changes = watch && build !== undefined
    ? new BuildChanges(() => snapshotOf(sources, source.outputs), writtenBy(command, manifest))
    : undefined;
  const builder = build === undefined ? undefined : new Builder({ command: build }, changes);
  return { ...source, builder, sources, changes };
}

/** A project with a build in its fastly.toml. */
class ProjectSource implements ProgramSource {
  readonly builder: Builder;
  readonly sources: readonly string[];
  readonly changes: BuildChanges | undefined;
  readonly #manifest: string;
  readonly #command: string | undefined;
  #project: ProjectBuild;
  #settings: ReadFiles;

  private constructor(
    manifest: string,
    command: ServeCommand,
    project: ProjectBuild,
    settings: ReadFiles,
  ) {
    const { build, watch, watchDirs } = command;
    this.sources = watchDirs.length ? watchDirs : [project.folder];
    this.changes = watch
      ? new BuildChanges(() => snapshotOf(this.sources, this.outputs), writtenBy(command, manifest))
      : undefined;
    this.builder = new Builder(project, this.changes);
    this.#manifest = manifest;
    this.#command = build;
    this.#project = project;
    this.#settings = settings;
  }

  static async at(manifest: string, command: ServeCommand): Promise<ProjectSource> {
    const files = new ReadFiles();
    try {
      const project = await readProject(manifest, { command: command.build, files });
      return new ProjectSource(manifest, command, project, files);
    } catch (error) {
      const missing = error instanceof CommandError && error.cause instanceof Deno.errors.NotFound;
      if (missing && dirname(manifest) === ".") missingGuest();
      throw error;
    }
  }

  get outputs(): readonly string[] {
    return this.#project.outputs;
  }

  get settings(): Snapshot {
    return this.#settings.state;
  }

  readonly file = (): string => newestOf(this.outputs) ?? noOutput(this.#manifest, this.outputs);

  async refresh(): Promise<boolean> {
    // Files of a failed read are followed too: the fault may be in a file that was not read before.
    const files = this.#settings = new ReadFiles();
    const project = await readProject(this.#manifest, { command: this.#command, files });
    const changed = JSON.stringify(project) !== JSON.stringify(this.#project);
    this.#project = project;
    this.builder.options = project;
    return changed;
  }
}

/** @throws {CommandError} If it cannot be read; the cause is the system's error, if it is one. */
async function readProject(
  manifest: string,
  { command, files }: { readonly command: string | undefined; readonly files: ReadFiles },
): Promise<ProjectBuild> {
  files.add(manifest);
  let text: string;
  try {
    text = await Deno.readTextFile(manifest);
  } catch (cause) {
    throw new CommandError(`Cannot read ${manifest}: ${reasonOf(cause)}`, { cause });
  }
  return projectBuildOf(manifest, text, { command, files });
}

function noOutput(manifest: string, outputs: readonly string[]): never {
  throw new CommandError(
    `Cannot find the program that the build of ${manifest} makes: there is no ${
      outputs.join(", and no ")
    } (name it: fastlike app.wasm)`,
  );
}

/**
 * Makes the first build. With `watch` a change of its sources or settings begins it anew, whether it runs or has failed.
 *
 * @param watch Whether a failed build is tried again when a source changes.
 * @returns The state of the sources before the build that has succeeded, if they are watched.
 * @throws {CommandError} If the build fails, and is not to be tried again.
 */
export async function buildFirst(
  source: ProgramSource,
  { watch, watchPoll }: Pick<ServeCommand, "watch" | "watchPoll">,
  terminal: Terminal,
): Promise<Snapshot | undefined> {
  const { builder, sources } = source;
  if (!builder) return undefined;
  for (;;) {
    const before = watch ? snapshotOf(sources, source.outputs) : undefined;
    let running = true;
    const isRunning = () => running;
    using change = before && changeOf(source, { before, poll: watchPoll, isRunning }, terminal);
    const building = builder.build();
    const result = await (change ? Promise.race([building, change.made]) : building);
    running = false;
    if (result === "built") return before;
    if (result === "interrupted") return undefined; // nothing is served any more
    if (result === "failed") {
      const failed = "the build command has failed, its output is above";
      if (!change) throw new CommandError(`Cannot build the program: ${failed}`);
      terminal.note(
        "error",
        `Cannot build the program: ${failed}. It is built again after a change`,
      );
      if (!await source.changes!.needAnother(terminal)) await change.made;
    }
    building.catch(() => {}); // another one begins
    await refreshed(source, terminal, "It is built as before");
  }
}

/** Watches the sources and the build's settings; `made` resolves when one has changed. */
function changeOf(
  source: ProgramSource,
  { before, poll, isRunning }: {
    readonly before: Snapshot;
    readonly poll: boolean;
    /** Returns whether the build runs. */
    readonly isRunning: () => boolean;
  },
  terminal: Terminal,
): Disposable & { readonly made: Promise<"changed"> } {
  const { promise: made, resolve } = Promise.withResolvers<"changed">();
  const { sources: roots, settings } = source;
  const changed = async (paths: readonly string[]) => {
    if (await source.changes!.needBuild(paths, terminal)) resolve("changed");
  };
  using watches = new DisposableStack();
  watches.use(watchTrees({ roots, except: () => source.outputs, before, poll, changed }));
  watches.use(source.changes!.whenPaused(() => resolve("changed")));
  watches.use(watchFiles({
    files: () => [...settings.keys()],
    before: settings,
    poll,
    changed: async () => {
      // A build may write such a file itself: one that runs begins anew for other settings alone.
      const other = !isRunning() || await refreshed(source, terminal, "It is built as before");
      if (other) resolve("changed");
    },
  }));
  return Object.assign(watches.move(), { made });
}

/**
 * Reads the settings of a program's build again; resolves to whether they have changed. A fault is reported, and it
 * resolves to undefined.
 *
 * @param consequence Consequence of a fault, in a sentence for the report.
 */
export async function refreshed(
  source: ProgramSource,
  terminal: Terminal,
  consequence: string,
): Promise<boolean | undefined> {
  try {
    return await source.refresh();
  } catch (error) {
    terminal.note("error", `${reasonOf(error)}. ${consequence}`);
    return undefined;
  }
}

/** Whether one of some paths is a file with the build's settings. */
export function saysHowToBuild(paths: readonly string[], { settings }: ProgramSource): boolean {
  const known = new Set([...settings.keys()].map((path) => resolve(path)));
  return paths.some((path) => known.has(resolve(path)));
}
