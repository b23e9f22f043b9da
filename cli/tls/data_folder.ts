import { join } from "node:path";
import { CommandError } from "../errors.ts";

/**
 * Returns the folder for data that the executable stores for its user: `fastlike` in `XDG_DATA_HOME`, or in the place
 * that the operating system has for it.
 *
 * @throws {CommandError} If the environment names no home.
 */
export function dataFolder(
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
  os: typeof Deno.build.os = Deno.build.os,
): string {
  const named = environment("XDG_DATA_HOME");
  if (named) return join(named, "fastlike");
  const home = environment(os === "windows" ? "LOCALAPPDATA" : "HOME");
  if (!home) {
    throw new CommandError(
      "Cannot keep a certificate authority: HOME is not set (use --cert and --key)",
    );
  }
  if (os === "windows") return join(home, "fastlike");
  if (os === "darwin") return join(home, "Library", "Application Support", "fastlike");
  return join(home, ".local", "share", "fastlike");
}
