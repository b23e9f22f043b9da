/** A value that is here, or will be. A value that is here is not awaited, so it costs no turn of the event loop. */
export type Eventually<T> = T | Promise<T>;

/**
 * Applies a function to a value: at once if the value is here, otherwise when its promise resolves.
 *
 * @throws {unknown} What `next` throws, if the value is here.
 */
export function chain<T, U>(
  value: Eventually<T>,
  next: (value: T) => Eventually<U>,
): Eventually<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
