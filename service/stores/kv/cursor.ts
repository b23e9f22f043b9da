import { refuse } from "../../errors.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The cursor behind a key: opaque to guests, and good as long as the store is, whatever becomes of the key. */
export function cursorAfter(key: string): string {
  return btoa(String.fromCharCode(...encoder.encode(key)));
}

/** The key that a cursor is behind; refuses what no list has given. */
export function keyOfCursor(cursor: string): string {
  try {
    return decoder.decode(Uint8Array.from(atob(cursor), (character) => character.charCodeAt(0)));
  } catch (cause) {
    refuse("bad-request", "Cannot list keys: the cursor is none that a list has given", cause);
  }
}
