import { octetsOf } from "./address.ts";

/** A range of addresses: all that have the same first bits. */
export interface AddressRange {
  /** An address in the range, as 4 or 16 octets. Bits behind the prefix may be set. */
  readonly octets: Uint8Array;
  /** Bits of the prefix. */
  readonly length: number;
}

/**
 * Reads a range as `192.0.2.0/24` or `2001:db8::/32`; an address alone is a range of one.
 *
 * @returns Undefined for any other text, also for IPv4 in fewer than four decimal parts.
 */
export function rangeOf(text: string): AddressRange | undefined {
  const [, address, digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const octets = octetsOf(address ?? "");
  if (!octets) return undefined;
  const most = octets.length * 8;
  const length = digits === undefined ? most : Number(digits);
  return length <= most ? { octets, length } : undefined;
}

/** Values by the prefix of a family of addresses. */
interface Family {
  /** One map for each length, by the prefix as a number; the longest first. */
  levels: { readonly length: number; readonly values: Map<number | bigint, unknown> }[];
}

/**
 * Values by ranges of addresses. A lookup takes one step for each different length of a prefix, however many ranges there
 * are. IPv4 and IPv6 are apart.
 */
export class PrefixMap<V> {
  readonly #families: ReadonlyMap<number, Family> = new Map([
    [4, { levels: [] }],
    [16, { levels: [] }],
  ]);

  /** Sets the value of a range, in the place of one that the same range has. */
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
   * The value of the smallest range that an address is in.
   *
   * @param octets 4 or 16 of them.
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

/** The address as a number: IPv4 fits one without a bigint. */
function numberOf(octets: Uint8Array): number | bigint {
  if (octets.length === 16) return BigInt(`0x${octets.toHex()}`);
  return octets.reduce((address, octet) => address * 256 + octet, 0);
}

function prefixIn(address: number | bigint, bits: number, length: number): number | bigint {
  if (typeof address === "bigint") return address >> BigInt(bits - length);
  return length === 0 ? 0 : address >>> (bits - length);
}
