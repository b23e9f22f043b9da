/** Fields of a type, each of which may be absent but not undefined. */
type Filled<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Returns the fields that are not undefined. */
export function filled<T extends object>(fields: T): Filled<T> {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as Filled<T>;
}

/** Returns the fields that are not undefined; undefined if there are none. */
export function filledOrNothing<T extends object>(fields: T): Filled<T> | undefined {
  const there = filled(fields);
  return Object.keys(there).length ? there : undefined;
}
