/** Maximum length of a value in a message, in characters. */
const MAX = 60;

/** Returns a value for a message in one line, as a programmer writes it; a long one is cut, an object has its class. */
export function shownValue(value: unknown): string {
  const text = typeof value === "object" && value !== null
    ? shownObject(value)
    : typeof value === "string"
    ? JSON.stringify(value)
    : typeof value === "function"
    ? "a function"
    : String(value);
  return text.length > MAX ? `${text.slice(0, MAX)}…` : text;
}

function shownObject(value: object): string {
  if (value instanceof Date) return String(value);
  const name = value.constructor?.name;
  if (Array.isArray(value)) return "a list";
  return name === undefined || name === "Object" ? "an object" : `an object of class ${name}`;
}
