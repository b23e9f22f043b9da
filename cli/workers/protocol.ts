import type { NumberedPurge, Purge } from "../../service/cache/purge_feed.ts";
import type { Metric } from "../telemetry/prometheus.ts";

/** Answer to a worker's first question, `start`. */
export interface Start {
  /** Number of its place, from 1. */
  readonly id: number;
  /** How many places there are. */
  readonly workers: number;
  /** Folder for stores where neither flags nor fastly.toml name one. */
  readonly folder: string;
  /** The program's file. */
  readonly file: string;
  /** Whether metrics are served. */
  readonly metrics: boolean;
  /** Whether it is to write the options' entries into KV stores. */
  readonly sow: boolean;
  /** Whether it logs warnings about options and backends; one worker does so for all. */
  readonly speaks: boolean;
  /** Number of the last purge. */
  readonly purges: number;
}

/** Questions of a worker to its supervisor, with their answers. */
export interface ToSupervisor {
  /** The worker has started and asks for its settings. */
  start(): Start;
  /** A bound socket; `index` counts those of the same address and port that it has asked for. */
  bind(asked: { address: string; port: number; index: number }): void;
  /** It serves. */
  ready(at: { url: string; port: number; files: FileStates }): void;
  /** It cannot start, and why. */
  failed(reason: { message: string; usage: boolean }): void;
  publish(purge: Purge): void;
  since(number: number): { last: number; purges?: readonly NumberedPurge[] };
}

/** Questions of a supervisor to a worker, with their answers. */
export interface ToWorker {
  /** Program and options are to be read again. */
  reload(how: Reload): Reloaded;
  /** Browsers are to load their pages again. */
  pages(): void;
  /** Whether it accepts connections. */
  health(): boolean;
  metrics(): readonly Metric[];
  purge(purge: NumberedPurge): void;
  /** It is to end, once its running requests have. */
  stop(): void;
}

/** Files that program and options were read from, each with its state then. */
export type FileStates = readonly (readonly [path: string, state: string])[];

/** What is to be reloaded. */
export interface Reload {
  /** The program's file. */
  readonly file: string;
  /** Whether the options' entries are to be written into KV stores: one worker does so for all. */
  readonly sow: boolean;
}

/** Result of a reload. */
export interface Reloaded {
  /** Reason of a failure; undefined after a success. */
  readonly error?: string | undefined;
  readonly files: FileStates;
}
