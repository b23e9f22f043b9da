import { refuse } from "../errors.ts";

/** The longest key, in bytes. */
const MAX_KEY = 1024;
/** The longest list of keys, in bytes. */
const MAX_LIST = 16 * 1024;
const GRAPHIC = /^[!-~]+$/;

/** Reads keys with spaces between them; refuses what can be none. */
export function parseSurrogateKeys(list: string): ReadonlySet<string> {
  if (list.length > MAX_LIST) {
    refuse(
      "invalid",
      `Cannot use ${list.length} bytes of surrogate keys: ${MAX_LIST} is the most`,
    );
  }
  return new Set(list.split(" ").filter((key) => key !== "").map(checkSurrogateKey));
}

/** Reads keys with spaces between them, and leaves out what can be none. */
export function surrogateKeysIn(list: string): ReadonlySet<string> {
  const keys = new Set<string>();
  let room = MAX_LIST;
  for (const key of list.split(" ")) {
    if (key.length > MAX_KEY || !GRAPHIC.test(key)) continue;
    room -= key.length + 1;
    if (room < 0) break;
    keys.add(key);
  }
  return keys;
}

/** Refuses what can be no surrogate key. */
export function checkSurrogateKey(key: string): string {
  if (key.length > MAX_KEY) {
    refuse(
      "invalid",
      `Cannot use a surrogate key of ${key.length} bytes: ${MAX_KEY} is the most`,
    );
  }
  return GRAPHIC.test(key)
    ? key
    : refuse("invalid", `Cannot use ${JSON.stringify(key)} as a surrogate key`);
}
