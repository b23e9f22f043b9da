import { reasonOf } from "../errors.ts";
import { environmentWith } from "./env_file.ts";
import type { HostIo } from "./table.ts";

/**
 * Milliseconds after a change in which a file may change again under the same modification time, since file systems
 * count it in steps.
 */
const TIME_STEP = 100;

/**
 * Files and variables of this machine.
 *
 * @param folder The manifest's folder, in which a `.env` may be.
 * @param warn Takes lines about what should be changed.
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
    return undefined; // reading the file tells why
  }
}
