import { refuse } from "../errors.ts";

/** Maximum length of a key, in bytes. */
const MAX_KEY = 1024;
/** Maximum length of a list of keys, in bytes. */
const MAX_LIST = 16 * 1024;
const GRAPHIC = /^[!-~]+$/;

/**
 * Parses surrogate keys with spaces between them.
 *
 * @throws {HostError} `invalid` for a list that is too long, or a key that is not valid.
 */
export function parseSurrogateKeys(list: string): ReadonlySet<string> {
  if (list.length > MAX_LIST) {
    refuse(
      "invalid",
      `Cannot use ${list.length} bytes of surrogate keys: ${MAX_LIST} is the most`,
    );
  }
  return new Set(list.split(" ").filter((key) => key !== "").map(checkSurrogateKey));
}

/** Parses surrogate keys with spaces between them, and leaves out those that are not valid or exceed the limit. */
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

/**
 * Returns a valid surrogate key: at most 1024 visible ASCII characters.
 *
 * @throws {HostError} `invalid` for any other text.
 */
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
