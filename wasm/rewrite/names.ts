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
  /** Begins the names of tags that have a name in the guest, by their index. */
  readonly tag: string;
}

/** A name of the guest that begins as added ones do, with the number in it. */
const LIKE = /^fastlike([1-9]\d{0,8})?\./;

/** Chooses names that the guest neither exports nor imports a module by. */
export function namesFor({ exports, imports }: Pick<Layout, "exports" | "imports">): Names {
  const taken = new Set<number>();
  const take = (name: string) => {
    const like = LIKE.exec(name);
    if (like) taken.add(Number(like[1] ?? 1));
  };
  for (const { name } of exports) take(name);
  for (const { module } of imports) take(module);
  let number = 1;
  while (taken.has(number)) number++;
  const prefix = number === 1 ? PREFIX : PREFIX + number;
  return {
    host: `${prefix}.host`,
    ask: `${prefix}.ask`,
    start: `${prefix}.start`,
    control: `${prefix}.control`,
    save: `${prefix}.save`,
    restore: `${prefix}.restore`,
    tag: `${prefix}.tag.`,
  };
}
