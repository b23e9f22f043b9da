/** Returns the edit distance of two texts. */
export function levenshteinDistance(one: string, other: string): number;
