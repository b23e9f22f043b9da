import { utf8 } from "../../../service/util/utf8.ts";
import { assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";

Deno.test("a text becomes the bytes that the platform makes of it", () => {
  const texts = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.constantFrom("a".repeat(256), "a".repeat(257), "\ud800", "a\u0080", "\u007f"),
  );
  fc.assert(fc.property(texts, (text) => {
    assertEquals(utf8(text), new TextEncoder().encode(text));
  }));
});
