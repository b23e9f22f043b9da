import { reasonOf } from "../errors.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { BuildResult } from "./build.ts";
import { type Snapshot, stateOf, watchFiles } from "./changes.ts";
import { type ProgramSource, refreshed, saysHowToBuild } from "./source.ts";
import { watchTrees } from "./tree.ts";

/** What {@linkcode follow} needs. */
interface FollowOptions {
  readonly reloads: Reloads;
  readonly source: ProgramSource;
  /** Files that program and options were read from, as they were then; they may be others after a reload. */
  readonly files: () => Snapshot;
  /** State of the sources before the first build: what has changed since is built again. */
  readonly before: Snapshot | undefined;
  /** Whether changes are looked for every second only, without the system's events. */
  readonly poll: boolean;
  readonly terminal: Terminal;
}

/**
 * Reloads when a file changes, and builds when a source does, or the way it is built. What is wrong with a new program,
 * its options or its build is told, and the old ones go on.
 */
export function follow(
  { reloads, source, before, poll, terminal, ...rest }: FollowOptions,
): Disposable {
  const files = () => [
    ...new Set([...source.outputs, ...source.settings.keys(), ...rest.files().keys()]),
  ];
  // A change during the start is one since then.
  let seen: Snapshot = new Map([...stateOf(files()), ...source.settings, ...rest.files()]);
  let building = 0;
  let asked = false;
  const reload = () => {
    // The build may be writing its output, and is followed by a reload.
    if (building) return void (asked = true);
    asked = false;
    const now = stateOf(files());
    // Files that the options name only since the last reload have changed if they are not as they were read.
    const before = new Map([...rest.files(), ...seen]);
    seen = now;
    if ([...now].every(([path, state]) => before.get(path) === state)) return;
    reloads.next();
  };
  const rebuild = async () => {
    building++;
    const result = await build(source, terminal);
    building--;
    // What a build has made is whole: it is not waited for until it has settled, nor loaded again then.
    if (result === "built") return reload();
    // What a failed one has left is not loaded.
    if (result === "failed") seen = new Map([...seen, ...stateOf(source.outputs)]);
    if (asked) reload();
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
    const changed = async () => {
      // The watch of files tells what is wrong with the settings.
      await source.refresh().catch(() => {});
      await rebuild();
    };
    watches.use(watchTrees({ roots, except: () => source.outputs, before, poll, changed }));
  }
  return watches.move();
}

/** Builds, and tells if that fails. */
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

/**
 * Reloads one after another; those that are asked for while one runs become one behind it, so that no change is lost.
 */
export class Reloads {
  readonly #reload: () => Promise<void>;
  readonly #terminal: Terminal;
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  /** @param reload Puts the program and the options of now in place; if it rejects, what there was goes on. */
  constructor(reload: () => Promise<void>, terminal: Terminal) {
    this.#reload = reload;
    this.#terminal = terminal;
  }

  /** Reloads; resolves when what there is now is in place, or told as wrong. */
  next(): Promise<void> {
    if (!this.#running) return this.#running = this.#run();
    return this.#waiting ??= this.#running.then(() => {
      this.#waiting = undefined;
      return this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    const began = performance.now();
    try {
      await this.#reload();
      this.#terminal.note("info", `Reloaded in ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#terminal.note("error", `${reason}. The old program goes on`);
    }
    if (!this.#waiting) this.#running = undefined;
  }
}
