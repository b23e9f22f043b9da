/** Lifetime of an object, in nanoseconds, as in the ABI. */
export interface Lifetime {
  /** Age at the time at which it was stored. */
  readonly initialAge: bigint;
  /** Age from which on it is stale. */
  readonly maxAge: bigint;
  /** Time after `maxAge` in which it may be used while it is revalidated (RFC 5861, section 3). */
  readonly staleWhileRevalidate: bigint;
  /** Time after `maxAge` in which it may be used when revalidation has failed (RFC 5861, section 4). */
  readonly staleIfError: bigint;
  /** Time after `maxAge` in which it is kept for revalidation only; by default 0. */
  readonly revalidatable?: bigint;
}

/**
 * Permitted use of an object: any (`fresh`), while it is revalidated (`stale`), once revalidation has failed (`if-error`),
 * once it was revalidated (`revalidatable`), or none (`expired`).
 */
export type Phase = "fresh" | "stale" | "if-error" | "revalidatable" | "expired";

const NANOSECONDS = 1_000_000n;

/**
 * Returns the age of an object, in nanoseconds.
 *
 * @param elapsed Milliseconds since it was stored; a negative time, of a clock that was set back, counts as 0.
 */
export function ageAfter({ initialAge }: Lifetime, elapsed: number): bigint {
  return initialAge + BigInt(Math.max(0, Math.floor(elapsed))) * NANOSECONDS;
}

/**
 * Returns the phase of an object at an age.
 *
 * @param purged Whether a soft purge has ended its freshness. By default `false`.
 */
export function phaseAt(lifetime: Lifetime, age: bigint, purged = false): Phase {
  const { maxAge, staleWhileRevalidate, staleIfError, revalidatable = 0n } = lifetime;
  if (age < maxAge && !purged) return "fresh";
  if (age < maxAge + staleWhileRevalidate) return "stale";
  if (age < maxAge + staleIfError) return "if-error";
  if (age < maxAge + revalidatable) return "revalidatable";
  return "expired";
}

/** Milliseconds that an object of an age will be fresh, and of any use; never more than a year. */
export function leftOf(
  { maxAge, staleWhileRevalidate, staleIfError, revalidatable = 0n }: Lifetime,
  age: bigint,
): { readonly freshFor: number; readonly keepFor: number } {
  const longest = [staleWhileRevalidate, staleIfError, revalidatable]
    .reduce((a, b) => a > b ? a : b);
  const left = (until: bigint) => Math.min(Number((until - age) / NANOSECONDS), YEAR);
  return { freshFor: left(maxAge), keepFor: left(maxAge + longest) };
}

const YEAR = 365 * 24 * 3_600_000;
