import { isBlank, trimmed } from "./blanks.ts";
import { badMessage } from "./rejection.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Bytes that a field value may not have (RFC 9110, section 5.5): controls but HTAB. */
// deno-lint-ignore no-control-regex -- the expression finds control characters
const CONTROLS = /[\0-\x08\x0a-\x1f\x7f]/;
/** Bytes of a field value (RFC 9110, section 5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Returns a field line's name and value (RFC 9112, section 5): blanks around the value are dropped.
 *
 * @throws {Rejection} If the line is folded, has a blank before the colon, a name that is no token, or control
 * characters in its value.
 */
export function readField(text: string, from: number, to: number): [name: string, value: string] {
  const name = readName(text, from, to);
  return [name, readValue(text, from + name.length + 1, to)];
}

/** Returns the name of a field line; throws as {@linkcode readField}. */
export function readName(text: string, from: number, to: number): string {
  const colon = text.indexOf(":", from);
  if (colon < 0 || colon >= to) badMessage("A field line has no colon");
  const name = text.slice(from, colon);
  if (!TOKEN.test(name)) {
    badMessage(
      isBlank(text.charCodeAt(from))
        ? "A field line begins with a blank: folded lines are not taken"
        : "A field name is not valid",
    );
  }
  return name;
}

/** Returns the value of a field line, which begins behind the colon; throws as {@linkcode readField}. */
export function readValue(text: string, from: number, to: number): string {
  const value = trimmed(text, from, to);
  if (CONTROLS.test(value)) badMessage("A field value has a control character");
  return value;
}

/**
 * Returns fields as lines.
 *
 * @param raw `[name, value, …]`
 * @throws {TypeError} If the name or the value of a field is not valid.
 */
export function fieldLines(raw: readonly string[]): string {
  let text = "";
  for (let i = 0; i < raw.length; i += 2) text += fieldLine(raw[i]!, raw[i + 1]!);
  return text;
}

/**
 * Returns a field as a line.
 *
 * @throws {TypeError} If the name or the value is not valid.
 */
export function fieldLine(name: string, value: string): string {
  checkField(name, value);
  return `${name}: ${value}\r\n`;
}

/**
 * Checks that a field can be written (RFC 9110, sections 5.1 and 5.5).
 *
 * @throws {TypeError} If the name or the value is not valid.
 */
export function checkField(name: string, value: string): void {
  if (!TOKEN.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a header name`);
  if (!VALUE.test(value)) throw new TypeError(`The value of the header ${name} is not valid`);
}
