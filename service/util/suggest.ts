// @ts-types="./std_closest_string.d.ts"
import { closestString } from "npm:deno-std@1.4.0/text/closest_string.js";
// @ts-types="./std_levenshtein_distance.d.ts"
import { levenshteinDistance } from "npm:deno-std@1.4.0/text/levenshtein_distance.js";

/** Returns the name that a misspelt one probably stands for; undefined if none is near. */
export function suggest(given: string, names: readonly string[]): string | undefined {
  if (!names.length) return undefined;
  const closest = closestString(given, names);
  const distance = levenshteinDistance(given, closest);
  const max = given.length < 5 ? 1 : Math.max(2, Math.floor(given.length / 3));
  const near = distance < given.length && distance <= max;
  return near || isTransposed(given, closest) ? closest : undefined;
}

/**
 * Returns the end of a message about an unknown name: the name that it probably stands for, or all that there are.
 *
 * @param others Text in place of all names, if none is near. By default a list of them.
 */
export function didYouMean(
  given: string,
  names: readonly string[],
  others = `there ${names.length === 1 ? "is only" : "are"} ${names.join(", ")}`,
): string {
  const meant = suggest(given, names);
  return meant === undefined ? others : `did you mean ${meant}?`;
}

/** Whether two names have the same letters: a swap counts as two edits, which is too far for a short name. */
function isTransposed(given: string, name: string): boolean {
  return Array.from(given).sort().join("") === Array.from(name).sort().join("");
}
