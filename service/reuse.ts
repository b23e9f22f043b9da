/** Whether an instance serves one request after another, and how its memory is reset between them. */
export type Reuse = "auto" | "dirty-pages" | "snapshot" | "never";

/** Values of the option, in the order of messages. */
export const REUSES: readonly Reuse[] = ["auto", "dirty-pages", "snapshot", "never"];

/** Former names of two values, which options and flags still accept. */
const FORMER: ReadonlyMap<string, Reuse> = new Map([
  ["cards", "dirty-pages"],
  ["image", "snapshot"],
]);

/** Finds a value by its name, or by its former name; undefined if there is none. */
export function reuseOf(name: string): Reuse | undefined {
  return REUSES.find((value) => value === name) ?? FORMER.get(name);
}

/** Values as text, for messages: `auto, dirty-pages, snapshot or never`. */
export const REUSE_VALUES = `${REUSES.slice(0, -1).join(", ")} or ${REUSES.at(-1)}`;
