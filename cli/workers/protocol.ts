import type { NumberedPurge, Purge } from "../../service/cache/purge_feed.ts";
import type { KeptLoad } from "./sharing.ts";
import type { Metric } from "../telemetry/prometheus.ts";

/** Settings of a worker: the answer to its first request, `start`. */
export interface Start {
  /** Number of the worker's place, from 1. */
  readonly id: number;
  /** Number of workers. */
  readonly workers: number;
  /** Folder of the stores if neither flags nor fastly.toml name one. */
  readonly folder: string;
  /** Path of the program. */
  readonly file: string;
  /** Whether the supervisor serves metrics, so that the worker has to count. */
  readonly metrics: boolean;
  /** Whether the worker writes the entries that options have for KV stores into them. */
  readonly sow: boolean;
  /** Whether the worker logs warnings about options and backends; one worker does so for all. */
  readonly speaks: boolean;
  /** Number of the last purge. */
  readonly purges: number;
}

/** Requests of a worker to its supervisor. A method's parameter is the message, its result the answer. */
export interface ToSupervisor {
  /** Asks for the worker's settings; its first request. */
  start(): Start;
  /**
   * Asks for a bound socket. `index` is the number of sockets of this address and port that the worker has asked for
   * before.
   */
  bind(asked: { address: string; port: number; index: number }): void;
  /** Says that the worker serves, where, and which files it has read. */
  ready(at: { url: string; port: number; files: FileStates }): void;
  /** Says that the worker cannot start. `usage` is whether the command line is wrong. */
  failed(reason: { message: string; usage: boolean }): void;
  publish(purge: Purge): void;
  /** Returns the number of connections that the worker releases, by its load and that of the others. */
  surplus(load: KeptLoad): number;
  since(number: number): { last: number; purges?: readonly NumberedPurge[] };
}

/** Requests of a supervisor to a worker, as {@linkcode ToSupervisor}. */
export interface ToWorker {
  /** Reads program and options again. */
  reload(how: Reload): Reloaded;
  /** Has browsers load their pages again. */
  pages(): void;
  /** Returns whether the worker accepts connections. */
  health(): boolean;
  metrics(): readonly Metric[];
  purge(purge: NumberedPurge): void;
  /** Returns how many connections the worker keeps open. */
  load(): KeptLoad;
  /** Ends the worker, once its running requests have ended. */
  stop(): void;
}

/** Files that program and options were read from, each with its state at that time. */
export type FileStates = readonly (readonly [path: string, state: string])[];

/** Parameters of a reload. */
export interface Reload {
  /** The program's file. */
  readonly file: string;
  /** Whether the worker writes the entries of the options into KV stores; one worker does so for all. */
  readonly sow: boolean;
}

/** Result of a reload. */
export interface Reloaded {
  /** Reason of a failure; undefined after a success. */
  readonly error?: string | undefined;
  readonly files: FileStates;
}
