import { refuse } from "../errors.ts";

/** Bytes in the name of a rate counter or a penalty box. */
const MOST_NAME = 1024;

const encoder = new TextEncoder();

/** Gives the name back, or refuses `invalid` if it is too long. */
export function checkedName(name: string): string {
  const { length } = encoder.encode(name);
  if (length > MOST_NAME) {
    refuse("invalid", `Cannot use a name of ${length} bytes: ${MOST_NAME} is the most`);
  }
  return name;
}

/** One key for an entry of a counter or box; no two of them have the same. */
export function keyOf(name: string, entry: string): string {
  return `${name.length}:${name}${entry}`;
}
