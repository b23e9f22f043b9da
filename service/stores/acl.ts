import { octetsOf } from "../util/address.ts";

/** One line of an ACL. Of all that an address is in, the longest prefix counts; of equal ones the last. */
export interface AclEntry {
  /** An address or a range in text, as `192.0.2.0/24` or `2001:db8::/32`. Bits behind the prefix are ignored. */
  readonly prefix: string;
  /** What the guest should do; the host itself does nothing. */
  readonly action: "ALLOW" | "BLOCK";
}

/** An access control list: what to do about which addresses. */
export class Acl {
  /** By prefix, as it is spelled out in answers. */
  readonly #entries = new Map<string, AclEntry>();
  /** The lengths of the prefixes, the longest first, for addresses of 4 and of 16 octets. */
  readonly #lengths: ReadonlyMap<number, readonly number[]>;

  /**
   * @param entries Of those with the same prefix the last counts.
   * @throws {TypeError} If a prefix is none.
   */
  constructor(entries: readonly AclEntry[]) {
    const lengths = new Map([[4, new Set<number>()], [16, new Set<number>()]]);
    for (const { prefix: text, action } of entries) {
      const range = rangeOf(text);
      if (!range) {
        throw new TypeError(`Cannot use the prefix "${text}": it is no range of addresses`);
      }
      const prefix = prefixOf(range.octets, range.length);
      this.#entries.set(prefix, { prefix, action });
      lengths.get(range.octets.length)!.add(range.length);
    }
    this.#lengths = new Map(
      [...lengths].map(([octets, lengths]) => [octets, [...lengths].sort((a, b) => b - a)]),
    );
  }

  /**
   * The entry with the longest prefix that an address is in. Its prefix is spelled as Fastly's platform does: the bits
   * behind it cleared, the groups of IPv6 written out.
   *
   * @param octets 4 or 16 of them.
   */
  lookup(octets: Uint8Array): AclEntry | undefined {
    for (const length of this.#lengths.get(octets.length) ?? []) {
      const entry = this.#entries.get(prefixOf(octets, length));
      if (entry) return entry;
    }
  }
}

/**
 * ACLs by name.
 *
 * @throws {TypeError} If a prefix is none.
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

/** Takes a range apart; undefined for what is none. An address alone is a range of one. */
export function rangeOf(
  text: string,
): { readonly octets: Uint8Array; readonly length: number } | undefined {
  const [, address, digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const octets = octetsOf(address ?? "");
  if (!octets) return undefined;
  const most = octets.length * 8;
  const length = digits === undefined ? most : Number(digits);
  return length <= most ? { octets, length } : undefined;
}

function prefixOf(octets: Uint8Array, length: number): string {
  const network = octets.map((octet, i) => octet & ~(0xff >>> clamp(length - i * 8)));
  if (network.length === 4) return `${network.join(".")}/${length}`;
  const digits = Array.from(network, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return `${digits.match(/.{4}/g)!.join(":")}/${length}`;
}

/** How many of an octet's bits are in the prefix. */
function clamp(bits: number): number {
  return Math.max(0, Math.min(8, bits));
}
