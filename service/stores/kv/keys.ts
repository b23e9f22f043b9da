const MAX_BYTES = 1024;
const ACME = ".well-known/acme-challenge";
const FORBIDDEN = ["\r", "\n", "#", ";", "?", "^", "|"];

const encoder = new TextEncoder();

/** Returns the reason why a text cannot be a key of a KV store, in words that follow "the key"; undefined if it can. */
export function faultOfKey(key: string): string | undefined {
  if (key === "") return "is empty";
  if (!key.isWellFormed()) return "is no well-formed text";
  const { length } = encoder.encode(key);
  if (length > MAX_BYTES) return `has ${length} bytes, more than ${MAX_BYTES}`;
  if (key.startsWith(ACME)) return `starts with "${ACME}"`;
  const forbidden = FORBIDDEN.find((character) => key.includes(character));
  if (forbidden) return `contains ${JSON.stringify(forbidden)}`;
  const segment = key.split("/").find((segment) => segment === "." || segment === "..");
  if (segment) return `has the path segment "${segment}"`;
  // deno-lint-ignore no-control-regex -- the rule is about control characters
  if (/^[\x00-\x20\ufffe\uffff]$/.test(key)) return "is a single control character or space";
}
