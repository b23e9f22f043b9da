// @ts-types="./std_closest_string.d.ts"
import { closestString } from "npm:deno-std@1.4.0/text/closest_string.js";
// @ts-types="./std_levenshtein_distance.d.ts"
import { levenshteinDistance } from "npm:deno-std@1.4.0/text/levenshtein_distance.js";

/** The name that was meant by one that is none; undefined if no name is near. */
export function suggest(given: string, names: readonly string[]): string | undefined {
  if (!names.length) return undefined;
  const closest = closestString(given, names);
  const distance = levenshteinDistance(given, closest);
  const most = given.length < 5 ? 1 : Math.max(2, Math.floor(given.length / 3));
  const near = distance < given.length && distance <= most;
  return near || isTransposed(given, closest) ? closest : undefined;
}

/** Two letters that changed places count as two mistakes, which is too far for a short name. */
function isTransposed(given: string, name: string): boolean {
  return Array.from(given).sort().join("") === Array.from(name).sort().join("");
}
