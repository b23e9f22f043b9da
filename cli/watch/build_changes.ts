import { basename } from "node:path";
import { sha256 } from "../../service/util/digest.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { ABSENT, isEmpty, signatureOf, type Snapshot } from "./changes.ts";
import { Pauses } from "./pauses.ts";

/** Lock files of package managers, which builds write: they say nothing that the other sources do not. */
const LOCK_FILES = new Set([
  ...["Cargo.lock", "go.sum", "go.work.sum", "bun.lock", "bun.lockb", "deno.lock", "uv.lock"],
  ...["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock"],
]);

/** Limits on the bytes that are read to compare contents: of one file, and of all files before one build. */
const MAX_FILE = 2 ** 20;
const MAX_ALL = 2 ** 26;

/** State of a source: its signature, and a hash of its content if that was read. */
interface Source {
  readonly signature: string;
  readonly hash: string | undefined;
}

/** Number of builds in a row that a change during the one before may end: later ones run to their end. */
const MAX_ENDED = 5;
/** Number of builds in a row that only changes during the one before cause; others are made after a pause. */
const MAX_IN_A_ROW = 8;

/**
 * Distinguishes changes of sources that need another build from changes that a build makes itself. The system does not tell
 * which process has written a file, so contents are compared: a file that is written unchanged during a build is no change,
 * nor is a lock file of a package manager. A file that is empty meanwhile is looked at when it is not, or the build has
 * ended: it is most likely being written. Everything else that changes during a build counts, so that no edit is lost.
 * A source that has changed during each of many builds is suspected to be changed by them: it causes another build only
 * after a pause, longer each time, since an edit may be among the changes. After a build in which it has not changed it is
 * a source as any other.
 */
export class BuildChanges {
  readonly #snapshot: () => Snapshot;
  readonly #written: () => (path: string) => boolean;
  /** Sources that the last build has begun with. */
  #sources: ReadonlyMap<string, Source> = new Map();
  /** State of the sources at the end of the last build; undefined while one runs. */
  #end: Snapshot | undefined = new Map();
  /** Changes during the running build that do not end it. */
  #waiting = new Set<string>();
  /** Sources that each build seems to change; changes of them between builds count. */
  readonly #suspects = new Set<string>();
  /** Whether a suspect has changed since the last build has begun. */
  #suspectChanged = false;
  /** Pauses before builds that only suspects cause. */
  readonly #pauses = new Pauses();
  /** Whether the last build was made after a pause, and has not been ended by a change. */
  #afterPause = false;
  /** Number of builds in a row that only changes during the one before have caused. */
  #inARow = 0;

  /**
   * @param snapshot Returns the current state of the sources.
   * @param written Returns a function that tells whether the host itself writes a file, whose changes do not count. By
   *   default it writes none.
   */
  constructor(
    snapshot: () => Snapshot,
    written: () => (path: string) => boolean = () => () => false,
  ) {
    this.#snapshot = snapshot;
    this.#written = written;
  }

  /** Notes the sources that a build begins with. */
  async begin(): Promise<void> {
    this.#end = undefined;
    this.#waiting = new Set();
    this.#judge();
    const sources = new Map<string, Source>();
    let left = MAX_ALL;
    for (const [path, signature] of this.#snapshot()) {
      const known = this.#sources.get(path);
      if (known?.signature === signature) {
        sources.set(path, known);
        continue;
      }
      const content = left > 0 ? await contentOf(path) : undefined;
      left -= content?.length ?? 0;
      sources.set(path, { signature, hash: content && hashOf(content) });
    }
    this.#sources = sources;
  }

  /** Notes the sources at the end of a build. */
  end(): void {
    this.#end = this.#snapshot();
    if (this.#suspectChanged) this.#pauses.begin();
  }

  /**
   * Has a function build after each pause, which ends with any other build.
   *
   * @returns Ends that.
   */
  whenPaused(build: () => void): Disposable {
    return this.#pauses.whenOver(build);
  }

  /** Judges by the last build whether suspects are changed by builds, as the next build begins. */
  #judge(): void {
    if (this.#suspectChanged) this.#pauses.lengthen();
    else if (this.#afterPause) this.#trust();
    this.#suspectChanged = false;
    this.#afterPause = this.#pauses.end();
    if (this.#afterPause) this.#inARow = MAX_IN_A_ROW - 1; // an edit of another source during it is built at once
  }

  /** Suspects no source any more, since a build has not changed any. */
  #trust(): void {
    this.#suspects.clear();
    this.#inARow = 0;
    this.#pauses.reset();
  }

  #suspect(paths: readonly string[]): void {
    for (const path of paths) this.#suspects.add(path);
    this.#suspectChanged = true;
    if (this.#end) this.#pauses.begin();
  }

  /**
   * Whether a build has to begin now, which ends one that runs.
   *
   * @param paths Sources that have changed.
   */
  async needBuild(paths: readonly string[], terminal: Terminal): Promise<boolean> {
    const during: string[] = [];
    const suspected: string[] = [];
    const isWritten = this.#written();
    for (const path of paths) {
      if (isWritten(path)) continue;
      const signature = signatureOf(path);
      const since = this.#end && (this.#end.get(path) ?? ABSENT) !== signature;
      if (since) {
        this.#inARow = 0;
        this.#suspects.delete(path);
        return true;
      }
      if (LOCK_FILES.has(basename(path))) continue;
      if (await isAsBefore(path, this.#sources.get(path), signature)) continue;
      if (!this.#end && isEmpty(signature)) {
        this.#waiting.add(path); // it is being written
        continue;
      }
      (this.#suspects.has(path) ? suspected : during).push(path);
    }
    if (suspected.length) this.#suspect(suspected);
    if (!during.length) return false;
    if (!this.#end) {
      // New files may be temporary ones of the build.
      const made = during.every((path) => !this.#sources.has(path));
      if (made || this.#inARow >= MAX_ENDED) {
        for (const path of during) this.#waiting.add(path);
        return false;
      }
    }
    if (this.#inARow < MAX_IN_A_ROW) {
      this.#inARow++;
      this.#afterPause = false;
      return true;
    }
    this.#suspect(during);
    terminal.note(
      "warning",
      `Each build changes ${during.join(", ")}, which causes another one only after a pause ` +
        `from now on (name what builds make in .fastlyignore)`,
    );
    return false;
  }

  /** The same for changes during the build that has ended, which did not end it. */
  needAnother(terminal: Terminal): Promise<boolean> {
    const paths = [...this.#waiting];
    this.#waiting = new Set();
    return this.needBuild(paths, terminal);
  }
}

async function isAsBefore(
  path: string,
  before: Source | undefined,
  signature: string,
): Promise<boolean> {
  if (!before || before.signature === signature) return signature === (before?.signature ?? ABSENT);
  if (before.hash === undefined) return false;
  const content = await contentOf(path);
  return content !== undefined && hashOf(content) === before.hash;
}

async function contentOf(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size, isFile } = await Deno.stat(path);
    return isFile && size <= MAX_FILE ? await Deno.readFile(path) : undefined;
  } catch {
    return undefined;
  }
}

function hashOf(content: Uint8Array): string {
  return sha256().update(content).digest("base64");
}
