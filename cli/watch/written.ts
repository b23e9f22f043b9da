import { parse } from "npm:smol-toml@1.9.1";
import { fstatSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { DATABASE_FILE } from "../database_file.ts";
import type { ServeCommand } from "../flags/args.ts";
import { tableOf } from "./project.ts";

/** Standard output and standard error. */
const OUTPUT = [1, 2];

/**
 * Returns a function that looks at fastly.toml, and returns one that tells whether the host itself writes a file, in this
 * process or in a worker: a log, a store, kept code, or its redirected output. Such a file may be among the sources, and says
 * nothing of them.
 *
 * @param manifest Path of fastly.toml, which may be absent or not valid.
 * @param output File descriptors of the output.
 */
export function writtenBy(
  flags: Pick<ServeCommand, "persist" | "codeCache" | "logEndpoints">,
  manifest: string,
  output: readonly number[] = OUTPUT,
): () => (path: string) => boolean {
  const identities = output.flatMap((file) => identityOf(() => fstatSync(file)) ?? []);
  const named = [
    ...databaseIn(flags.persist),
    ...folderOf(flags.codeCache, manifest),
    ...Object.values(flags.logEndpoints),
  ];
  return () => {
    const all = [...named, ...namedIn(manifest)].map((own) => resolve(own));
    return (path) => {
      const whole = resolve(path);
      if (all.some((own) => isWithin(whole, own))) return true;
      const identity = identityOf(() => Deno.statSync(path));
      return identity !== undefined && identities.includes(identity);
    };
  };
}

/** Returns the paths of the database in a folder: its file, and those that SQLite keeps beside it. */
function databaseIn(folder: string | undefined): string[] {
  return folder === undefined
    ? []
    : ["", "-wal", "-shm", "-journal"].map((end) => join(folder, DATABASE_FILE + end));
}

/** Returns a folder that has nothing but what the host writes: one that has the project, too, is none. */
function folderOf(folder: string | undefined, manifest: string): string[] {
  return folder === undefined || isWithin(resolve(manifest), resolve(folder)) ? [] : [folder];
}

function isWithin(path: string, own: string): boolean {
  return path === own || path.startsWith(own + sep);
}

/** Returns device and number of a regular file; undefined for all else. */
function identityOf(
  stat: () => { dev: number; ino: number | null; isFile: boolean | (() => boolean) },
): string | undefined {
  try {
    const info = stat();
    const isFile = typeof info.isFile === "function" ? info.isFile() : info.isFile;
    return isFile ? `${info.dev} ${info.ino}` : undefined;
  } catch {
    return undefined; // it is closed, or has gone
  }
}

/** Returns the paths of logs and stores in a fastly.toml; one that is not valid has none. */
function namedIn(manifest: string): string[] {
  let local: unknown;
  try {
    local = parse(Deno.readTextFileSync(manifest)).local_server;
  } catch {
    return [];
  }
  const { log_endpoints: logs, persist } = tableOf(local);
  const paths = [
    ...databaseIn(textOf(tableOf(persist).path)),
    ...Object.values(tableOf(logs)).map((log) => tableOf(log).file),
  ];
  return paths.filter((path) => typeof path === "string")
    .map((path) => resolve(dirname(manifest), path));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
