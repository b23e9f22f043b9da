/**
 * Replies of the cache's scripts; `cache_scripts.ts` describes the data.
 *
 * @module
 */
import type { CacheKept, SharedFound } from "../../service/cache/driver.ts";
import type { Reply } from "./link.ts";
import {
  groupsOf,
  hashOf,
  listOf,
  number,
  optional,
  type Read,
  text,
  unexpected,
} from "./replies.ts";

/** Object of the store, with the fields that only the driver uses. */
export interface Kept extends CacheKept {
  readonly place: string;
  readonly until: number;
  readonly order: number;
}

/** Reply of `FIND`. */
export interface FoundEntry {
  /** Number of the last purge. */
  readonly last: number;
  readonly lease: SharedFound["lease"];
  readonly objects: readonly Kept[];
}

/** Reply of `SINCE`: the number of the last purge, and the number, surrogate key and mode of each. */
export interface Since {
  readonly last: number;
  readonly purges: string[][] | undefined;
}

/** Numbers of an object, in the order in which `PUT` writes them. */
const NUMBERS = 6;

const parts: Read<Reply[]> = listOf((part) => part);
const fieldsIn = hashOf(text);
const purgesIn = optional(groupsOf(3, text));

/** Reads the reply of `APPEND`. */
export function appended(reply: Reply): string | 0 | -1 {
  return reply === 0 || reply === -1 ? reply : text(reply);
}

/** Reads the reply of `PUT`. */
export function displaced(reply: Reply): number | "purged" | undefined {
  if (reply === -1) return "purged";
  return text(reply) ? number(reply) : undefined;
}

/** Reads the reply of `FIND`. */
export function foundEntry(reply: Reply): FoundEntry {
  const [last = null, state = null, fields = null] = parts(reply);
  const lease = text(state);
  if (!isLease(lease)) unexpected(state, "the state of a lease");
  return { last: number(last), lease, objects: keptIn(fields) };
}

function isLease(state: string): state is SharedFound["lease"] {
  return ["none", "taken", "busy", "free"].includes(state);
}

/** Reads the reply of `SINCE`. */
export function since(reply: Reply): Since {
  const [last = null, purges = null] = parts(reply);
  return { last: number(last), purges: purgesIn(purges) };
}

/** Reads the objects of an entry from the fields of its hash. */
export function keptIn(reply: Reply): Kept[] {
  const fields = fieldsIn(reply);
  const kept: Kept[] = [];
  for (const [name, value] of fields) {
    if (!name.endsWith("v")) continue;
    const place = name.slice(0, -1);
    const end = value.indexOf("\n");
    const head = value.slice(value.indexOf("\n", end + 1) + 1);
    const [content, until, , , order, length] = numbersIn(value.slice(0, end), NUMBERS);
    const [hits, used] = numbersIn(fields.get(`${place}h`) ?? "", 2);
    kept.push({
      place,
      content: content!,
      until: until!,
      order: order!,
      length: length!,
      hits: hits!,
      used: used!,
      purged: fields.has(`${place}p`),
      head,
    });
  }
  return kept;
}

function numbersIn(text: string, count: number): number[] {
  const numbers = text.split(" ").map(Number);
  return numbers.length === count && numbers.every(Number.isFinite)
    ? numbers
    : unexpected(text, `${count} numbers`);
}
