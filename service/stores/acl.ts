import { type AddressRange, PrefixMap, rangeOf } from "../util/prefix_map.ts";

/** An entry of an ACL. Of those that an address is in, the longest prefix counts; of equal prefixes the last. */
export interface AclEntry {
  /** An address or a range in text, as `192.0.2.0/24` or `2001:db8::/32`. Bits behind the prefix are ignored. */
  readonly prefix: string;
  /** Action for the guest to take; the host itself does nothing. */
  readonly action: "ALLOW" | "BLOCK";
}

/** An access control list (https://www.fastly.com/documentation/guides/concepts/edge-state/dynamic-config/#access-control-lists). */
export class Acl {
  readonly #entries = new PrefixMap<AclEntry>();

  /**
   * @param entries Of those with the same prefix the last counts.
   * @throws {TypeError} If a prefix is no range of addresses.
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
   * The entry with the longest prefix that an address is in. Its prefix is spelled as Fastly's platform does: the bits
   * behind it cleared, the groups of IPv6 written out.
   *
   * @param octets 4 or 16 of them.
   */
  lookup(octets: Uint8Array): AclEntry | undefined {
    return this.#entries.lookup(octets);
  }
}

/**
 * ACLs by name.
 *
 * @throws {TypeError} If a prefix is no range of addresses.
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

/** How many of an octet's bits are in the prefix. */
function clamp(bits: number): number {
  return Math.max(0, Math.min(8, bits));
}
