/** Classification of a command line's words. */
interface Words {
  /** Whether the word is a flag of this program. */
  isFlag(word: string): boolean;
  /** Whether the flag has its value in the next word. */
  takesNext(word: string): boolean;
}

/** Command line of `run`, split where the guest's own arguments begin. */
interface RunLine {
  readonly flags: readonly string[];
  /** File of the program, if it is named without a flag. */
  readonly guest: string | undefined;
  /** Arguments of the guest. */
  readonly args: readonly string[];
}

/** Returns the index of the first word that is neither a flag nor a flag's value; the number of words if there is none. */
export function firstPlain(line: readonly string[], words: Words): number {
  let at = 0;
  for (; at < line.length; at++) {
    const word = line[at]!;
    if (word === "--") return at + 1;
    if (!word.startsWith("-") || word === "-") return at;
    at += valueAfter(line, at, words);
  }
  return at;
}

/**
 * Splits the words after \`run\`. Behind the program, flags of this host count up to the first word that is none, or up
 * to \`--\`, which is not passed to the guest. A \`--\` before the program ends them, as runners of tests are configured:
 * \`run -C fastly.toml --\`.
 */
export function splitRun(line: readonly string[], words: Words): RunLine {
  const at = firstPlain(line, words);
  if (at > 0 && line[at - 1] === "--") {
    return { flags: line.slice(0, at - 1), guest: line[at], args: line.slice(at + 1) };
  }
  let end = at + 1;
  while (end < line.length && words.isFlag(line[end]!)) end += 1 + valueAfter(line, end, words);
  return {
    flags: [...line.slice(0, at), ...line.slice(at + 1, end)],
    guest: line[at],
    args: line.slice(line[end] === "--" ? end + 1 : end),
  };
}

/** Returns the number of words that the flag's value takes: 1 or 0. */
function valueAfter(line: readonly string[], at: number, words: Words): 0 | 1 {
  const next = line[at + 1];
  return next !== undefined && !next.startsWith("-") && words.takesNext(line[at]!) ? 1 : 0;
}
