import { rangeOf } from "../stores/acl.ts";
import { octetsOf } from "../util/address.ts";
import type { Geo, GeoLookup } from "./geo.ts";

/**
 * Finds the record of the smallest range that an address is in; of equal ranges the last.
 *
 * @param ranges Records by range, as `192.0.2.0/24`, or by address, in any spelling.
 * @throws {TypeError} If a range is none.
 */
export function geoRanges(ranges: Iterable<readonly [range: string, record: Geo]>): GeoLookup {
  const records = new Map<string, Geo>();
  const lengths = new Set<number>();
  for (const [text, record] of ranges) {
    const range = rangeOf(text);
    if (!range) throw new TypeError(`Cannot use the range "${text}": it is none of addresses`);
    records.set(keyOf(range.octets, range.length), record);
    lengths.add(range.length);
  }
  const smallestFirst = [...lengths].sort((a, b) => b - a);
  return (ip) => {
    const octets = octetsOf(ip);
    if (!octets) return undefined;
    for (const length of smallestFirst) {
      if (length > octets.length * 8) continue;
      const record = records.get(keyOf(octets, length));
      if (record) return record;
    }
  };
}

/** A text that is the same for all addresses with the same first bits. */
function keyOf(octets: Uint8Array, length: number): string {
  const whole = length >> 3;
  const rest = length & 7 ? octets[whole]! >> (8 - (length & 7)) : "";
  return `${octets.length}/${length}:${octets.subarray(0, whole).join(".")}:${rest}`;
}
