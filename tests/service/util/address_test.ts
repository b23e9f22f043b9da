import { addressOf, octetsOf } from "../../../service/util/address.ts";
import { assertEquals, assertMatch } from "../../assert.ts";
import * as fc from "../../properties.ts";

const octets = (...groups: number[]) =>
  Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]));

const canonical: [groups: number[], text: string][] = [
  [[0, 0, 0, 0, 0, 0, 0, 0], "::"],
  [[0, 0, 0, 0, 0, 0, 0, 1], "::1"],
  [[1, 0, 0, 0, 0, 0, 0, 0], "1::"],
  [[0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xa], "2001:db8::a"],
  [[1, 0, 2, 3, 4, 5, 6, 7], "1:0:2:3:4:5:6:7"],
  [[1, 0, 0, 2, 0, 0, 0, 3], "1:0:0:2::3"],
  [[1, 0, 0, 2, 3, 0, 0, 4], "1::2:3:0:0:4"],
  [[0x10, 0, 1, 0, 0, 2, 3, 4], "10:0:1::2:3:4"],
  [[0x100, 0, 1, 2, 3, 0, 0, 0x400], "100:0:1:2:3::400"],
];
for (const [groups, text] of canonical) {
  Deno.test(`${text} is the canonical text of its groups`, () => {
    assertEquals(addressOf(octets(...groups)), text);
    assertEquals(octetsOf(text), octets(...groups));
  });
}

Deno.test("IPv4 is four numbers, also inside IPv6", () => {
  assertEquals(addressOf(Uint8Array.of(127, 0, 0, 1)), "127.0.0.1");
  assertEquals(octetsOf("203.0.113.9"), Uint8Array.of(203, 0, 113, 9));
  assertEquals(octetsOf("::FFFF:203.0.113.9"), Uint8Array.of(203, 0, 113, 9));
});

Deno.test("IPv6 may be spelled in any case, in full, and with a zone", () => {
  assertEquals(octetsOf("2001:0DB8:0:0:0:0:0:000A"), octets(0x2001, 0xdb8, 0, 0, 0, 0, 0, 10));
  assertEquals(octetsOf("fe80::1%eth0"), octets(0xfe80, 0, 0, 0, 0, 0, 0, 1));
});

for (
  const text of [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.-4",
    "1.2.3.0x1",
    "host",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8:9",
    "12345::",
    "g::",
    "[::1]",
    "::1 ",
  ]
) {
  Deno.test(`${JSON.stringify(text)} is no address`, () => {
    assertEquals(octetsOf(text), undefined);
  });
}

Deno.test("every address comes back from its text, and IPv6 is as short as can be", () => {
  const group = fc.oneof(fc.constant(0), fc.constantFrom(0x10, 0x100, 0x1000), fc.nat(0xffff));
  fc.assert(fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
    const text = addressOf(octets(...groups));
    assertEquals(octetsOf(text), octets(...groups));
    assertMatch(text, /^[0-9a-f:]+$/);
    assertEquals(text, new URL(`http://[${text}]`).hostname.slice(1, -1));
  }));
});

Deno.test("a text is an IPv4 address if it is four decimal numbers of up to three digits below 256", () => {
  const part = fc.oneof(
    fc.nat(300).map(String),
    fc.constantFrom("", "00", "007", "0255", "x", " 1"),
  );
  fc.assert(fc.property(fc.array(part, { minLength: 3, maxLength: 5 }), (parts) => {
    const valid = parts.length === 4 &&
      parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
    assertEquals(octetsOf(parts.join(".")), valid ? octets4(parts) : undefined);
  }));
});

function octets4(parts: readonly string[]): Uint8Array {
  return Uint8Array.from(parts, Number);
}
