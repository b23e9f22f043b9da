/** Fields, each of which may be absent, but not undefined. */
export type Filled<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** The fields that are there. */
export function filled<T extends object>(fields: T): Filled<T> {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as Filled<T>;
}

/** The fields that are there, or nothing if none is. */
export function filledOrNothing<T extends object>(fields: T): Filled<T> | undefined {
  const there = filled(fields);
  return Object.keys(there).length ? there : undefined;
}
