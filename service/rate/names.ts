import { createHash } from "node:crypto";
import { refuse } from "../errors.ts";

/** Bytes in the name of a rate counter or a penalty box. */
const MAX_NAME = 1024;

const encoder = new TextEncoder();

/** Gives the name back, or refuses `invalid` if it is too long. */
export function checkedName(name: string): string {
  const { length } = encoder.encode(name);
  if (length > MAX_NAME) {
    refuse("invalid", `Cannot use a name of ${length} bytes: ${MAX_NAME} is the most`);
  }
  return name;
}

/** Longest key that is kept as it is, in UTF-16 units. */
const MAX_KEY = 256;

/**
 * One key for an entry of a counter or box; no two of them have the same. A long one is a digest (SHA-256), so that a
 * record takes as much room for an entry of 60 KiB as for an address.
 */
export function keyOf(name: string, entry: string): string {
  const key = `${name.length}:${name}${entry}`;
  return key.length > MAX_KEY ? createHash("sha256").update(key).digest("base64") : key;
}
