/** Part of std's `cli/parse_args` that is used here. */
export function parseArgs(
  args: readonly string[],
  options: {
    string: readonly string[];
    boolean: readonly string[];
    collect: readonly string[];
    alias: Readonly<Record<string, string>>;
    /** Called with every argument that no option names: flags with their name, others without. */
    unknown: (argument: string, name?: string) => boolean;
  },
): { readonly _: readonly string[]; readonly [name: string]: unknown };
