import { Id, Reader, type Section } from "./rewrite/binary.ts";
import type { Layout } from "./rewrite/layout.ts";

const CUSTOM = 0;
/** Subsection of the section `name` with the names of tags, in the tool conventions' extended name section. */
const TAGS = 11;
/** Maximum number of tags whose names are read. */
const MAX_TAGS = 1000;
/** Longest name that is read, in bytes. */
const MAX_NAME = 1024;

/**
 * Reads the names of a module's tags from its custom sections, by the tags' index. A section that is malformed is read as
 * far as it goes, since V8 accepts any bytes in it.
 */
export function tagNamesOf(
  { bytes, sections, imported, count }: Layout,
): ReadonlyMap<number, string> {
  const total = imported.tag + count(Id.tag);
  const names = new Map<number, string>();
  if (total === 0) return names;
  for (const section of sections) {
    if (section.id !== CUSTOM) continue;
    try {
      readNames(bytes, section, total, names);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return names;
}

/** @throws {RangeError} If the section ends too early. */
function readNames(
  bytes: Uint8Array,
  { body, end }: Section,
  total: number,
  names: Map<number, string>,
): void {
  const reader = new Reader(bytes.subarray(0, end), body);
  if (readName(reader) !== "name") return;
  while (reader.at < end) {
    const id = reader.byte();
    const next = reader.unsigned() + reader.at;
    if (id === TAGS) {
      for (let left = reader.unsigned(); left > 0 && names.size < MAX_TAGS; left--) {
        const index = reader.unsigned();
        const name = readName(reader);
        if (index < total) names.set(index, name);
      }
    }
    reader.at = next;
  }
}

function readName(reader: Reader): string {
  const length = reader.unsigned();
  const from = reader.at;
  reader.at += length;
  if (reader.at > reader.bytes.length) throw new RangeError("Cannot read past the section's end");
  const bytes = reader.bytes.subarray(from, from + Math.min(length, MAX_NAME));
  return new TextDecoder().decode(bytes);
}
