import { createHash } from "node:crypto";
import type { Read } from "./replies.ts";

/** Script in Lua, which the server runs as one step. */
export interface Script<T> {
  readonly source: string;
  /** SHA-1 digest, by which a server that has the script runs it. */
  readonly digest: string;
  /** Whether it changes data: replicas refuse it then. */
  readonly writes: boolean;
  /** Reads what it returns. */
  readonly read: Read<T>;
}

/** Makes a script that changes data. */
export function writing<T>(read: Read<T>, source: string): Script<T> {
  return { source, digest: digestOf(source), writes: true, read };
}

/** Makes a script that changes no data. */
export function reading<T>(read: Read<T>, source: string): Script<T> {
  return { source, digest: digestOf(source), writes: false, read };
}

function digestOf(source: string): string {
  return createHash("sha1").update(source).digest("hex");
}
