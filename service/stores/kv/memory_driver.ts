import { HostError } from "../../errors.ts";
import { utf8 } from "../../util/utf8.ts";
import type { KvDriver, KvRecord } from "./driver.ts";
import { Expiries, type Expiring } from "./expiries.ts";
import { lengthOf, payloadOf } from "./pieces.ts";
import { KvRoom } from "./room.ts";

const MICROS = 1000n;

/** Record with its size in bytes. */
interface Entry extends Expiring {
  readonly key: string;
  readonly record: KvRecord;
  readonly bytes: number;
}

/**
 * Makes a driver that holds records in memory, for as long as it is referenced.
 *
 * @param room Memory that several drivers share. A record that does not fit, even after expired ones were removed, is
 *   refused with `too-large`. By default there is no limit.
 */
export function memoryDriver(room: KvRoom = new KvRoom()): Required<KvDriver> {
  const entries = new Map<string, Entry>();
  const expiries = new Expiries<Entry>();
  // Keys are sorted at the first list after a change: most programs never list, and others list page after page.
  let sorted: string[] | undefined;

  const remove = (entry: Entry): void => {
    entries.delete(entry.key);
    expiries.remove(entry);
    room.count(-entry.bytes, -1);
    sorted = undefined;
  };
  const sweep = (until: number, max: number): number => {
    let swept = 0;
    for (let first; swept < max && (first = expiries.first) && first.due <= until; swept++) {
      remove(first);
    }
    return swept;
  };
  room.share(sweep);

  return {
    get(key) {
      const entry = entries.get(key);
      return entry && { ...entry.record, value: payloadOf(entry.record.value) };
    },
    set(key, record, expected) {
      const old = entries.get(key);
      const there = old?.record.generation ?? "none";
      if (expected !== "any" && expected !== there) return false;
      if (there !== "none" && there >= record.generation) return false;
      const bytes = bytesOf(key, record);
      if (!room.fits(bytes, () => entries.get(key)?.bytes)) refuseForRoom(key, bytes);
      const replaced = entries.get(key); // `fits` may have removed the old entry, if it had expired
      if (replaced) expiries.remove(replaced);
      else sorted = undefined;
      room.count(bytes - (replaced?.bytes ?? 0), replaced ? 0 : 1);
      const entry = { key, record, bytes, due: dueOf(record), place: -1 };
      entries.set(key, entry);
      if (record.expires !== undefined) expiries.add(entry);
      return true;
    },
    delete(key, generation) {
      const entry = entries.get(key);
      if (entry?.record.generation !== generation) return false;
      remove(entry);
      return true;
    },
    sweep,
    list(prefix, after, limit) {
      sorted ??= [...entries.keys()].sort(compareAsUtf8);
      const start = after === undefined || compareAsUtf8(after, prefix) < 0
        ? indexOf(sorted, prefix)
        : indexOf(sorted, after, true);
      const page = sorted.slice(start, start + limit);
      const end = page.findIndex((key) => !key.startsWith(prefix));
      return (end < 0 ? page : page.slice(0, end))
        .map((key) => ({ key, expires: entries.get(key)!.record.expires }));
    },
  };
}

function refuseForRoom(key: string, bytes: number): never {
  throw new HostError(
    "too-large",
    `Cannot keep ${bytes} bytes under key "${key}": KV stores in memory have no room for them`,
    { limit: "kv_bytes" },
  );
}

/** Returns the time at which a record may be removed. A deleted record (which expires at 0) is kept from its writing on. */
function dueOf({ expires = Infinity, generation }: KvRecord): number {
  return Math.max(expires, Number(generation / MICROS));
}

/** Returns the size of key, metadata and value, in bytes of UTF-8. */
function bytesOf(key: string, { value, metadata }: KvRecord): number {
  return utf8(key).length + utf8(metadata).length + lengthOf(value);
}

/** Returns the index of the first key that is not before `key`; with `behind`, of the first after it. */
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

/** Compares texts by their UTF-8 bytes; JavaScript's own order by UTF-16 units differs for surrogates. */
function compareAsUtf8(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const order = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (order) return order;
  }
  return a.length - b.length;
}

/** Maps a UTF-16 unit to its rank in UTF-8 order: surrogates, which encode the highest code points, come last. */
function rank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
