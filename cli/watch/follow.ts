import { reasonOf } from "../errors.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { Builder } from "./build.ts";
import { signatureOf, type Snapshot, watchFiles } from "./changes.ts";
import { watchTrees } from "./tree.ts";

/** What {@linkcode follow} needs. */
interface FollowOptions {
  readonly reloads: Reloads;
  /** The program's file, and all files that the options were read from; they may be others after a reload. */
  readonly files: () => readonly string[];
  /** Builds the program; undefined if nothing is to be built. */
  readonly builder: Builder | undefined;
  /** Folders whose changes make a build. */
  readonly sources: readonly string[];
  /** Files that the build writes, which are no sources. */
  readonly outputs: readonly string[];
  /** State of the sources before the first build: what has changed since is built again. */
  readonly before: Snapshot | undefined;
  /** Whether changes are looked for every second only, without the system's events. */
  readonly poll: boolean;
  readonly terminal: Terminal;
}

/**
 * Reloads when a file changes, and builds when a source does. What is wrong with a new program, its options or its build
 * is told, and the old ones go on.
 */
export function follow(options: FollowOptions): Disposable {
  const { reloads, files, builder, sources, outputs, before, poll, terminal } = options;
  const present = () => files().map((file) => `${file} ${signatureOf(file)}`).join("\n");
  let seen = present();
  // What a build has made is whole: it is not waited for until it has settled, nor loaded again then.
  const reload = () => {
    const now = present();
    if (now === seen) return;
    seen = now;
    reloads.next();
  };
  using watches = new DisposableStack();
  watches.use(watchFiles({ files, poll, changed: reload }));
  if (builder && sources.length) {
    const changed = async () => {
      if (await build(builder, terminal)) reload();
    };
    watches.use(watchTrees({ roots: sources, except: outputs, before, poll, changed }));
  }
  return watches.move();
}

/** Tells how a build ends; answers whether it has made a program. */
async function build(builder: Builder, terminal: Terminal): Promise<boolean> {
  terminal.note("info", "Building");
  try {
    const result = await builder.build();
    if (result === "failed") {
      terminal.note("error", "The build has failed: the old program goes on");
    }
    return result === "built";
  } catch (error) {
    terminal.note("error", `Cannot build: ${reasonOf(error)}`);
    return false;
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
