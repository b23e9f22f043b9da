import { refuse } from "../../errors.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the cursor of the page after a key. It is opaque to guests, and valid even when the key is deleted. */
export function cursorAfter(key: string): string {
  return btoa(String.fromCharCode(...encoder.encode(key)));
}

/**
 * Returns the key of a cursor.
 *
 * @throws {HostError} `bad-request` for a text that is not a cursor.
 */
export function keyOfCursor(cursor: string): string {
  try {
    return decoder.decode(Uint8Array.from(atob(cursor), (character) => character.charCodeAt(0)));
  } catch (cause) {
    refuse("bad-request", "Cannot list keys: the cursor is none that a list has given", cause);
  }
}
