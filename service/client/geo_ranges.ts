import { octetsOf } from "../util/address.ts";
import { PrefixMap, rangeOf } from "../util/prefix_map.ts";
import type { Geo, GeoLookup } from "./geo.ts";

/**
 * Makes a geo lookup of ranges: an address has the record of the smallest range that contains it.
 *
 * @param ranges Records by range, as `192.0.2.0/24`, or by address, in any spelling; of equal ranges the last counts.
 * @throws {TypeError} If a text is not a range of addresses.
 */
export function geoRanges(ranges: Iterable<readonly [range: string, record: Geo]>): GeoLookup {
  const records = new PrefixMap<Geo>();
  for (const [text, record] of ranges) {
    const range = rangeOf(text);
    if (!range) throw new TypeError(`Cannot use the range "${text}": it is none of addresses`);
    records.set(range, record);
  }
  return (ip) => {
    const octets = octetsOf(ip);
    return octets && records.lookup(octets);
  };
}
