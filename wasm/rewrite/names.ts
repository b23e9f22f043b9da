import type { Layout } from "./layout.ts";

/** Prefix of all names that rewriting adds; a number follows it if the guest uses such names itself. */
const PREFIX = "fastlike";

/** Names that rewriting adds to a module. None of them is used by the guest. */
export interface Names {
  /** Module of the imported memories: the guest's own, by their index, `watch`, and in components the others. */
  readonly host: string;
  /** Table whose only element is the function of the host that code calls when it finds the watched word 0. */
  readonly ask: string;
  /** Start function of the guest, which the host calls when that table is filled. */
  readonly start: string;
  /** Memory with the state of the instance. */
  readonly control: string;
  /** Function that saves every mutable global. */
  readonly save: string;
  /** Function that restores every mutable global. */
  readonly restore: string;
  /** Prefix of the names of tags, before their index. */
  readonly tag: string;
}

/** Matches a name of the guest with the prefix of added names, and the number in it. */
const LIKE = /^fastlike([1-9]\d{0,8})?\./;

/** Chooses names that the guest uses neither for exports nor for modules that it imports from. */
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
