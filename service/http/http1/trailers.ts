import type { HeaderList } from "../headers.ts";
import { fieldLine } from "./field_lines.ts";

/** Fields of framing and routing, which are dropped from trailers (RFC 9110, section 6.5.1). */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  "transfer-encoding",
  "content-length",
  "host",
  "trailer",
]);

/** Whether trailers may have a field of this name. */
export function mayTrail(name: string): boolean {
  return !NOT_IN_TRAILERS.has(name.toLowerCase());
}

/**
 * Returns trailer fields as lines.
 *
 * @throws {TypeError} If the name or the value of a field is not valid.
 */
export function trailerLines(trailers: HeaderList | undefined): string {
  let text = "";
  for (const [name, value] of trailers ?? []) if (mayTrail(name)) text += fieldLine(name, value);
  return text;
}
