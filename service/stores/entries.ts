import { isPlainObject } from "../util/plain_object.ts";

const encoder = new TextEncoder();

/**
 * Returns the entries of a store in the options. The compiler checks them only in TypeScript.
 *
 * @param store Kind and name of the store, for messages.
 * @throws {TypeError} If they are no object.
 */
export function entriesOf<T>(store: string, entries: Readonly<Record<string, T>>): [string, T][] {
  if (isPlainObject(entries)) return Object.entries(entries);
  throw new TypeError(`Cannot use ${store}: its entries are no object with a value for each key`);
}

/**
 * Returns the bytes of a value, a copy; those of a text are UTF-8.
 *
 * @throws {TypeError} If it is neither a text nor bytes.
 */
export function bytesOf(store: string, key: string, value: unknown): Uint8Array<ArrayBuffer> {
  if (typeof value === "string") return encoder.encode(value);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  throw new TypeError(`Cannot use ${store}: the value of "${key}" is neither a text nor bytes`);
}
