import type { ParseError } from "npm:jsonc-parser@3.3.1";
import { ManifestError } from "./document.ts";

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

/** Error of a text that is not JSON. Its message is that of `JSON.parse` in one line, which often has no position. */
export class JsonError extends Error {
  readonly #text: string;

  constructor(text: string, reason: Error) {
    super(reason.message.replace(/\s+/g, " "));
    this.#text = text;
  }

  /** Finds the fault with a second parser, which is loaded for that alone: it takes longer than all other flags' modules. */
  async locate(): Promise<string> {
    const { parse, printParseErrorCode } = await import("npm:jsonc-parser@3.3.1");
    const errors: ParseError[] = [];
    parse(this.#text, errors, { disallowComments: true, allowTrailingComma: false });
    const [first] = errors;
    return first ? describe(first, printParseErrorCode(first.error), this.#text) : this.message;
  }
}

/**
 * Parses JSON as `JSON.parse` does.
 *
 * @throws {JsonError} If it is not JSON.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonError(text, error as Error);
  }
}

/** Returns an error whose message has fault, line and column, if its cause is a text that is not JSON; any other as it is. */
export async function located<E>(error: E): Promise<E | ManifestError> {
  if (!(error instanceof ManifestError && error.cause instanceof JsonError)) return error;
  const { cause, message } = error;
  const fault = await cause.locate();
  return new ManifestError(message.replace(cause.message, () => fault), { cause });
}

function describe({ offset, length }: ParseError, code: string, text: string): string {
  const found = text.slice(offset, offset + Math.min(length, MAX_SHOWN));
  const fault = FAULTS[code] ?? `unexpected ${JSON.stringify(found)}`;
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `${fault} in line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}
