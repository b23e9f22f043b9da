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

/** Longest part of a key that is stored as it is, in UTF-16 units. */
const MAX_PART = 120;

/**
 * Key of an entry of a counter or box, different for each pair of them. A name or an entry of more than 120 UTF-16 units is
 * replaced by its SHA-256 digest, so that the record of an entry of 60 KiB is no larger than that of an address.
 */
export function keyOf(name: string, entry: string): string {
  const [shortName, shortEntry] = [shortened(name), shortened(entry)];
  // A name or an entry that reads as the digest of another one is told from it by the mark.
  const marks = (shortName === name ? "" : "n") + (shortEntry === entry ? "" : "e");
  return `${shortName.length}${marks}:${shortName}${shortEntry}`;
}

/** The part of a key that stands for the entry: the same for each counter and box that has the entry. */
export function entryOf(key: string): string {
  const [head = "", length, marks] = /^(\d+)(n?e?):/.exec(key) ?? [];
  return (marks?.endsWith("e") ? "e:" : ":") + key.slice(head.length + Number(length ?? 0));
}

function shortened(part: string): string {
  return part.length > MAX_PART ? createHash("sha256").update(part).digest("base64") : part;
}
