/**
 * What a rewritten module has beyond the guest's own: memories that the guest cannot reach, and functions.
 *
 * @module
 */
/** The module from which it imports its memories: the guest's own, by their index, and what the watchdog sets. */
export const HOST = "fastlike.host";
export const WATCH = "watch";

/** The memory in which it keeps its state. */
export const CONTROL = "fastlike.control";
/** Copies every mutable global aside. */
export const SAVE = "fastlike.save";
/** Puts every mutable global back. */
export const RESTORE = "fastlike.restore";

/** Where that memory has the number of pages that the guest has added to those that it started with. */
export const ADDED_PAGES = 4;
/** Where it has the cards: a byte for each 4 KiB, 1 when something was written there. */
export const CARDS = 1024;
export const CARD_BITS = 12;

export const PAGE = 64 * 1024;

/** Pages of that memory for a guest that may reach so many. */
export function controlPages(most: number): number {
  return Math.ceil((CARDS + most * (PAGE >> CARD_BITS)) / PAGE);
}
