import { bytesOf, entriesOf } from "./entries.ts";

/** Secrets of one store, by key. */
export type Secrets = ReadonlyMap<string, Uint8Array>;

/**
 * Makes secret stores by name; texts become UTF-8.
 *
 * @throws {TypeError} If a secret is neither a text nor bytes.
 */
export function secretStoresOf(
  stores: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>,
): ReadonlyMap<string, Secrets> {
  return new Map(
    Object.entries(stores).map(([name, secrets]) => {
      const owner = `secret store "${name}"`;
      const entries = entriesOf(owner, secrets);
      return [name, new Map(entries.map(([key, value]) => [key, bytesOf(owner, key, value)]))];
    }),
  );
}
