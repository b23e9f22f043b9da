import type { ServiceOptions } from "./options.ts";

/**
 * Returns the number of instances that are to wait for requests.
 *
 * @throws {TypeError} If the option is not valid.
 */
export function parkOf({ park = 0 }: Pick<ServiceOptions, "park">): number {
  if (Number.isSafeInteger(park) && park >= 0) return park;
  throw new TypeError(`Cannot use the option park ${park}: it is not a whole number`);
}
