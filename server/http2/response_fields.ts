import { trimmed } from "../blanks.ts";
import type { HeaderList } from "../../service/http/headers.ts";

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Bytes of a field value (RFC 9110, section 5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Fields of a connection in HTTP/1.1, which HTTP/2 does not have (RFC 9113, section 8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "te",
]);
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
    if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a header name`);
    if (!VALUE.test(value)) throw new TypeError(`The value of the header ${name} is not valid`);
    if (!CONNECTION_FIELDS.has(name) && !dropped.has(name)) {
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
