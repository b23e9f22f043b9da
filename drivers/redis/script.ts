import { createHash } from "node:crypto";

/** A script in Lua, which the server runs in one step. */
export interface Script {
  readonly source: string;
  /** What it is called by once the server knows it. */
  readonly digest: string;
  /** Whether it changes anything. */
  readonly writes: boolean;
}

/** A script that changes something. */
export function writing(source: string): Script {
  return { source, digest: digestOf(source), writes: true };
}

/** A script that changes nothing. */
export function reading(source: string): Script {
  return { source, digest: digestOf(source), writes: false };
}

function digestOf(source: string): string {
  return createHash("sha1").update(source).digest("hex");
}
