// Installing what a guest's lock file names, for the guests whose toolchain comes from npm.

import { run, TESTDATA, toPath } from "./common.ts";

/** Returns the guest's directory. Without network when everything is there already. */
export async function install(guest: string): Promise<string> {
  const directory = new URL(`${guest}/`, TESTDATA);
  const path = toPath(directory);
  // npm writes the inner file last; it is older than the lock file after a change of the latter.
  const installed = await modified(new URL("node_modules/.package-lock.json", directory));
  const wanted = await modified(new URL("package-lock.json", directory));
  if (installed <= wanted) {
    // No package of ours needs its install script, so none gets to run.
    await run(guest, "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: path });
  }
  return path;
}

async function modified(file: URL): Promise<number> {
  try {
    return (await Deno.stat(file)).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
