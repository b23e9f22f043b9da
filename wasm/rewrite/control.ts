/**
 * Layout of the memories through which a rewritten module and the host communicate. The guest cannot address them:
 *
 * - `watch`: the watchdog's memory, shared by all instances of a service.
 * - `control`: the state of an instance, or, in components, of one of its memories.
 * - `budget`: the memory that the modules of a component may still use together.
 *
 * @module
 */

/** Name of the import of the watchdog's memory. */
export const WATCH = "watch";
/** Index of the word in `watch` that a guest's code sets to 1 when the memory limit has refused growth. */
export const REFUSED_WORD = 15;
/** Offset of that word, in bytes. */
export const REFUSED: number = REFUSED_WORD * 4;

/**
 * Binary logarithm of the size of a dirty page. Small pages are more to look through and fewer bytes to copy: a request of
 * a Flask program writes to places all over 23 MiB, where a reset copies 4.1 MiB with pages of 4 KiB, 2.5 with 2 KiB, 1.7
 * with 1 KiB and 1.2 with 512 bytes.
 */
export const DIRTY_PAGE_BITS = 10;
/** Maximum number of bytes between the addresses of two stores of which one marks its dirty page for both. */
export const NEAR = 240;

/** Size of a page of WebAssembly memory, in bytes. */
export const PAGE = 64 * 1024;

/**
 * Number of bytes of the dirty map, with which `control` begins: one for each 1 KiB of the guest's memory, 1 if it was
 * written to. It is for 4 GiB, so that the number of every page is in it; most of it is never touched. It comes first,
 * since V8 takes one instruction more to check an address with a large offset.
 */
const DIRTY_MAP = 2 ** (32 - DIRTY_PAGE_BITS);
/** Number of pages of `control`. */
export const CONTROL_PAGES: number = DIRTY_MAP / PAGE + 1;
/** Offset in `control` of the number of pages by which the guest's memory has grown; an `i32`. */
export const ADDED_PAGES: number = DIRTY_MAP;

/** Name of the import of `control`, for modules of a component, which may share a memory and so its state. */
export const CONTROL = "control";
/** Offset in `control` of the largest number of pages that the memory may have; an `i32`, used in components. */
export const MAX_PAGES: number = DIRTY_MAP + 4;
/** Name of the import of `budget`. */
export const BUDGET = "budget";
/** Offset in `budget` of the bytes by which memories and tables may still grow; an `i64`. */
export const BYTES_LEFT = 0;
/** Offset in `budget` of the elements by which tables may still grow; an `i64`. */
export const ELEMENTS_LEFT = 8;
