import { createHash } from "node:crypto";
import { refuse } from "../errors.ts";

/** Longest name of a rate counter or penalty box, in bytes of UTF-8. */
const MAX_NAME = 1024;

const encoder = new TextEncoder();

/**
 * Returns a name of a counter or box.
 *
 * @throws {HostError} `invalid` if it is longer than 1024 bytes.
 */
export function checkedName(name: string): string {
  const { length } = encoder.encode(name);
  if (length > MAX_NAME) {
    refuse("invalid", `Cannot use a name of ${length} bytes: ${MAX_NAME} is the most`);
  }
  return name;
}

/** Longest key that is stored as it is, in UTF-16 units. */
const MAX_KEY = 256;

/**
 * Returns the key of an entry in a counter or box, unique for each pair. A key of more than 256 UTF-16 units is replaced
 * by its SHA-256 digest, so that a long entry needs no more memory than an address.
 */
export function keyOf(name: string, entry: string): string {
  const key = `${name.length}:${name}${entry}`;
  return key.length > MAX_KEY ? createHash("sha256").update(key).digest("base64") : key;
}
