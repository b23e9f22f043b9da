import { reasonOf } from "../errors.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { BuildResult } from "./build.ts";
import { type Snapshot, stateOf, watchFiles } from "./changes.ts";
import type { ProgramSource } from "./program_source.ts";
import { refreshed, saysHowToBuild } from "./source.ts";
import type { Reloads } from "./reloads.ts";
import { watchTrees } from "./tree.ts";

/** Options of {@linkcode follow}. */
interface FollowOptions {
  readonly reloads: Reloads;
  readonly source: ProgramSource;
  /** Returns the files of the program and of its options, with their state when they were read. */
  readonly files: () => Snapshot;
  /** State of the sources before the first build; changes since then cause another build. */
  readonly before: Snapshot | undefined;
  /** Whether changes are found by comparing once a second alone, without the system's events. */
  readonly poll: boolean;
  readonly terminal: Terminal;
}

/**
 * Reloads when a file changes, and builds when a source or the build's settings do. Faults of a new program, of its options
 * or of its build are reported, and the old ones stay in use.
 */
export function follow(
  { reloads, source, before, poll, terminal, ...rest }: FollowOptions,
): Disposable {
  const files = () => [
    ...new Set([...source.outputs, ...source.settings.keys(), ...rest.files().keys()]),
  ];
  // Changes during the start count too.
  let seen: Snapshot = new Map([...stateOf(files()), ...source.settings, ...rest.files()]);
  let building = 0;
  let asked = false;
  const reload = () => {
    // The build may be writing its output, and is followed by a reload.
    if (building) return void (asked = true);
    asked = false;
    const now = stateOf(files());
    // Files that the options name since the last reload have changed if they differ from their state when they were read.
    const before = new Map([...rest.files(), ...seen]);
    seen = now;
    if ([...now].every(([path, state]) => before.get(path) === state)) return;
    reloads.next();
  };
  const rebuild = async () => {
    building++;
    const result = await build(source, terminal);
    building--;
    // The output of a build is complete: it is loaded at once, and not again when its change has settled.
    if (result === "built") reload();
    // The output of a failed build is not loaded.
    else if (result === "failed") seen = new Map([...seen, ...stateOf(source.outputs)]);
    if (result !== "built" && asked) reload();
    if (result !== "interrupted" && await source.changes?.needAnother(terminal)) await rebuild();
  };
  const settingsChanged = async () => {
    const another = await refreshed(source, terminal, "The old program goes on");
    if (another) await rebuild();
    else if (another !== undefined) reload();
  };
  using watches = new DisposableStack();
  const fileChanged = (paths: readonly string[]) =>
    saysHowToBuild(paths, source) ? void settingsChanged() : reload();
  watches.use(watchFiles({ files, before: seen, poll, changed: fileChanged }));
  const { builder, sources: roots } = source;
  if (builder && roots.length) {
    const changed = async (paths: readonly string[]) => {
      if (source.changes && !await source.changes.needBuild(paths, terminal)) return;
      // Faults of the settings are reported by the reload that the same change causes.
      await source.refresh().catch(() => {});
      await rebuild();
    };
    watches.use(watchTrees({ roots, except: () => source.outputs, before, poll, changed }));
    if (source.changes) watches.use(source.changes.whenPaused(() => void rebuild()));
  }
  return watches.move();
}

/** Builds, and reports a failure. */
async function build({ builder }: ProgramSource, terminal: Terminal): Promise<BuildResult> {
  terminal.note("info", "Building");
  try {
    const result = await builder!.build();
    if (result === "failed") {
      terminal.note("error", "The build has failed: the old program goes on");
    }
    return result;
  } catch (error) {
    terminal.note("error", `Cannot build: ${reasonOf(error)}`);
    return "failed";
  }
}
