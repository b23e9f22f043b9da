import { octetsOf } from "../../../service/util/address.ts";
import { PrefixMap, rangeOf } from "../../../service/util/prefix_map.ts";
import { assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";

/** The bits of an address, as text. */
function bitsOf(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(2).padStart(8, "0")).join("");
}

Deno.test("the longest prefix counts, of IPv4 and of IPv6, as in a list that is searched", () => {
  // Few different bits, so that ranges contain each other.
  const octet = fc.constantFrom(0, 1, 0x80, 0xff);
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.array(octet, { minLength: 4, maxLength: 4 }).map((octets) => Uint8Array.from(octets)),
    fc.array(octet, { minLength: 16, maxLength: 16 }).map((octets) => Uint8Array.from(octets)),
  );
  const range = fc.tuple(address, fc.nat(128)).map(([octets, bits]) => ({
    octets,
    length: bits % (octets.length * 8 + 1),
  }));
  fc.assert(fc.property(fc.array(range), fc.array(address), (ranges, addresses) => {
    const map = new PrefixMap<number>();
    for (const [value, range] of ranges.entries()) map.set(range, value);
    for (const octets of [...addresses, ...ranges.map(({ octets }) => octets)]) {
      let best: number | undefined;
      for (const [value, range] of ranges.entries()) {
        const same = range.octets.length === octets.length &&
          bitsOf(range.octets).slice(0, range.length) === bitsOf(octets).slice(0, range.length);
        if (same && (best === undefined || range.length >= ranges[best]!.length)) best = value;
      }
      assertEquals(map.lookup(octets), best);
    }
  }));
});

Deno.test("the range of all addresses is of its own family", () => {
  const map = new PrefixMap<string>();
  map.set(rangeOf("0.0.0.0/0")!, "4");
  assertEquals(map.lookup(octetsOf("255.1.2.3")!), "4");
  assertEquals(map.lookup(octetsOf("::1")!), undefined);
  map.set(rangeOf("::/0")!, "6");
  assertEquals([map.lookup(octetsOf("::1")!), map.lookup(octetsOf("1.2.3.4")!)], ["6", "4"]);
});

for (
  const text of [
    "",
    "/8",
    "1.2.3/24",
    "10/8",
    "0x7f.0.0.1",
    "017.0.0.1.1",
    "1.2.3.4/33",
    "::/129",
    "1.2.3.4/",
    "1.2.3.4/-1",
    "1.2.3.4/1/2",
    "1.2.3.4/08x",
  ]
) {
  Deno.test(`${JSON.stringify(text)} is no range`, () => assertEquals(rangeOf(text), undefined));
}
