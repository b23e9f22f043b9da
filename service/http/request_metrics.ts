/**
 * How a request to a backend was answered: by an object in the cache (`hit`), by one that is renewed meanwhile
 * (`stale`), by what another request was already getting (`collapsed`), by the backend with the cache looked up before
 * (`miss`) or not (`pass`).
 */
export type CacheUse = "hit" | "stale" | "collapsed" | "miss" | "pass";

/** What the answer to one client's request has taken so far, for logs and metrics. Whoever is at work on it writes here. */
export class RequestMetrics {
  /** The request's id, 32 hexadecimal digits; undefined before the host has taken it on. */
  requestId: string | undefined;
  /** Of each request to a backend that the cache had a say in, in order. */
  readonly cache: CacheUse[] = [];
  /** Milliseconds that the guest has run, without the time that it waited. */
  activeMillis = 0;
  /** Bytes of the guest's linear memory at its largest. */
  peakMemory = 0;
  /** Hostcalls so far. */
  hostcalls = 0;
  /** The limit that ended it and how far it had come, in words. */
  limit: string | undefined;
}
