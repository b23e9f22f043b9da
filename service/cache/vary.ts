import { checkName, type HeaderList } from "../http/headers.ts";

/** The names of the request fields that an object depends on: in lower case, sorted, each once. */
export type VaryRule = readonly string[];

/** Depends on nothing. */
export const ANY_REQUEST: VaryRule = [];

/** Reads names with spaces or commas between them, as SDKs and as `Vary` have them; refuses what is no name. */
export function parseVaryRule(text: string): VaryRule {
  const names = text.split(/[ ,]+/).filter((name) => name !== "");
  return [...new Set(names.map((name) => checkName(name).toLowerCase()))].sort();
}

export function sameRule(one: VaryRule, other: VaryRule): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i]);
}

/**
 * What a request has in the fields of a rule: two requests are served the same variant if this is the same. Values are
 * compared as they stand, one by one and in order: `a, b` is not `a` and then `b`, and an absent field is a value too.
 */
export function variantOf(rule: VaryRule, headers: HeaderList): string {
  return rule.length ? JSON.stringify(rule.map((name) => headers.getAll(name))) : "";
}
