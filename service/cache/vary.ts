import { checkName, type HeaderList } from "../http/headers.ts";

/** Names of the request fields that an object varies by: in lower case, sorted, without repeats. */
export type VaryRule = readonly string[];

/** Rule of an object that varies by no field. */
export const ANY_REQUEST: VaryRule = [];

/**
 * Parses names with spaces between them, as SDKs send them, or commas, as in Vary.
 *
 * @throws {HostError} For a text that is not a field name.
 */
export function parseVaryRule(text: string): VaryRule {
  const names = text.split(/[ ,]+/).filter((name) => name !== "");
  return [...new Set(names.map((name) => checkName(name).toLowerCase()))].sort();
}

export function sameRule(one: VaryRule, other: VaryRule): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i]);
}

/**
 * Returns the key of a request's variant: its values in the fields of the rule. Values are compared exactly, one by one
 * and in order: `a, b` differs from `a` and `b` in two fields, and an absent field is a value too.
 */
export function variantOf(rule: VaryRule, headers: HeaderList): string {
  return rule.length ? JSON.stringify(rule.map((name) => headers.getAll(name))) : "";
}
