import { PAGE } from "./control.ts";
import type { Layout, MemoryBounds, TableBounds } from "./layout.ts";

/** Bytes that an element of a table counts for. */
export const ELEMENT = 8;

/**
 * Most elements that all tables of an instance may have together. The bound keeps bulk instructions on tables short,
 * since a running one cannot be stopped.
 */
export const MAX_ELEMENTS = 1_000_000;

/** Limits of one of a module's memories, in pages. */
export interface MemoryLimits {
  /** Initial size. */
  readonly min: number;
  /** Largest size that the memory limit leaves of the module's own maximum. */
  readonly max: number;
  /** The module's own maximum. */
  readonly own: number;
  readonly shared: boolean;
}

/** Memory that an instance may use, all memories and tables together. */
export interface Budget {
  /** Bytes that an instance starts with. */
  readonly start: number;
  /** Bytes that memories and tables may grow by; `Infinity` without a limit. */
  readonly left: number;
  /** Number of elements that tables start with. */
  readonly elements: number;
  readonly memories: readonly MemoryLimits[];
  readonly tables: readonly TableBounds[];
}

/**
 * Derives the budget of a module's instances from the memory limit.
 *
 * @param limit Bytes that an instance may have; `Infinity` for no limit.
 */
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
    memories: memories.map(({ min, max, shared }) => ({
      min,
      max: Math.min(max, min + pages),
      own: max,
      shared,
    })),
    tables,
  };
}

/** Returns the sum of the initial sizes, in pages or elements. */
export function sumOf(bounds: readonly (MemoryBounds | TableBounds)[]): number {
  return bounds.reduce((sum, { min }) => sum + min, 0);
}
