import { dirname } from "node:path";
import { CommandError, reasonOf } from "../errors.ts";
import { missingGuest, type ServeCommand } from "../flags/args.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { Builder } from "./build.ts";
import { newestOf, type ProjectBuild, projectBuildOf } from "./project.ts";
import { watchTrees } from "./tree.ts";

/** Where a served program comes from. */
export interface ProgramSource {
  /**
   * The program's file, which may be another one after a build.
   *
   * @throws {CommandError} If the build has made none.
   */
  file(): string;
  /** Files that may be the program. */
  readonly outputs: readonly string[];
  /** Builds it; undefined if nothing is to be built. */
  readonly builder: Builder | undefined;
  /** Folders of what it is built from. */
  readonly sources: readonly string[];
}

/**
 * Tells where the program of a command line is: the file that it names, or what the project of fastly.toml builds.
 *
 * @throws {UsageError} If it names none, and there is no project.
 * @throws {CommandError} If the project's fastly.toml cannot be read, or does not say how to build it.
 */
export async function sourceOf(command: ServeCommand, manifest: string): Promise<ProgramSource> {
  const { wasm, build, watchDirs } = command;
  if (wasm !== undefined) {
    const builder = build === undefined ? undefined : new Builder({ command: build });
    return {
      file: () => wasm,
      outputs: [wasm],
      builder,
      sources: watchDirs.length ? watchDirs : ["."],
    };
  }
  const project = await projectAt(manifest);
  const { outputs, folder } = project;
  return {
    file: () => newestOf(outputs) ?? noOutput(manifest, outputs),
    outputs,
    builder: new Builder({ ...project, command: build ?? project.command }),
    sources: watchDirs.length ? watchDirs : [folder],
  };
}

async function projectAt(manifest: string): Promise<ProjectBuild> {
  let text: string;
  try {
    text = await Deno.readTextFile(manifest);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && dirname(manifest) === ".") missingGuest();
    throw new CommandError(`Cannot read ${manifest}: ${reasonOf(error)}`);
  }
  return projectBuildOf(manifest, text);
}

function noOutput(manifest: string, outputs: readonly string[]): never {
  throw new CommandError(
    `Cannot find the program that the build of ${manifest} makes: there is no ${
      outputs.join(", and no ")
    } (name it: fastlike app.wasm)`,
  );
}

/**
 * Builds for the first time.
 *
 * @param watch Whether a failed build is tried again when a source changes.
 * @throws {CommandError} If the build fails, and is not to be tried again.
 */
export async function buildFirst(
  { builder, sources, outputs }: ProgramSource,
  { watch, watchPoll }: Pick<ServeCommand, "watch" | "watchPoll">,
  terminal: Terminal,
): Promise<void> {
  while (builder && await builder.build() !== "built") {
    const failed = "the build command has failed, its output is above";
    if (!watch) throw new CommandError(`Cannot build the program: ${failed}`);
    terminal.note("error", `Cannot build the program: ${failed}. It is built again after a change`);
    await new Promise<void>((resolve) => {
      const changes = watchTrees({
        roots: sources,
        except: outputs,
        poll: watchPoll,
        changed: () => {
          changes[Symbol.dispose]();
          resolve();
        },
      });
    });
  }
}
