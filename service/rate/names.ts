import { sha256 } from "../util/digest.ts";
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
 * Returns the key of an entry in a counter or box, unique for each pair. A name or an entry of more than 120 UTF-16 units is
 * replaced by its SHA-256 digest, so that a long entry needs no more memory than an address.
 */
export function keyOf(name: string, entry: string): string {
  const [shortName, shortEntry] = [shortened(name), shortened(entry)];
  // The marks distinguish a digest from a name or an entry with the same text.
  const marks = (shortName === name ? "" : "n") + (shortEntry === entry ? "" : "e");
  return `${shortName.length}${marks}:${shortName}${shortEntry}`;
}

/** Returns the part of a key for the entry, which is the same in each counter and box. */
export function entryOf(key: string): string {
  const [head = "", length, marks] = /^(\d+)(n?e?):/.exec(key) ?? [];
  return (marks?.endsWith("e") ? "e:" : ":") + key.slice(head.length + Number(length ?? 0));
}

function shortened(part: string): string {
  if (part.length <= MAX_PART) return part;
  return sha256().update(part).digest("base64");
}
