import { didYouMean, suggest } from "../../service/util/suggest.ts";
import { UsageError } from "../errors.ts";

/** Commands, with their descriptions. */
export const COMMANDS: Readonly<Record<string, string>> = {
  serve: "Serve a program over HTTP",
  run: "Run a program once",
  help: "Print the help",
  version: "Print the version",
  trust: "Trust the certificates of --https on this machine",
  completions: "Print a script for a shell",
};

const NAMES = Object.keys(COMMANDS);

/** Whether a word is near to the name of a command; the path of a file with an extension or a folder is not. */
export function isNearCommand(word: string): boolean {
  return /^[a-z]+$/i.test(word) && suggest(word, NAMES) !== undefined;
}

/**
 * Fails for a word that is no command.
 *
 * @throws {UsageError} Always.
 */
export function unknownCommand(word: string): never {
  throw new UsageError(`Unknown command ${word}: ${didYouMean(word, NAMES)}`);
}

/** Returns the end of a message about a program that is not there; it is empty unless a command may be meant. */
export function commandAdvice(word: string): string {
  if (!/^[a-z]+$/i.test(word)) return "";
  const meant = suggest(word, NAMES);
  return ` (${meant === undefined ? "see --help" : `did you mean the command ${meant}?`})`;
}
