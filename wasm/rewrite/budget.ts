import { PAGE } from "./control.ts";
import type { Layout, MemoryBounds, TableBounds } from "./layout.ts";

/** Bytes that an element of a table counts for: V8 keeps a reference for each. */
export const ELEMENT = 8;

/**
 * Elements that all tables of an instance may have together. It bounds how long one bulk instruction runs, which cannot
 * be stopped: V8 takes 50 ms of processor time to grow, fill or copy a table of as many.
 */
export const MAX_ELEMENTS = 1_000_000;

/** One of the module's memories, under a limit. */
export interface MemoryLimits {
  /** Pages that it starts with. */
  readonly least: number;
  /** Pages that it may have: its own maximum, or what the limit leaves of that. */
  readonly most: number;
  /** Its own maximum, in pages. */
  readonly own: number;
  readonly shared: boolean;
}

/** What instances of a module may have of memory: all memories and tables together. */
export interface Budget {
  /** Bytes that an instance starts with. */
  readonly start: number;
  /** Bytes that its memories and tables may grow by; `Infinity` without a limit. */
  readonly left: number;
  /** Elements that its tables start with. */
  readonly elements: number;
  readonly memories: readonly MemoryLimits[];
  readonly tables: readonly TableBounds[];
}

/** @param limit Bytes that an instance may have. */
export function budgetOf(
  { memories, tables }: Pick<Layout, "memories" | "tables">,
  limit: number,
): Budget {
  const elements = sumOf(tables);
  const start = sumOf(memories) * PAGE + elements * ELEMENT;
  const left = limit - start;
  const pages = Math.floor(Math.max(0, left) / PAGE);
  return {
    start,
    left,
    elements,
    memories: memories.map(({ least, most, shared }) => ({
      least,
      most: Math.min(most, least + pages),
      own: most,
      shared,
    })),
    tables,
  };
}

/** Returns the pages or elements that all of them start with. */
export function sumOf(bounds: readonly (MemoryBounds | TableBounds)[]): number {
  return bounds.reduce((sum, { least }) => sum + least, 0);
}
