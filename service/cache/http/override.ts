/** How a request that goes through the cache departs from the origin's word (`cache_override_*`). */
export interface CacheOverride {
  readonly pass: boolean;
  readonly pci: boolean;
  /** Seconds. */
  readonly ttl?: number;
  /** Seconds. */
  readonly staleWhileRevalidate?: number;
  readonly surrogateKeys?: string;
  /** Milliseconds. */
  readonly lookupTimeout?: number;
}

/** Departs from nothing. */
export const NO_OVERRIDE: CacheOverride = { pass: false, pci: false };
