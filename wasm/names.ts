import type { Layout } from "./layout.ts";

/** Begins every name that a rewritten module has beyond the guest's own, unless the guest has such names. */
const PREFIX = "fastlike";

/** Names that a rewritten module has beyond the guest's own; none of them is one of the guest's. */
export interface Names {
  /** The module from which it imports its memories: the guest's own, by their index, and `watch`. */
  readonly host: string;
  /** The table whose only element is the host's function that its code calls when it finds the watched word 0. */
  readonly ask: string;
  /** The guest's start function, which the host calls once that element is there. */
  readonly start: string;
  /** The memory in which it keeps its state. */
  readonly control: string;
  /** Copies every mutable global aside. */
  readonly save: string;
  /** Puts every mutable global back. */
  readonly restore: string;
}

/** Chooses names that the guest neither exports nor imports a module by. */
export function namesFor({ exports, imports }: Layout): Names {
  const taken = new Set<string>();
  for (const { name } of exports) if (name.startsWith(PREFIX)) taken.add(prefixOf(name));
  for (const { module } of imports) if (module.startsWith(PREFIX)) taken.add(prefixOf(module));
  let prefix = PREFIX;
  for (let count = 2; taken.has(prefix); count++) prefix = PREFIX + count;
  return {
    host: `${prefix}.host`,
    ask: `${prefix}.ask`,
    start: `${prefix}.start`,
    control: `${prefix}.control`,
    save: `${prefix}.save`,
    restore: `${prefix}.restore`,
  };
}

/** The part of a name before its first dot. */
function prefixOf(name: string): string {
  return name.split(".", 1)[0]!;
}
