/** Longest name that a message quotes, in characters. */
const MAX_SHOWN = 200;

/**
 * Returns a name of a program as a message can quote it: on one line, without control characters, and cut after 200
 * characters. Names in a module may be 100 KB of anything.
 */
export function shownName(name: string): string {
  const cut = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
  return cut.replaceAll(/[\p{Cc}\u2028\u2029]/gu, "\ufffd");
}
