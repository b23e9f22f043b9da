import { trimmed } from "./blanks.ts";

/** Returns the items of a list field in lower case (RFC 9110, section 5.6.1), without the blanks around them. */
export function itemsOf(value: string): string[] {
  return value.toLowerCase().split(",").map((item) => trimmed(item, 0, item.length));
}

/** Joins the values of a repeated list field (RFC 9110, section 5.3). */
export function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}
