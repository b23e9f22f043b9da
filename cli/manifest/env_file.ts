import { join } from "node:path";
import * as util from "node:util"; // by a name, older Deno without it would not start
import { reasonOf } from "../errors.ts";
import { ManifestError } from "./document.ts";

/**
 * Returns a reader of environment variables. A variable that the process does not have is read from the folder's `.env`,
 * which is opened at the first such variable.
 *
 * @throws {ManifestError} If the `.env` cannot be read.
 */
export function environmentWith(folder: string): (name: string) => string | undefined {
  let file: Readonly<Record<string, string | undefined>> | undefined;
  return (name) => {
    if (!name || /[=\0]/.test(name)) return undefined;
    const value = Deno.env.get(name);
    if (value !== undefined) return value;
    file ??= readEnvFile(join(folder, ".env"));
    return Object.hasOwn(file, name) ? file[name] : undefined;
  };
}

function readEnvFile(path: string): Readonly<Record<string, string | undefined>> {
  try {
    return util.parseEnv(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw new ManifestError(`Cannot read ${path}: ${reasonOf(error)}`);
  }
}
