import type { KvDriver, KvRecord } from "./driver.ts";
import { payloadOf } from "./pieces.ts";

/** Keeps the records in this process, for as long as somebody holds the driver. */
export function memoryDriver(): KvDriver {
  const records = new Map<string, KvRecord>();
  // Sorted when a list asks for it: most programs never list, and those that do ask for page after page.
  let sorted: string[] | undefined;
  return {
    get(key) {
      const record = records.get(key);
      return record && { ...record, value: payloadOf(record.value) };
    },
    set(key, record, expected) {
      const there = records.get(key)?.generation ?? "none";
      if (expected !== "any" && expected !== there) return false;
      if (there !== "none" && there >= record.generation) return false;
      if (there === "none") sorted = undefined;
      records.set(key, record);
      return true;
    },
    delete(key, generation) {
      if (records.get(key)?.generation !== generation) return false;
      sorted = undefined;
      return records.delete(key);
    },
    list(prefix, after, limit) {
      sorted ??= [...records.keys()].sort(compareAsUtf8);
      const start = after === undefined || compareAsUtf8(after, prefix) < 0
        ? indexOf(sorted, prefix)
        : indexOf(sorted, after, true);
      const page = sorted.slice(start, start + limit);
      const end = page.findIndex((key) => !key.startsWith(prefix));
      return (end < 0 ? page : page.slice(0, end))
        .map((key) => ({ key, expires: records.get(key)!.expires }));
    },
  };
}

/** Where the first key is that is not before `key`, or the first that is behind it. */
function indexOf(sorted: readonly string[], key: string, behind = false): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareAsUtf8(sorted[middle]!, key);
    if (order < 0 || (behind && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Orders texts as their UTF-8 bytes are ordered, which is not how JavaScript does it with surrogates. */
function compareAsUtf8(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const order = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (order) return order;
  }
  return a.length - b.length;
}

/** Puts surrogates, which are halves of what comes last in UTF-8, behind all other units. */
function rank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
