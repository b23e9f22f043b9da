import { geoRanges } from "../../../service/client/geo_ranges.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

Deno.test("of equal ranges the last counts, whatever their spelling", () => {
  const lookup = geoRanges([
    ["2001:db8::1", { city: "first" }],
    ["2001:0DB8:0::0001/128", { city: "last" }],
    ["10.255.0.0/8", { city: "bits behind the prefix do not count" }],
  ]);
  assertEquals(lookup("2001:db8::1"), { city: "last" });
  assertEquals(lookup("10.0.0.1"), { city: "bits behind the prefix do not count" });
});

Deno.test("prefixes of any length match exactly their addresses", () => {
  const bits = Array.from({ length: 33 }, (_, i) => i);
  for (const length of bits) {
    const lookup = geoRanges([[`170.170.170.170/${length}`, { city: "in" }]]);
    for (const bit of bits.slice(1)) {
      const other = (0xaaaaaaaa ^ (2 ** (32 - bit))) >>> 0;
      const ip = [24, 16, 8, 0].map((shift) => (other >>> shift) & 255).join(".");
      assertEquals(lookup(ip)?.city, bit > length ? "in" : undefined, `${ip}/${length}`);
    }
  }
});

Deno.test("IPv4 ranges hold no IPv6 addresses", () => {
  const lookup = geoRanges([["0.0.0.0/0", { city: "v4" }]]);
  assertEquals([lookup("::1"), lookup("1.1.1.1")?.city], [undefined, "v4"]);
  assertEquals(lookup("no address"), undefined);
});

Deno.test("an invalid range is refused", () => {
  for (const text of ["", "x", "1.2.3.4/33", "1.2.3.4/", "::/129", "1.2.3.4/8/8"]) {
    assertThrows(() => geoRanges([[text, {}]]), TypeError, `Cannot use the range "${text}"`);
  }
});
