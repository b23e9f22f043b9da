import { type AddressRange, PrefixMap, rangeOf } from "../util/prefix_map.ts";

/** Entry of an ACL. An address matches the entry with the longest prefix; of equal prefixes the last counts. */
export interface AclEntry {
  /** An address, or a range such as `192.0.2.0/24` or `2001:db8::/32`. Bits after the prefix are ignored. */
  readonly prefix: string;
  /** Action that the guest reads; the host itself blocks nothing. */
  readonly action: "ALLOW" | "BLOCK";
}

/**
 * An access control list
 * (https://www.fastly.com/documentation/guides/concepts/edge-state/dynamic-config/#access-control-lists).
 */
export class Acl {
  readonly #entries = new PrefixMap<AclEntry>();

  /**
   * @param entries Entries; of equal prefixes the last counts.
   * @throws {TypeError} If a prefix is not a range of addresses.
   */
  constructor(entries: readonly AclEntry[]) {
    for (const { prefix, action } of entries) {
      const range = rangeOf(prefix);
      if (!range) {
        throw new TypeError(`Cannot use the prefix "${prefix}": it is no range of addresses`);
      }
      this.#entries.set(range, { prefix: prefixText(range), action });
    }
  }

  /**
   * Returns the entry with the longest prefix that contains an address; undefined if none does. Its prefix is written as
   * on Fastly's platform: bits after it cleared, and no `::` in IPv6.
   *
   * @param octets Address as 4 or 16 octets.
   */
  lookup(octets: Uint8Array): AclEntry | undefined {
    return this.#entries.lookup(octets);
  }
}

/**
 * Makes ACLs by name.
 *
 * @throws {TypeError} If a prefix is not a range of addresses.
 */
export function aclsOf(
  lists: Readonly<Record<string, readonly AclEntry[]>>,
): ReadonlyMap<string, Acl> {
  return new Map(
    Object.entries(lists).map(([name, entries]) => {
      try {
        return [name, new Acl(entries)];
      } catch (cause) {
        throw new TypeError(`Cannot use ACL "${name}": ${(cause as Error).message}`, { cause });
      }
    }),
  );
}

function prefixText({ octets, length }: AddressRange): string {
  const network = octets.map((octet, i) => octet & ~(0xff >>> clamp(length - i * 8)));
  if (network.length === 4) return `${network.join(".")}/${length}`;
  const digits = Array.from(network, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return `${digits.match(/.{4}/g)!.join(":")}/${length}`;
}

/** Limits a number of bits to those of one octet. */
function clamp(bits: number): number {
  return Math.max(0, Math.min(8, bits));
}
