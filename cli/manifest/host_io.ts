import { reasonOf } from "../errors.ts";
import { environmentWith } from "./env_file.ts";
import type { HostIo } from "./document.ts";

/**
 * Resolution of modification times, in milliseconds: within it, a file may change twice with the same time.
 */
const TIME_STEP = 100;

/**
 * Returns access to the files and environment variables of this machine.
 *
 * @param folder Folder of the manifest, which may have a `.env`.
 * @param warn Called with lines about values that should be changed.
 */
export function hostIoAt(folder: string, warn: (line: string) => void): HostIo {
  return {
    read(path) {
      try {
        return Deno.readFileSync(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw new Error(reasonOf(error));
      }
    },
    versionOf,
    env: environmentWith(folder),
    warn,
    openDatabase: async (bytes) => (await import("./mmdb.ts")).openDatabase(bytes),
  };
}

function versionOf(path: string): string | undefined {
  try {
    const { mtime, ctime, size, ino } = Deno.statSync(path);
    if (!mtime || Math.abs(Date.now() - mtime.getTime()) < TIME_STEP) return undefined;
    return [mtime.getTime(), ctime?.getTime(), size, ino].join();
  } catch {
    return undefined; // reading the file fails with the reason
  }
}
