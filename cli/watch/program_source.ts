import type { Builder } from "./build.ts";
import type { BuildChanges } from "./build_changes.ts";
import type { Snapshot } from "./changes.ts";

/** Source of a served program: a file, or a build. */
export interface ProgramSource {
  /**
   * Returns the program's file, which may be another one after a build.
   *
   * @throws {CommandError} If the build has made none.
   */
  readonly file: () => string;
  /** Files that may be the program. */
  readonly outputs: readonly string[];
  /** Builder of the program; undefined if it is not built. */
  readonly builder: Builder | undefined;
  /** Folders of its source files. */
  readonly sources: readonly string[];
  /** Changes of source files; undefined if they are not watched. */
  readonly changes: BuildChanges | undefined;
  /** Files with the build's settings, with their state before they were read: fastly.toml and files that it names. */
  readonly settings: Snapshot;
  /**
   * Reads the build's settings again; resolves to whether they have changed.
   *
   * @throws {CommandError} If they cannot be read; the previous ones stay in use.
   */
  refresh(): Promise<boolean>;
}

/** Returns the source of a program that is a file, and is neither built nor watched. */
export function fileSource(file: string): ProgramSource {
  return {
    file: () => file,
    outputs: [file],
    builder: undefined,
    sources: [],
    changes: undefined,
    settings: new Map(),
    refresh: () => Promise.resolve(false),
  };
}
