import type { ServiceOptions } from "../../service/options.ts";
import type { ConfigTable } from "../manifest/table.ts";

/** The commands that take flags. */
export type CommandName = "serve" | "run";

/** What a command line has for one flag. */
export interface Values {
  /** All values, in order. */
  readonly all: readonly string[];
  /** The last value, which wins over the others. */
  readonly last: string | undefined;
  /** Of a flag without a value: what its last one says, `--flag` or `--flag=false`; undefined if it was not given. */
  readonly on: boolean | undefined;
  /** How often a flag without a value was given. */
  readonly count: number;
}

/** What a command line has for a flag, with what else its meaning depends on. */
export interface Given extends Values {
  /** The flag's own name, for messages. */
  readonly name: string;
  /** The values of another flag. */
  readonly of: (name: string) => Values;
  readonly command: CommandName;
  /** Whether the process was started under the name `viceroy`. */
  readonly asViceroy: boolean;
}

/** Options of a service, each of which may be undefined: such a one is left out. */
type SomeOptions = { readonly [N in keyof ServiceOptions]?: ServiceOptions[N] | undefined };

/**
 * Makes a table of a flag's values, which is read by the same rules as a table of fastly.toml and whose errors name
 * the flag.
 */
type TableOf = (values: Readonly<Record<string, unknown>>) => ConfigTable;

/** How a flag is spelled and told of. */
interface Spelling {
  /** The form with one letter. */
  readonly short?: string;
  /** What its value is called in the help; absent for a flag without a value. */
  readonly value?: string;
  /** A value for the message that one is missing. */
  readonly example?: string;
  /** All values, or names in front of a value's `=`, for completions. */
  readonly choices?: readonly string[];
  /** Whether each of several counts; otherwise the last one wins. */
  readonly repeats?: boolean;
  /** The commands that take it; all if absent. */
  readonly commands?: readonly CommandName[];
  /** What it does, in one sentence or several. */
  readonly help: string;
  /** Why it does nothing here, with its value where `%` is: such a flag is taken with a note. */
  readonly idle?: string;
}

/** A flag of the command line: everything that the executable knows of it. */
export interface Flag<Fields extends object = object> extends Spelling {
  /** Reads its values into fields of the command; absent for a flag that another one reads. */
  read?(given: Given): Fields;
  /** The options of the service that the fields set, on top of those of fastly.toml. */
  options?(fields: Fields, table: TableOf): SomeOptions | Promise<SomeOptions>;
}

/** Flags by name, without dashes. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** A flag, whose fields have the types that `read` gives them. */
export function flag<Fields extends object>(entry: Flag<Fields>): Flag<Fields> {
  return entry;
}

type ReadBy<F> = F extends Flag<infer Fields> ? Fields : never;
type Intersection<U> = (U extends unknown ? (of: U) => void : never) extends (of: infer I) => void
  ? I
  : never;

/** The fields of a command that a table of flags gives. */
export type FieldsOf<T extends Readonly<Record<string, unknown>>> = Intersection<
  ReadBy<T[keyof T]>
>;
