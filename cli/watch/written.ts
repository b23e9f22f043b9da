import { parse } from "npm:smol-toml@1.9.1";
import { fstatSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import { isPlainObject } from "../../service/util/plain_object.ts";
import type { ServeCommand } from "../flags/args.ts";

/** Standard output and standard error. */
const OUTPUT = [1, 2];

/**
 * Returns a function that tells whether the host itself writes a file, in this process or in a worker: a log, a store, kept
 * code, or its redirected output. Such a file may be among the sources, and says nothing of them.
 *
 * @param manifest Path of fastly.toml, which is read at each call, and may be absent or not valid.
 * @param output File descriptors of the output.
 */
export function writtenBy(
  flags: Pick<ServeCommand, "persist" | "codeCache" | "logEndpoints">,
  manifest: string,
  output: readonly number[] = OUTPUT,
): (path: string) => boolean {
  const identities = output.flatMap((file) => identityOf(() => fstatSync(file)) ?? []);
  const named = [flags.persist, flags.codeCache, ...Object.values(flags.logEndpoints)];
  return (path) => {
    const all = [...named, ...namedIn(manifest)];
    const whole = resolve(path);
    if (all.some((own) => own !== undefined && isWithin(whole, resolve(own)))) return true;
    const identity = identityOf(() => Deno.statSync(path));
    return identity !== undefined && identities.includes(identity);
  };
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
    tableOf(persist).path,
    ...Object.values(tableOf(logs)).map((log) => tableOf(log).file),
  ];
  return paths.filter((path) => typeof path === "string")
    .map((path) => resolve(dirname(manifest), path));
}

function tableOf(value: unknown): Readonly<Record<string, unknown>> {
  return isPlainObject(value) ? value : {};
}
