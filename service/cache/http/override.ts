/** Overrides of the origin's caching rules for one request (`cache_override_*`). */
export interface CacheOverride {
  /** Whether the request passes the cache. */
  readonly pass: boolean;
  /** Whether the response is sensitive, so that it is kept in memory only. */
  readonly pci: boolean;
  /** In seconds. */
  readonly ttl?: number;
  /** In seconds. */
  readonly staleWhileRevalidate?: number;
  /** Surrogate keys with spaces between them. */
  readonly surrogateKeys?: string;
  /** Longest time to wait for other lookups, in milliseconds. */
  readonly lookupTimeout?: number;
}

/** Overrides nothing. */
export const NO_OVERRIDE: CacheOverride = { pass: false, pci: false };
