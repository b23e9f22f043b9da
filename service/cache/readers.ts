import type { Eventually } from "../http/bytes.ts";
import { refuse } from "../errors.ts";

/** Who writes by himself waits while this many bytes have been read by nobody. */
const MAX_AHEAD = 128 * 1024;

/** Where somebody is who reads. */
export interface Position {
  readonly position: number;
}

/** Who reads a content while it is written, and how far ahead of them it may be written. */
export class Readers {
  readonly #positions = new Set<Position>();
  #moved: PromiseWithResolvers<void> | undefined;

  get count(): number {
    return this.#positions.size;
  }

  /** Where the one who is furthest behind is; undefined if nobody reads. */
  get hindmost(): number | undefined {
    let hindmost: number | undefined;
    for (const { position } of this.#positions) {
      if (hindmost === undefined || position < hindmost) hindmost = position;
    }
    return hindmost;
  }

  enter(reader: Position): void {
    this.#positions.add(reader);
  }

  leave(reader: Position): void {
    if (this.#positions.delete(reader)) this.moved();
  }

  /** Somebody has read on, or nobody need wait any more. */
  moved(): void {
    this.#moved?.resolve();
    this.#moved = undefined;
  }

  /**
   * Waits while the one who is ahead of the others is far behind what is written. If nobody reads it is written for
   * those to come.
   *
   * @param findable Whether any can come: throws or rejects if not.
   */
  drained(written: () => number | undefined, findable: () => boolean): Eventually<void> {
    const end = written();
    if (end === undefined) return;
    if (!this.#positions.size) return findable() ? undefined : unwanted();
    let foremost = 0;
    for (const { position } of this.#positions) foremost = Math.max(foremost, position);
    if (end - foremost < MAX_AHEAD) return;
    return (this.#moved ??= Promise.withResolvers()).promise
      .then(() => this.drained(written, findable));
  }
}

function unwanted(): never {
  refuse("failed", "Cannot write on: nobody can read the object any more");
}
