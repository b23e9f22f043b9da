/** A value, or a promise of it. A value that is available is not awaited, which saves a microtask and a promise. */
export type Eventually<T> = T | Promise<T>;

/**
 * Applies a function to a value: at once if it is available, otherwise when its promise resolves.
 *
 * @throws {unknown} The error of `next`, if the value is available; otherwise the returned promise rejects with it.
 */
export function chain<T, U>(
  value: Eventually<T>,
  next: (value: T) => Eventually<U>,
): Eventually<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
