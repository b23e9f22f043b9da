/**
 * Where a rewritten module and the host keep what they tell each other: memories that the guest cannot reach.
 *
 * @module
 */
/** The name of the import that is the watchdog's memory, which all instances share. */
export const WATCH = "watch";
/** Word of that memory that the guests' code sets to 1 when the memory limit has refused growth. */
export const REFUSED_WORD = 15;
/** Its offset in bytes. */
export const REFUSED: number = REFUSED_WORD * 4;

/** Offset, in the memory of an instance's state, of the number of pages that the guest has added to its first ones. */
export const ADDED_PAGES = 4;
/** Offset of the dirty map in that memory: a byte for each 4 KiB, 1 when it was written to. */
export const DIRTY_MAP = 1024;
/** Binary logarithm of the size of a dirty page. */
export const DIRTY_PAGE_BITS = 12;

/** Bytes of a page of WebAssembly memory. */
export const PAGE = 64 * 1024;

/** Returns how many pages that memory needs for a guest whose own memory may have `most`. */
export function controlPages(most: number): number {
  return Math.ceil((DIRTY_MAP + most * (PAGE >> DIRTY_PAGE_BITS)) / PAGE);
}

/** The name of the import that is the memory of a memory's state, for modules of a component: they may share a memory. */
export const CONTROL = "control";
/** Where that memory has how many pages the memory that it is about may have. */
export const MAX_PAGES = 8;
/** The name of the import that is the memory of what the modules of a component may have together. */
export const BUDGET = "budget";
/** Where that memory has the bytes by which memories and tables may still grow, as an `i64`. */
export const BYTES_LEFT = 0;
/** Where it has the elements by which tables may still grow, as an `i64`. */
export const ELEMENTS_LEFT = 8;
