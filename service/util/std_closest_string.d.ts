/** Returns the text of `possible` with the smallest edit distance to `word`. */
export function closestString(word: string, possible: readonly string[]): string;
