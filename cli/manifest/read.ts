import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { reasonOf } from "../errors.ts";
import { hostIoAt } from "./host_io.ts";
import { type Manifest, type ManifestOptions, parseManifest } from "./mod.ts";
import { type HostIo, ManifestError } from "./document.ts";

/** Options of {@linkcode readManifest}. */
export interface ReadOptions {
  /** Called with lines about values that are accepted but should be changed. By default `console.warn`. */
  readonly warn?: (line: string) => void;
  /** Reads an environment variable. By default from the process, or else from a `.env` beside the file. */
  readonly env?: (name: string) => string | undefined;
}

/**
 * Reads the options of a service from the table `[local_server]` of a fastly.toml, ready for `Fastlike.load`: backends,
 * stores, lookups, limits. Files that it names are read too, some of them again after they have changed. Needs permission
 * to read these files and the named environment variables.
 *
 * ```ts ignore
 * const app = await Fastlike.load(wasm, { ...await readManifest("fastly.toml"), cache: false });
 * ```
 *
 * @param path A path, or a `file:` URL.
 * @param options Environment and warnings; by default the process's.
 * @returns Options for `Fastlike.load`.
 * @throws {ManifestError} If a file cannot be read or is not valid; the message is one line with file, table and key.
 */
export async function readManifest(
  path: string | URL,
  options?: ReadOptions,
): Promise<ManifestOptions> {
  return (await readLocalServer(path, options)).options;
}

/**
 * Reads the whole table `[local_server]`: the options of {@linkcode readManifest}, and settings that are not options of a
 * service: log endpoints, for the option `log`, and the folder of `persist`, for a driver of stores.
 *
 * @param path A path, or a `file:` URL.
 * @throws {ManifestError} As {@linkcode readManifest}.
 */
export function readLocalServer(
  path: string | URL,
  { warn = toConsole, env }: ReadOptions = {},
): Promise<Manifest> {
  const file = path instanceof URL ? fileURLToPath(path) : path;
  return readWith(file, { ...hostIoAt(dirname(file), warn), ...env && { env } });
}

/** Reads a manifest with the given access to the machine. */
export async function readWith(file: string, io: HostIo): Promise<Manifest> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new ManifestError(`Cannot read ${file}: ${reasonOf(error)}`);
  }
  return await parseManifest(text, file, io);
}

function toConsole(line: string): void {
  // deno-lint-ignore no-console
  console.warn(line);
}
