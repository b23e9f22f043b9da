import type { BackendStats } from "./backends/backend.ts";

/** State of a program, and counts since it was loaded. */
export interface Status {
  /** Instances of the program that new requests get. */
  readonly instances: {
    /** Number of instances. */
    readonly live: number;
    /** Number of instances that run nothing. */
    readonly idle: number;
    /** Number of instances that were started ahead of requests, and wait for one (the option `park`). */
    readonly parked: number;
    /** Maximum number of instances (`limits.instances`). */
    readonly max: number;
  };
  /** Number of requests that wait for an instance. */
  readonly queued: number;
  /** Number of guests that have trapped. */
  readonly traps: number;
  /** Number of times that each limit has refused or ended something; limits without any are left out. */
  readonly limits: Readonly<Record<string, number>>;
  /** Requests to backends by name; those to names that the options do not define are under `(other)`. */
  readonly backends: Readonly<Record<string, Readonly<BackendStats>>>;
}

/** Counts for {@linkcode Status}, kept by the code that notices each event. */
export class Counters {
  traps = 0;
  readonly limits: Record<string, number> = {};

  /** Counts that a limit has refused or ended something. */
  hit(limit: string): void {
    this.limits[limit] = (this.limits[limit] ?? 0) + 1;
  }
}
