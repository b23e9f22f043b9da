import { messageOf } from "../service/errors.ts";

/** Time after which the user is told that a package is being downloaded, in milliseconds. */
const LONG = 300;

/** Options of {@linkcode loadPackage}. */
interface LoadPackageOptions {
  /** Use of the package, in words that follow "for": `the first image`. */
  readonly use: string;
  /** Called with a line for the user if a download takes long. By default the line is dropped. */
  readonly tell?: ((line: string) => void) | undefined;
  /** Package that has to be loaded before. */
  readonly after?: Specifier;
}

/** Error of a package that cannot be loaded; the message has the remedy. */
export class PackageError extends Error {
  override readonly name = "PackageError";
}

/** Resolves as this module's imports. Deno does not publish a resolved module as a part of the graph. */
const { resolve } = import.meta;

/** Package and exact version. */
type Specifier = `npm:${string}@${string}`;
type Load = (specifier: string) => Promise<unknown>;

/**
 * Loads a package of npm when it is first used.
 *
 * @param specifier Package and exact version, as `npm:sharp@0.35.5`. A project that has another version of it in its
 *   `node_modules`, and not this one, gets its own.
 * @returns The package's module.
 * @throws {PackageError} If the package is not in a cache and cannot be downloaded.
 */
export async function loadPackage<M>(
  specifier: Specifier,
  { use, tell, after }: LoadPackageOptions,
): Promise<M> {
  if (Deno.build.standalone) {
    const advice = "run fastlike under Deno, as the npm package does";
    const message = `Cannot load ${specifier} for ${use}: compiled programs have none; ${advice}`;
    throw new PackageError(message);
  }
  const line = `Downloading ${specifier} for ${use}: later starts have it`;
  const here = tell ? isHere(specifier) : true; // loading may take long on a busy machine, too
  const late = setTimeout(async () => await here || tell?.(line), LONG);
  try {
    // Deno downloads modules that are imported by a literal when the program starts, used or not: this import has none. A
    // module of this kind may also import by `npm:` where those under node_modules may not.
    const { load } = await import("data:text/javascript,export const load = (s) => import(s);");
    if (after) await loadEither(after, load);
    return await loadEither(specifier, load) as M;
  } catch (cause) {
    const all = after ? `${after} ${specifier}` : specifier;
    const message = `Cannot load ${specifier} for ${use}: ${explain(all, cause)}`;
    throw new PackageError(message, { cause });
  } finally {
    clearTimeout(late);
  }
}

/** Whether a package is in Deno's cache or in the project's `node_modules`, as far as this process may look. */
async function isHere(specifier: Specifier): Promise<boolean> {
  const [, name, version] = /^npm:(.+)@(.*)$/.exec(specifier)!;
  try {
    resolve(name!);
    return true;
  } catch {
    // Here is no `node_modules`, or it has none.
  }
  const cache = cacheOfDeno();
  if (cache === undefined || !isGranted({ name: "read", path: cache })) return false;
  try {
    for await (const { name: registry } of Deno.readDir(`${cache}/npm`)) {
      const there = Deno.stat(`${cache}/npm/${registry}/${name}/${version}/package.json`);
      if (await there.then(() => true, () => false)) return true;
    }
  } catch {
    // Nothing was downloaded yet.
  }
  return false;
}

/** Returns the folder of Deno's cache; undefined if this process may not know it. */
function cacheOfDeno(): string | undefined {
  const { os } = Deno.build;
  const variables = os === "windows"
    ? { LOCALAPPDATA: "deno" }
    : os === "darwin"
    ? { HOME: "Library/Caches/deno" }
    : { XDG_CACHE_HOME: "deno", HOME: ".cache/deno" };
  for (const [variable, folder] of Object.entries({ DENO_DIR: "", ...variables })) {
    const value = isGranted({ name: "env", variable }) && Deno.env.get(variable);
    if (value) return `${value}/${folder}`;
  }
  return undefined;
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** Loads a package in the given version, or in that of the project's `node_modules`. */
async function loadEither(specifier: Specifier, load: Load): Promise<unknown> {
  try {
    return await load(specifier);
  } catch (error) {
    let url;
    try {
      url = resolve(specifier.replace(/^npm:(.+)@.*$/, "$1"));
    } catch {
      throw error;
    }
    return await load(url);
  }
}

/** Returns why packages cannot be loaded, and what to do. */
function explain(specifiers: string, error: unknown): string {
  const message = messageOf(error);
  const reason = message.split("\n")[0]!.replace(/\.$/, "");
  if (/^Could not find a matching package .* in the node_modules directory/.test(reason)) {
    return `node_modules has none: run "npm install ${specifiers.replaceAll("npm:", "")}"`;
  }
  return `${reason}: run "deno cache ${specifiers}" where there is a network`;
}
