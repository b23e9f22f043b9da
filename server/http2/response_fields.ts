import { trimmed } from "../../service/http/http1/blanks.ts";
import { CONNECTION_FIELDS } from "../../service/http/connection_fields.ts";
import type { HeaderList } from "../../service/http/headers.ts";
import { checkField } from "../../service/http/http1/field_lines.ts";

/** Fields that a response in HTTP/2 leaves out; TE is one of requests. */
const LEFT_OUT: ReadonlySet<string> = new Set([...CONNECTION_FIELDS, "te"]);
const NONE: ReadonlySet<string> = new Set();

/**
 * Returns fields as HTTP/2 writes them: names in lower case, values without blanks around them (RFC 9113, section 8.2.1), in
 * order, repeats apart, without those of a connection.
 *
 * @param dropped Names, in lower case, of other fields to leave out.
 * @throws {TypeError} If a name or a value cannot be written.
 */
export function http2Fields(
  { raw }: HeaderList,
  dropped: ReadonlySet<string> = NONE,
): string[] {
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const value = raw[i + 1]!;
    checkField(name, value);
    if (!LEFT_OUT.has(name) && !dropped.has(name)) {
      fields.push(name, trimmed(value, 0, value.length));
    }
  }
  return fields;
}

/** Returns fields as an object, as `node:http2` takes those that are not of a final head: repeats in a list. */
export function toObject(fields: readonly string[]): Record<string, string | string[]> {
  const found: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i]!, fields[i + 1]!];
    const before = found[name];
    found[name] = before === undefined
      ? value
      : typeof before === "string"
      ? [before, value]
      : [...before, value];
  }
  return found;
}
