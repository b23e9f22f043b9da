/** How many edits make one text of the other. */
export function levenshteinDistance(one: string, other: string): number;
