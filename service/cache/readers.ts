import type { Eventually } from "../http/bytes.ts";
import { refuse } from "../errors.ts";

/** Bytes by which a writer may be ahead of the fastest reader. */
const MAX_AHEAD = 128 * 1024;

/** A reader's position. */
export interface Position {
  /** Offset of the next byte that it reads. */
  readonly position: number;
}

/** Readers of a content that is being written, for back-pressure on its writer. */
export class Readers {
  readonly #positions = new Set<Position>();
  #moved: PromiseWithResolvers<void> | undefined;

  get count(): number {
    return this.#positions.size;
  }

  /** Position of the slowest reader; undefined if there are none. */
  get slowest(): number | undefined {
    let slowest: number | undefined;
    for (const { position } of this.#positions) {
      if (slowest === undefined || position < slowest) slowest = position;
    }
    return slowest;
  }

  enter(reader: Position): void {
    this.#positions.add(reader);
  }

  leave(reader: Position): void {
    if (this.#positions.delete(reader)) this.moved();
  }

  /** Notes that a reader has moved, or that the content has ended. */
  moved(): void {
    this.#moved?.resolve();
    this.#moved = undefined;
  }

  /**
   * Resolves when the fastest reader has caught up. Does not wait if there are no readers but some may come.
   *
   * @param written Returns the number of bytes written; undefined once the content has ended.
   * @param findable Returns whether readers can come.
   * @throws {HostError} (or rejects) If there are no readers and none can come.
   */
  drained(written: () => number | undefined, findable: () => boolean): Eventually<void> {
    const end = written();
    if (end === undefined) return;
    if (!this.#positions.size) return findable() ? undefined : unwanted();
    let fastest = 0;
    for (const { position } of this.#positions) fastest = Math.max(fastest, position);
    if (end - fastest < MAX_AHEAD) return;
    return (this.#moved ??= Promise.withResolvers()).promise
      .then(() => this.drained(written, findable));
  }
}

function unwanted(): never {
  refuse("failed", "Cannot write on: nobody can read the object any more");
}
