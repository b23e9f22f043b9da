const encoder = new TextEncoder();

/** Secrets of one store, by key. */
export type Secrets = ReadonlyMap<string, Uint8Array>;

/** Makes secret stores by name; texts become UTF-8. */
export function secretStoresOf(
  stores: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>,
): ReadonlyMap<string, Secrets> {
  return new Map(
    Object.entries(stores).map(([name, secrets]) => [
      name,
      new Map(
        Object.entries(secrets).map((
          [key, value],
        ) => [key, typeof value === "string" ? encoder.encode(value) : value]),
      ),
    ]),
  );
}
