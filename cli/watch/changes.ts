import { dirname, resolve } from "node:path";

/** Time between two regular comparisons, in milliseconds. They are made even if the system reports changes. */
const INTERVAL = 1000;
/** Time without changes after which a change is reported, in milliseconds: a file may be written in pieces. */
const SETTLE = 50;
/** Number of comparisons after which a change is reported although others follow, such as those of a log file. */
const MAX_LOOKS = 40;

/** State of watched files by path: a text that differs when the content does. */
export type Snapshot = ReadonlyMap<string, string>;

/** Options of {@linkcode watchChanges}. */
export interface WatchOptions {
  /** Returns the current state of the watched files. */
  readonly snapshot: () => Snapshot;
  /** Earlier state to compare with first; by default the current one. */
  readonly before?: Snapshot | undefined;
  /** Called with the paths that have changed, once they have settled. */
  readonly changed: (paths: readonly string[]) => void;
  /** Folders whose change events are used besides regular comparisons; those that do not exist are skipped. */
  readonly folders: () => readonly string[];
  /** The same, for folders whose events are to reach below them. By default there are none. */
  readonly trees?: () => readonly string[];
  /** Time between two comparisons, in milliseconds. By default 1,000. */
  readonly interval?: number;
  /** Time without changes after which a change is reported, in milliseconds. By default 50. */
  readonly settle?: number;
  /** Whether events are not used, for file systems without any (network shares, containers). By default `false`. */
  readonly poll?: boolean;
}

/**
 * Watches by comparing snapshots: at the system's change events, and regularly, since events end when a watched folder is
 * replaced.
 */
export function watchChanges(options: WatchOptions): Disposable {
  return new ChangeWatcher(options);
}

class ChangeWatcher implements Disposable {
  readonly #options: WatchOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #known: Snapshot;
  #events: readonly Deno.FsWatcher[] = [];
  /** Identities of the folders that events come from; a folder that was replaced has another one. */
  #eventFolders = "";
  #settling = false;
  #again = false;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#known = options.before ?? options.snapshot();
    this.#timer = setInterval(() => this.#look(), options.interval ?? INTERVAL);
    const listening = this.#listen();
    if (options.before || listening) this.#look();
  }

  /** Watches the folders again if they have changed; returns whether that was so. Events until then may be lost. */
  #listen(): boolean {
    const { folders, trees, poll = false } = this.#options;
    if (poll || this.#closed) return false;
    const [flat, deep] = [folders().filter(isFolder), trees?.().filter(isFolder) ?? []];
    const identities = [...flat, "below", ...deep].map((folder) =>
      `${folder} ${identityOf(folder)}`
    )
      .join("\n");
    if (identities === this.#eventFolders) return false;
    this.#eventFolders = identities;
    for (const events of this.#events) events.close();
    this.#events = [this.#open(flat, false), this.#open(deep, true)].filter((one) => !!one);
    for (const events of this.#events) this.#follow(events);
    if (this.#events.length === [flat, deep].filter(({ length }) => length).length) return true;
    this.#eventFolders = ""; // the next look tries again
    return false;
  }

  #open(folders: readonly string[], recursive: boolean): Deno.FsWatcher | undefined {
    if (!folders.length) return undefined;
    try {
      return Deno.watchFs([...folders], { recursive });
    } catch {
      return undefined; // a folder has gone meanwhile, or the system has no more watches: regular looks go on
    }
  }

  async #follow(events: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind } of events) if (kind !== "access") this.#look();
    } catch {
      // The events have ended; regular comparisons go on.
    }
  }

  async #look(): Promise<void> {
    if (this.#settling) {
      this.#again = true;
      return;
    }
    this.#settling = true;
    try {
      await this.#settle();
    } finally {
      this.#settling = false;
      if (this.#listen()) this.#again = true;
    }
    if (!this.#again || this.#closed) return;
    this.#again = false;
    this.#look();
  }

  /** Reports changes once two consecutive comparisons are equal. */
  async #settle(): Promise<void> {
    const { snapshot, changed, settle = SETTLE } = this.#options;
    let now = snapshot();
    if (!differences(this.#known, now).length) return;
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      await new Promise((resolve) => setTimeout(resolve, settle));
      const later = snapshot();
      const same = differences(now, later).length === 0;
      now = later;
      if (same) break;
    }
    if (this.#closed) return;
    const paths = differences(this.#known, now);
    this.#known = now;
    if (paths.length) changed(paths);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const events of this.#events) events.close();
  }
}

/** Options of {@linkcode watchFiles}. */
type FilesOptions = Pick<WatchOptions, "before" | "changed" | "interval" | "poll"> & {
  /** Returns the files; called at each comparison, since they may be others. */
  readonly files: () => readonly string[];
};

/**
 * Watches files, existing or not: they may be replaced, renamed, truncated, rewritten, or removed with their folder. Events
 * of their folders are used, since those of a file end when it is replaced.
 */
export function watchFiles({ files, ...options }: FilesOptions): Disposable {
  return watchChanges({
    ...options,
    snapshot: () => stateOf(files()),
    folders: () => [...new Set(files().map(existingFolderOf))],
  });
}

/** Returns the state of files, existing or not. */
export function stateOf(files: readonly string[]): Snapshot {
  return new Map(files.map((file) => [file, signatureOf(file)]));
}

/** Files that are read, each with its state before the read, so that a watch that begins later sees changes since. */
export class ReadFiles {
  readonly #state = new Map<string, string>();

  /** Adds a file that is about to be read. */
  add(path: string): void {
    if (!this.#state.has(path)) this.#state.set(path, signatureOf(path));
  }

  get state(): Snapshot {
    return this.#state;
  }
}

/** Returns the nearest existing folder above a file. */
export function existingFolderOf(file: string): string {
  let folder = dirname(resolve(file));
  while (!isFolder(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** Signature of a missing file. */
export const ABSENT = "absent";

/** Returns a text that differs after each change of a file, made of its metadata; {@linkcode ABSENT} for a missing file. */
export function signatureOf(path: string): string {
  try {
    const { ino, mtime, ctime, size, isDirectory } = Deno.statSync(path);
    if (isDirectory) return "folder";
    return `${ino} ${mtime?.getTime()} ${ctime?.getTime()} ${size}`;
  } catch {
    return ABSENT;
  }
}

/** Whether a signature is that of a file without content. */
export function isEmpty(signature: string): boolean {
  return signature.endsWith(" 0");
}

function identityOf(folder: string): string {
  try {
    const { dev, ino } = Deno.statSync(folder);
    return `${dev} ${ino}`;
  } catch {
    return "absent";
  }
}

export function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Returns the paths whose state differs, or that only one of two snapshots has. */
function differences(before: Snapshot, after: Snapshot): string[] {
  const paths: string[] = [];
  for (const [path, signature] of after) if (before.get(path) !== signature) paths.push(path);
  for (const path of before.keys()) if (!after.has(path)) paths.push(path);
  return paths;
}
