/** How long an object may be used. All in nanoseconds, as guests count. */
export interface Lifetime {
  /** How old it was when it was stored. */
  readonly initialAge: bigint;
  /** The age from which on it is stale. */
  readonly maxAge: bigint;
  /** How long after that it may be used while somebody gets a new one. */
  readonly staleWhileRevalidate: bigint;
  /** How long after that it may be used when nobody could get a new one. */
  readonly staleIfError: bigint;
  /** How long after that it is kept for a request that asks whether it is still right; by default not at all. */
  readonly revalidatable?: bigint;
}

/**
 * What an object is good for: any use, use while it is revalidated, use once that has failed, use once it has been
 * revalidated, or nothing.
 */
export type Phase = "fresh" | "stale" | "if-error" | "revalidatable" | "expired";

const NANOSECONDS = 1_000_000n;

/** @param elapsed Milliseconds since the object was stored; a clock that was put back adds nothing. */
export function ageAfter({ initialAge }: Lifetime, elapsed: number): bigint {
  return initialAge + BigInt(Math.max(0, Math.floor(elapsed))) * NANOSECONDS;
}

/** @param purged Whether a soft purge has ended the freshness early. */
export function phaseAt(lifetime: Lifetime, age: bigint, purged = false): Phase {
  const { maxAge, staleWhileRevalidate, staleIfError, revalidatable = 0n } = lifetime;
  if (age < maxAge && !purged) return "fresh";
  if (age < maxAge + staleWhileRevalidate) return "stale";
  if (age < maxAge + staleIfError) return "if-error";
  if (age < maxAge + revalidatable) return "revalidatable";
  return "expired";
}
