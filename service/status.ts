import type { BackendStats } from "./backends/backend.ts";

/** How a program is doing, and what has been counted since it was loaded. */
export interface Status {
  /** Of the program that new requests get. */
  readonly instances: {
    /** Those that there are. */
    readonly live: number;
    /** Those of them that run nothing. */
    readonly idle: number;
    /** How many there may be. */
    readonly most: number;
  };
  /** Requests that wait for an instance. */
  readonly queued: number;
  /** Guests that have trapped. */
  readonly traps: number;
  /** How often a limit has refused or ended something, by its name. Those that never did are not there. */
  readonly limits: Readonly<Record<string, number>>;
  /** Requests to backends, by name; all those that the options do not know are under `(other)`. */
  readonly backends: Readonly<Record<string, Readonly<BackendStats>>>;
}

/** Counts for {@linkcode Status}. Whoever notices something counts it here. */
export class Counters {
  traps = 0;
  readonly limits: Record<string, number> = {};

  /** The limit has refused or ended something. */
  hit(limit: string): void {
    this.limits[limit] = (this.limits[limit] ?? 0) + 1;
  }
}
