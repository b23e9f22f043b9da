/** The text of the list that needs the fewest edits to become the word. */
export function closestString(word: string, possible: readonly string[]): string;
