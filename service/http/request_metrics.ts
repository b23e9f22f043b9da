/**
 * How a request to a backend was answered: from the cache (`hit`), from the cache while the object is revalidated
 * (`stale`), by the response to another request for the same object (`collapsed`), by the backend after a lookup (`miss`)
 * or without one (`pass`).
 */
export type CacheUse = "hit" | "stale" | "collapsed" | "miss" | "pass";

/** Metrics of one client's request so far, for logs and statistics. */
export class RequestMetrics {
  /** Id of the request: 32 hexadecimal digits; undefined until the engine has accepted the request. */
  requestId: string | undefined;
  /** How each of its requests to backends was answered, in order. */
  readonly cache: CacheUse[] = [];
  /** Time that the guest has run, without the time that it waited, in milliseconds. */
  activeMillis = 0;
  /** Largest size of the guest's linear memory, in bytes. */
  peakMemory = 0;
  /** Number of hostcalls. */
  hostcalls = 0;
  /** Name and value of the limit that ended the request. */
  limit: string | undefined;
}
