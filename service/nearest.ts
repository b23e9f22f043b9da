// @ts-types="./std_closest_string.d.ts"
import { closestString } from "npm:deno-std@1.4.0/text/closest_string.js";
// @ts-types="./std_levenshtein_distance.d.ts"
import { levenshteinDistance } from "npm:deno-std@1.4.0/text/levenshtein_distance.js";

/** The name that was meant by one that is none; undefined if no name is near. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const closest = closestString(given, names);
  const distance = levenshteinDistance(given, closest);
  const near = distance < given.length && distance <= Math.max(2, Math.floor(given.length / 3));
  return near ? closest : undefined;
}
