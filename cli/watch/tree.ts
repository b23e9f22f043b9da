import ignore, { type Ignore } from "npm:ignore@7.0.16";
import { join, resolve } from "node:path";
import {
  existingFolderOf,
  isFolder,
  signatureOf,
  type Snapshot,
  watchChanges,
  type WatchOptions,
} from "./changes.ts";

/** Files with patterns of files that are not sources. */
const IGNORE_FILES = [".gitignore", ".fastlyignore"];
/** Folders that never have sources. */
const NEVER = [".git/", "node_modules/"];

/** File that marks folders of reproducible files, such as cargo's `target` (https://bford.info/cachedir/). */
const CACHE_TAG = "CACHEDIR.TAG";

/**
 * Time without changes of sources after which a change is reported, in milliseconds: a build that begins too early is
 * ended.
 */
const SETTLE = 20;

/** Options of {@linkcode watchTrees}. */
type TreesOptions = Pick<WatchOptions, "before" | "changed" | "interval" | "poll"> & {
  /** Folders or files to watch, except for files that their `.gitignore` and `.fastlyignore` name. */
  readonly roots: readonly string[];
  /** Returns files that are ignored: outputs of the build. By default there are none. */
  readonly except?: () => readonly string[];
};

/** Watches all files below some folders. */
export function watchTrees({ roots, except, ...options }: TreesOptions): Disposable {
  return watchChanges({
    ...options,
    snapshot: () => snapshotOf(roots, except?.()),
    // A root that is a file, or missing, is seen by events of the folder that it is in.
    folders: () => [...new Set(roots.filter((root) => !isFolder(root)).map(existingFolderOf))],
    trees: () => roots,
    settle: SETTLE,
  });
}

/** Returns the state of all files below some folders, except for some files. */
export function snapshotOf(roots: readonly string[], except: readonly string[] = []): Snapshot {
  const found = new Map<string, string>();
  for (const root of roots) walk(root, [], found);
  const left = new Set(except.map((path) => resolve(path)));
  for (const path of found.keys()) if (left.has(resolve(path))) found.delete(path);
  return found;
}

/** Patterns, with the folder to which they are relative. */
interface Rules {
  readonly base: string;
  readonly patterns: Ignore;
}

function walk(path: string, rules: readonly Rules[], found: Map<string, string>): void {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(path)];
  } catch {
    found.set(path, signatureOf(path)); // a file, or nothing
    return;
  }
  if (entries.some(({ name }) => name === CACHE_TAG)) return;
  const all = [...rules, rulesOf(path)];
  for (const { name, isDirectory } of entries) {
    const child = join(path, name);
    if (isIgnored(child, isDirectory, all)) continue;
    if (isDirectory) walk(child, all, found);
    else found.set(child, signatureOf(child));
  }
}

function rulesOf(folder: string): Rules {
  const patterns = ignore().add(NEVER);
  for (const name of IGNORE_FILES) {
    try {
      patterns.add(Deno.readTextFileSync(join(folder, name)));
    } catch {
      // The file does not exist.
    }
  }
  return { base: folder, patterns };
}

function isIgnored(path: string, isDirectory: boolean, rules: readonly Rules[]): boolean {
  return rules.some(({ base, patterns }) => {
    const relative = path.slice(base === "." ? 0 : base.length + (base.endsWith("/") ? 0 : 1));
    return patterns.ignores(isDirectory ? `${relative}/` : relative);
  });
}
