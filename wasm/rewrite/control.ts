import { REFUSED_WORD } from "../../service/watchdog.ts";

/**
 * Where a rewritten module and the host keep what they tell each other: memories that the guest cannot reach.
 *
 * @module
 */
/** The name of the import that is the watchdog's memory, which all instances share. */
export const WATCH = "watch";
/** Where that memory has whether the limit has refused growth. */
export const REFUSED: number = REFUSED_WORD * 4;

/** Where the memory of an instance's state has the number of pages that the guest has added to those that it started with. */
export const ADDED_PAGES = 4;
/** Where it has the cards: a byte for each 4 KiB, 1 when something was written there. */
export const CARDS = 1024;
export const CARD_BITS = 12;

export const PAGE = 64 * 1024;

/** Pages of that memory for a guest that may reach so many. */
export function controlPages(most: number): number {
  return Math.ceil((CARDS + most * (PAGE >> CARD_BITS)) / PAGE);
}
