import { PAGE } from "./control.ts";
import type { Layout, MemoryBounds, TableBounds } from "./layout.ts";

/** Bytes that an element of a table counts for: V8 keeps a reference for each. */
export const ELEMENT = 8;

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
  readonly memories: readonly MemoryLimits[];
  readonly tables: readonly TableBounds[];
}

/** @param limit Bytes that an instance may have. */
export function budgetOf(
  { memories, tables }: Pick<Layout, "memories" | "tables">,
  limit: number,
): Budget {
  const start = bytesOf(memories, PAGE) + bytesOf(tables, ELEMENT);
  const left = limit - start;
  const pages = Math.floor(Math.max(0, left) / PAGE);
  return {
    start,
    left,
    memories: memories.map(({ least, most, shared }) => ({
      least,
      most: Math.min(most, least + pages),
      own: most,
      shared,
    })),
    tables,
  };
}

function bytesOf(bounds: readonly (MemoryBounds | TableBounds)[], unit: number): number {
  return bounds.reduce((sum, { least }) => sum + least * unit, 0);
}
