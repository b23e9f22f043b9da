import type { ServiceOptions } from "../../service/options.ts";
import type { ConfigTable } from "../manifest/table.ts";

/** Commands with flags. */
export type CommandName = "serve" | "run";

/** Values of one flag on a command line. */
export interface Values {
  /** All values, in order. */
  readonly all: readonly string[];
  /** Last value, which overrides the others. */
  readonly last: string | undefined;
  /**
   * For a flag without a value: whether the last one is on (`--flag`) or off (`--flag=false`); undefined if there is
   * none.
   */
  readonly on: boolean | undefined;
  /** Number of times that a flag without a value was given. */
  readonly count: number;
}

/** Values of a flag, with other data that its meaning depends on. */
export interface Given extends Values {
  /** Name of the flag, for messages. */
  readonly name: string;
  /** Returns the values of another flag. */
  readonly of: (name: string) => Values;
  readonly command: CommandName;
  /** Whether the process was started under the name `viceroy`. */
  readonly asViceroy: boolean;
}

/** Options of a service; those that are undefined are left out. */
type SomeOptions = { readonly [N in keyof ServiceOptions]?: ServiceOptions[N] | undefined };

/**
 * Makes a table of a flag's values, which is read by the rules of fastly.toml and whose errors name the flag.
 */
type TableOf = (values: Readonly<Record<string, unknown>>) => ConfigTable;

/** Spelling and description of a flag. */
interface Spelling {
  /** Form with one letter. */
  readonly short?: string;
  /** Name of its value in the help; absent for a flag without a value. */
  readonly value?: string;
  /** Example of a value, for the message that one is missing. */
  readonly example?: string;
  /** All values, or names before a value's `=`, for completions. */
  readonly choices?: readonly string[];
  /** Whether several values count; otherwise the last one overrides the others. */
  readonly repeats?: boolean;
  /** Commands that accept it; by default all. */
  readonly commands?: readonly CommandName[];
  /** Description for the help, in one or more sentences. */
  readonly help: string;
  /** Reason why it has no effect, with `%` in place of its value: the flag is accepted with this note. */
  readonly idle?: string;
}

/** Definition of a flag of the command line. */
export interface Flag<Fields extends object = object> extends Spelling {
  /** Reads its values into fields of the command; absent for a flag whose values another one reads. */
  read?(given: Given): Fields;
  /** Returns the options of the service that the fields set, which override those of fastly.toml. */
  options?(fields: Fields, table: TableOf): SomeOptions | Promise<SomeOptions>;
}

/** Flags by name, without dashes. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** Returns a flag, with the fields' types inferred from `read`. */
export function flag<Fields extends object>(entry: Flag<Fields>): Flag<Fields> {
  return entry;
}

type ReadBy<F> = F extends Flag<infer Fields> ? Fields : never;
type Intersection<U> = (U extends unknown ? (of: U) => void : never) extends (of: infer I) => void
  ? I
  : never;

/** Fields of a command that the flags of a table set. */
export type FieldsOf<T extends Readonly<Record<string, unknown>>> = Intersection<
  ReadBy<T[keyof T]>
>;
