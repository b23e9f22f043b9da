// @ts-types="./std_parse_args.d.ts"
import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { suggest } from "../../service/util/suggest.ts";
import { refuseAdapt } from "../commands/viceroy.ts";
import { UsageError } from "../errors.ts";
import { COMMANDS, isNearCommand, unknownCommand } from "./commands.ts";
import type { CommandName, FlagTable, Values } from "./flag.ts";
import { firstPlain, splitRun } from "./run_line.ts";
import { FLAGS, type ListenerFields, SERVICE_FLAGS, type ServiceFields } from "./table.ts";

/** Values of the flags that all commands which run a program have. */
export interface ServiceFlags extends ServiceFields {
  /** Lines for the user about flags without effect. */
  readonly notes: readonly string[];
}

/** `fastlike serve`: runs a program as an HTTP server. */
export interface ServeCommand extends ServiceFlags, ListenerFields {
  readonly kind: "serve";
  /** File of the program; undefined for the program that the project in the working directory builds. */
  readonly wasm: string | undefined;
}

/** `fastlike run`: runs a program once, for its exit status. */
export interface RunCommand extends ServiceFlags {
  readonly kind: "run";
  /** File of the program. */
  readonly wasm: string;
  /** Arguments of the guest, after its name. */
  readonly args: readonly string[];
}

/** `fastlike trust`: makes this machine trust the local certificate authority. */
export interface TrustCommand {
  readonly kind: "trust";
  /** Whether to take that back. */
  readonly uninstall: boolean;
  /** Whether to change the store of the system, too. */
  readonly system: boolean;
}

/** Shells with completions. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = typeof SHELLS[number];

/** A parsed command line. */
export type Command =
  | ServeCommand
  | RunCommand
  | TrustCommand
  | { readonly kind: "help"; readonly command?: CommandName }
  | { readonly kind: "completions"; readonly shell: Shell }
  | { readonly kind: "version" };

/** Circumstances of the start, on which defaults depend. */
interface Start {
  readonly command: CommandName;
  /** Whether the process was started as Viceroy, whose defaults then apply. */
  readonly asViceroy: boolean;
}

const ENTRIES = Object.entries(FLAGS);
const WITH_VALUE = ENTRIES.filter(([, { value }]) => value !== undefined).map(([name]) => name);
const WITHOUT_VALUE = ENTRIES.filter(([, { value }]) => value === undefined).map(([name]) => name);
const ALIASES: Readonly<Record<string, string>> = Object.fromEntries(
  ENTRIES.flatMap(([name, { short }]) => short === undefined ? [] : [[short, name]]),
);

/** Values of a command line by the name of their flag; words that are no flags are under `_`. */
type Parsed = Readonly<Record<string, unknown>> & { readonly _: readonly string[] };

/**
 * Parses a command line.
 *
 * @param argv Words after the name of the executable.
 * @param asViceroy Whether the process was started as Viceroy, whose defaults then apply. By default `false`.
 * @throws {UsageError} If it is not valid.
 */
export function parse(argv: readonly string[], asViceroy = false): Command {
  const at = firstPlain(argv, WORDS);
  const word = argv[at - 1] === "--" ? undefined : argv[at]; // after "--" it is a file
  const others = () => [...argv.slice(0, at), ...argv.slice(at + 1)];
  switch (word) {
    case "run":
      return parseRun(others(), asViceroy);
    case "serve":
      return parseServe(others(), asViceroy) ?? { kind: "help", command: "serve" };
    case "help":
      return parseHelp(others());
    case "completions":
      return parseCompletions(argv.slice(at + 1));
    case "trust":
      return parseTrust(others());
    case "version":
      return parseVersion(others());
    case "adapt":
      return refuseAdapt();
    default:
      return parseServe(argv, asViceroy) ?? { kind: "help" };
  }
}

function parseHelp(words: readonly string[]): Command {
  const [word, ...more] = parseFlags(words)._;
  if (more.length) throw new UsageError(`Cannot use ${more[0]} with help: it takes one command`);
  if (word !== undefined && !Object.hasOwn(COMMANDS, word)) unknownCommand(word);
  return word === "serve" || word === "run" ? { kind: "help", command: word } : { kind: "help" };
}

function parseVersion(words: readonly string[]): Command {
  const [word] = parseFlags(words)._;
  if (word === undefined) return { kind: "version" };
  throw new UsageError(`Cannot use ${word} with version: it takes no words`);
}

function parseCompletions(words: readonly string[]): Command {
  const parsed = parseFlags(words);
  if (isSet(parsed, "help")) return { kind: "help" };
  const shell = SHELLS.find((known) => known === parsed._[0]);
  if (shell && parsed._.length === 1) return { kind: "completions", shell };
  throw new UsageError(
    `Cannot make completions: name one shell, as in completions bash (there are ${
      SHELLS.join(", ")
    })`,
  );
}

const TRUST_FLAGS = ["uninstall", "system"];

function parseTrust(words: readonly string[]): Command {
  if (words.some((word) => /^--?h(elp)?$/.test(word))) return { kind: "help" };
  const names = words.map((word) => word.replace(/^--?/, ""));
  const wrong = words.find((_, at) => !TRUST_FLAGS.includes(names[at]!));
  if (wrong !== undefined) {
    throw new UsageError(`Cannot use ${wrong} with trust: it takes --uninstall and --system`);
  }
  return {
    kind: "trust",
    uninstall: names.includes("uninstall"),
    system: names.includes("system"),
  };
}

/** Parses the command line of `serve`; undefined if it asks for help. */
function parseServe(argv: readonly string[], asViceroy: boolean): Command | undefined {
  const parsed = parseFlags(argv);
  if (isSet(parsed, "help")) return undefined;
  if (isSet(parsed, "version")) return { kind: "version" };
  const fields = fieldsOf(FLAGS, parsed, { command: "serve", asViceroy }) as
    & ServiceFields
    & ListenerFields;
  const wasm = guestOf(valuesOf(parsed, "wasm").all, parsed._);
  if (wasm !== undefined && fields.build === undefined && fields.watchDirs.length) {
    throw new UsageError(
      "Cannot use --watch-dir without a build: add --build, or name no program in a project's folder",
    );
  }
  return { kind: "serve", ...fields, notes: notesOn(parsed), wasm };
}

function parseRun(line: readonly string[], asViceroy: boolean): Command {
  const { flags: own, guest, args } = splitRun(line, WORDS);
  const parsed = parseFlags(own);
  if (isSet(parsed, "help")) return { kind: "help", command: "run" };
  if (isSet(parsed, "version")) return { kind: "version" };
  for (const [name, { commands }] of ENTRIES) {
    if (commands?.includes("run") === false && isGiven(parsed, name)) {
      throw new UsageError(`Cannot use --${name} with run: it serves nothing`);
    }
  }
  const named = valuesOf(parsed, "wasm").all;
  const plain = guest === undefined ? [] : [guest];
  return {
    kind: "run",
    ...fieldsOf(SERVICE_FLAGS, parsed, { command: "run", asViceroy }) as ServiceFields,
    notes: notesOn(parsed),
    wasm: theGuest(named, named.length ? [] : plain),
    args: named.length ? [...plain, ...args] : args,
  };
}

function parseFlags(argv: readonly string[]): Parsed {
  const parsed = parseArgs(normalize(argv), {
    string: [...WITH_VALUE, "_"],
    boolean: WITHOUT_VALUE,
    collect: [...WITH_VALUE, ...WITHOUT_VALUE],
    alias: ALIASES,
    unknown: (argument, name) => name === undefined || unknownFlag(argument),
  });
  for (const name of WITH_VALUE) requireValues(parsed, name);
  return parsed;
}

function requireValues(parsed: Parsed, name: string): void {
  if (!valuesOf(parsed, name).all.includes("")) return;
  const example = FLAGS[name]!.example;
  throw new UsageError(
    `Cannot use --${name} without a value${example ? `, as in --${name} ${example}` : ""}`,
  );
}

/** Reads every flag of a table into fields of the command. */
function fieldsOf(table: FlagTable, parsed: Parsed, start: Start): object {
  const of = (name: string) => valuesOf(parsed, name);
  const fields = Object.entries(table).map(([name, entry]) =>
    entry.read?.({ ...start, ...of(name), name, of })
  );
  return Object.assign({}, ...fields);
}

/** Returns lines about flags that are accepted and have no effect. */
function notesOn(parsed: Parsed): string[] {
  return ENTRIES.flatMap(([name, { idle, short }]) => {
    if (idle === undefined || !isGiven(parsed, name)) return [];
    const reason = idle.replace("%", () => valuesOf(parsed, name).last!);
    return [`${short ? `-${short}` : `--${name}`} does nothing here: ${reason}`];
  });
}

function valuesOf(parsed: Parsed, name: string): Values {
  const given = (parsed[name] ?? []) as readonly (string | boolean)[];
  const all = given.filter((value) => typeof value === "string");
  const flags = given.filter((value) => typeof value === "boolean");
  return { all, last: all.at(-1), on: flags.at(-1), count: flags.filter(Boolean).length };
}

function isSet(parsed: Parsed, name: string): boolean {
  return valuesOf(parsed, name).on === true;
}

function isGiven(parsed: Parsed, name: string): boolean {
  return isSet(parsed, name) || valuesOf(parsed, name).last !== undefined;
}

/** Classifies words of a command line, for {@linkcode splitRun}. */
const WORDS = {
  isFlag(word: string): boolean {
    const name = nameOf(word);
    return name !== undefined && Object.hasOwn(FLAGS, name);
  },
  takesNext(word: string): boolean {
    return !word.includes("=") && WITH_VALUE.includes(nameOf(word) ?? "");
  },
};

/** Returns the full name of a flag; undefined for a word that is not a flag of this program. */
function nameOf(word: string): string | undefined {
  const [, name] = /^--?([\w-]+)(?:=|$)/.exec([normalizeOne(word)].flat()[0]!) ?? [];
  return name && (Object.hasOwn(ALIASES, name) ? ALIASES[name] : name);
}

/** Rewrites forms that std's parser does not support: Go's single-dash long flags, `-vv` and `-Cfile`. */
function normalize(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  const flags = end < 0 ? argv : argv.slice(0, end);
  return [...flags.flatMap(normalizeOne).map(switched), ...(end < 0 ? [] : argv.slice(end))];
}

function normalizeOne(argument: string): string | string[] {
  if (!/^-[^-]./.test(argument)) return argument;
  if (/^-v+$/.test(argument)) return Array.from(argument.slice(1), () => "-v");
  if (/^-C[^=]/.test(argument)) return ["-C", argument.slice(2)];
  return /^-[a-z]=/i.test(argument) ? argument : `-${argument}`;
}

/** Rewrites a switch with a value: `--watch=true` to `--watch`. */
function switched(argument: string): string {
  const [, name, value] = /^--?([\w-]+)=(.*)$/s.exec(argument) ?? [];
  const full = name && Object.hasOwn(ALIASES, name) ? ALIASES[name]! : name;
  if (!full || !WITHOUT_VALUE.includes(full)) return argument;
  if (value === "true" || value === "false") return `--${full}${value === "true" ? "" : "=false"}`;
  throw new UsageError(`Cannot use ${argument}: it takes no value but true or false`);
}

function unknownFlag(argument: string): never {
  const given = argument.replace(/^-+/, "").replace(/=.*$/s, "");
  const shown = given.length === 1 ? `-${given}` : `--${given}`;
  const meant = suggest(given, Object.keys(FLAGS));
  throw new UsageError(
    `Unknown flag ${shown}: ${meant === undefined ? "see --help" : `did you mean --${meant}?`}`,
  );
}

function theGuest(flagged: readonly string[], positional: readonly string[]): string {
  return guestOf(flagged, positional) ?? missingGuest();
}

function guestOf(flagged: readonly string[], positional: readonly string[]): string | undefined {
  const [guest, ...more] = [...flagged, ...positional];
  if (guest === "") {
    throw new UsageError(
      "Cannot run a program whose name is empty: name a .wasm file, or see --help",
    );
  }
  if (more.length) {
    if (isNearCommand(positional[0] ?? "")) unknownCommand(positional[0]!);
    throw new UsageError(`Cannot run more than one program: ${[guest, ...more].join(" and ")}`);
  }
  return guest;
}

/**
 * Fails since the command line names no program.
 *
 * @throws {UsageError} Always.
 */
export function missingGuest(): never {
  throw new UsageError("Cannot start without a program: name a .wasm file, or see --help");
}
