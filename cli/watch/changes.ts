import { dirname, resolve } from "node:path";

/** Milliseconds between two looks at what is watched, whether or not the system tells of changes. */
const INTERVAL = 1000;
/** Milliseconds for which nothing may change before a change is told: a file may be written in pieces. */
const SETTLE = 50;
/** Looks after which a change is told though it goes on: a log beside the sources must not hold a build back. */
const MAX_LOOKS = 40;

/** State of what is watched, by path: what differs when the content does. */
export type Snapshot = ReadonlyMap<string, string>;

/** Settings of {@linkcode watchChanges}. */
export interface WatchOptions {
  /** Reads the present state of what is watched. */
  readonly snapshot: () => Snapshot;
  /** An earlier state, changes since which are told; by default the present one. */
  readonly before?: Snapshot | undefined;
  /** Called with the paths that have changed, once they have settled. */
  readonly changed: (paths: readonly string[]) => void;
  /** Folders to ask the system's change events for, besides the regular looks; those that do not exist are skipped. */
  readonly folders: () => readonly string[];
  /** Whether events reach below those folders. By default they do not. */
  readonly recursive?: boolean;
  /** Milliseconds between two looks. By default 1,000. */
  readonly interval?: number;
  /** Whether only looks count: for file systems that tell of no changes (network shares, containers). By default no. */
  readonly poll?: boolean;
}

/**
 * Watches by comparing snapshots: at the system's change events, and regularly, since events stop when a watched folder
 * is removed and made again.
 */
export function watchChanges(options: WatchOptions): Disposable {
  return new ChangeWatcher(options);
}

class ChangeWatcher implements Disposable {
  readonly #options: WatchOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #known: Snapshot;
  #events: Deno.FsWatcher | undefined;
  /** Folders that events come from, as identities: a folder that was made anew is another one. */
  #eventFolders = "";
  #settling = false;
  #again = false;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#known = options.before ?? options.snapshot();
    this.#timer = setInterval(() => this.#look(), options.interval ?? INTERVAL);
    this.#listen();
    if (options.before) this.#look();
  }

  /** Renews the source of events if its folders are not the same any more. */
  #listen(): void {
    const { folders, poll = false, recursive = false } = this.#options;
    if (poll || this.#closed) return;
    const present = folders().filter(isFolder);
    const identities = present.map((folder) => `${folder} ${identityOf(folder)}`).join("\n");
    if (identities === this.#eventFolders) return;
    this.#eventFolders = identities;
    this.#events?.close();
    this.#events = undefined;
    if (!present.length) return;
    try {
      this.#events = Deno.watchFs(present, { recursive });
    } catch {
      return; // a folder has gone meanwhile, or the system has no more watches: regular looks go on
    }
    this.#follow(this.#events);
  }

  async #follow(events: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind } of events) if (kind !== "access") this.#look();
    } catch {
      // The system stopped telling: regular looks go on.
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
      this.#listen();
    }
    if (!this.#again || this.#closed) return;
    this.#again = false;
    this.#look();
  }

  /** Tells of changes once two looks in a row have seen the same. */
  async #settle(): Promise<void> {
    const { snapshot, changed } = this.#options;
    let now = snapshot();
    if (!differences(this.#known, now).length) return;
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE));
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
    this.#events?.close();
  }
}

/** Settings of {@linkcode watchFiles}. */
type FilesOptions = Pick<WatchOptions, "before" | "changed" | "interval" | "poll"> & {
  /** The files, asked for at each look: which ones there are may change. */
  readonly files: () => readonly string[];
};

/**
 * Watches files, whether they exist or not: replaced, renamed, truncated, rewritten, removed with their folder.
 *
 * Their folders are watched, since events of a file end with the first file that takes its place.
 */
export function watchFiles({ files, ...options }: FilesOptions): Disposable {
  return watchChanges({
    ...options,
    snapshot: () => stateOf(files()),
    folders: () => [...new Set(files().map(existingFolderOf))],
  });
}

/** State of files, whether they exist or not. */
export function stateOf(files: readonly string[]): Snapshot {
  return new Map(files.map((file) => [file, signatureOf(file)]));
}

/** Files that are read, each with its state just before: what has changed since is seen by a watch that begins later. */
export class ReadFiles {
  readonly #state = new Map<string, string>();

  /** Notes a file that is going to be read. */
  add(path: string): void {
    if (!this.#state.has(path)) this.#state.set(path, signatureOf(path));
  }

  get state(): Snapshot {
    return this.#state;
  }
}

/** Nearest folder above a file that exists. */
function existingFolderOf(file: string): string {
  let folder = dirname(resolve(file));
  while (!isFolder(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** What tells a file's content from what it was before, without reading it; a word for a file that is not there. */
export function signatureOf(path: string): string {
  try {
    const { ino, mtime, ctime, size, isDirectory } = Deno.statSync(path);
    if (isDirectory) return "folder";
    return `${ino} ${mtime?.getTime()} ${ctime?.getTime()} ${size}`;
  } catch {
    return "absent";
  }
}

function identityOf(folder: string): string {
  try {
    const { dev, ino } = Deno.statSync(folder);
    return `${dev} ${ino}`;
  } catch {
    return "absent";
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Paths whose state is another one, or which only one of two states has. */
function differences(before: Snapshot, after: Snapshot): string[] {
  const paths: string[] = [];
  for (const [path, signature] of after) if (before.get(path) !== signature) paths.push(path);
  for (const path of before.keys()) if (!after.has(path)) paths.push(path);
  return paths;
}
