/** Maximum length of a name in a message, in characters. */
const MAX_SHOWN = 200;

/**
 * Returns a name of a program in a form that a message can quote: one line, without control characters, cut after 200
 * characters. A module's names may be any text of up to 100 KB.
 */
export function shownName(name: string): string {
  const cut = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
  return cut.replaceAll(/[\p{Cc}\u2028\u2029]/gu, "\ufffd");
}
