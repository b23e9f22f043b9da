import { parse, type ParseError, printParseErrorCode } from "npm:jsonc-parser@3.3.1";

/** Maximum length of the text in a message, in characters. */
const MAX_SHOWN = 20;

const FAULTS: Readonly<Record<string, string>> = {
  InvalidNumberFormat: "a number is wrong",
  PropertyNameExpected: "a name in double quotes is missing",
  ValueExpected: "a value is missing",
  ColonExpected: '":" is missing',
  CommaExpected: '"," is missing',
  CloseBraceExpected: '"}" is missing',
  CloseBracketExpected: '"]" is missing',
  EndOfFileExpected: "something follows the end",
  InvalidCommentToken: "a comment is not allowed",
  UnexpectedEndOfComment: "a comment is not allowed",
  UnexpectedEndOfString: "a text has no end in its line",
  UnexpectedEndOfNumber: "a number has no end",
  InvalidUnicode: "a text has a wrong escape",
  InvalidEscapeCharacter: "a text has a wrong escape",
  InvalidCharacter: "a text has a control character",
};

/**
 * Parses JSON as `JSON.parse` does. Its errors quote line ends of the text, and often have no position, so that a second
 * parser finds the fault.
 *
 * @throws {Error} If it is not JSON; the message has the fault, line and column.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const errors: ParseError[] = [];
    parse(text, errors, { disallowComments: true, allowTrailingComma: false });
    const [first] = errors;
    if (first) throw new Error(describe(first, text));
    throw new Error((error as Error).message.replace(/\s+/g, " "));
  }
}

function describe({ error, offset, length }: ParseError, text: string): string {
  const found = text.slice(offset, offset + Math.min(length, MAX_SHOWN));
  const fault = FAULTS[printParseErrorCode(error)] ?? `unexpected ${JSON.stringify(found)}`;
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `${fault} in line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}
