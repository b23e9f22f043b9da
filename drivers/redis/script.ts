import { createHash } from "node:crypto";

/** Script in Lua, which the server runs as one step. */
export interface Script {
  readonly source: string;
  /** SHA-1 digest, by which a server that has the script runs it. */
  readonly digest: string;
  /** Whether it changes data: replicas refuse it then. */
  readonly writes: boolean;
}

/** Makes a script that changes data. */
export function writing(source: string): Script {
  return { source, digest: digestOf(source), writes: true };
}

/** Makes a script that changes no data. */
export function reading(source: string): Script {
  return { source, digest: digestOf(source), writes: false };
}

function digestOf(source: string): string {
  return createHash("sha1").update(source).digest("hex");
}
