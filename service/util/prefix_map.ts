import { toHex } from "./hex.ts";
import { octetsOf } from "./address.ts";

/** A range of addresses: those with a common prefix (RFC 4632, section 3.1). */
export interface AddressRange {
  /** An address in the range, as 4 or 16 octets. Bits after the prefix may be set. */
  readonly octets: Uint8Array;
  /** Length of the prefix in bits. */
  readonly length: number;
}

/**
 * Parses a range, `192.0.2.0/24` or `2001:db8::/32`; an address alone is a range of one.
 *
 * @returns Undefined for any other text, including IPv4 in fewer than four decimal parts.
 */
export function rangeOf(text: string): AddressRange | undefined {
  const [, address, digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const octets = octetsOf(address ?? "");
  if (!octets) return undefined;
  const max = octets.length * 8;
  const length = digits === undefined ? max : Number(digits);
  return length <= max ? { octets, length } : undefined;
}

/** Values by prefix, of IPv4 or of IPv6. */
interface Family {
  /** One map for each prefix length, the longest first; its keys are prefixes as numbers. */
  levels: { readonly length: number; readonly values: Map<number | bigint, unknown> }[];
}

/**
 * Map from ranges of addresses to values, with lookup by the longest prefix. A lookup takes one step for each distinct
 * prefix length, independent of the number of ranges. IPv4 and IPv6 are separate.
 */
export class PrefixMap<V> {
  readonly #families: ReadonlyMap<number, Family> = new Map([
    [4, { levels: [] }],
    [16, { levels: [] }],
  ]);

  /** Sets the value of a range, and replaces an earlier one of the same range. */
  set({ octets, length }: AddressRange, value: V): void {
    const family = this.#families.get(octets.length)!;
    let level = family.levels.find((level) => level.length === length);
    if (!level) {
      level = { length, values: new Map() };
      family.levels.push(level);
      family.levels.sort((one, other) => other.length - one.length);
    }
    level.values.set(prefixIn(numberOf(octets), octets.length * 8, length), value);
  }

  /**
   * Returns the value of the smallest range that contains an address; undefined if none does.
   *
   * @param octets Address as 4 or 16 octets.
   */
  lookup(octets: Uint8Array): V | undefined {
    const levels = this.#families.get(octets.length)?.levels ?? [];
    if (!levels.length) return undefined;
    const address = numberOf(octets);
    for (const { length, values } of levels) {
      const value = values.get(prefixIn(address, octets.length * 8, length));
      if (value !== undefined) return value as V;
    }
  }
}

/** Returns an address as a number; IPv4 needs no bigint. */
function numberOf(octets: Uint8Array): number | bigint {
  if (octets.length === 16) return BigInt(`0x${toHex(octets)}`);
  return octets.reduce((address, octet) => address * 256 + octet, 0);
}

function prefixIn(address: number | bigint, bits: number, length: number): number | bigint {
  if (typeof address === "bigint") return address >> BigInt(bits - length);
  return length === 0 ? 0 : address >>> (bits - length);
}
