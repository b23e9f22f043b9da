const encoder = new TextEncoder();

/** What a secret store holds, by name. */
export type Secrets = ReadonlyMap<string, Uint8Array>;

/** Secret stores by name. */
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
