import { digestOf, digestOfPieces, sha256 } from "../../../service/util/digest.ts";
import { assertEquals, assertNotEquals } from "../../assert.ts";

Deno.test("digests of bytes and of texts are those of FIPS 180-4's example", async () => {
  const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assertEquals(await digestOf(new TextEncoder().encode("abc")), expected);
  assertEquals(sha256().update("a").update("bc").digest("hex"), expected);
});

Deno.test("a digest of pieces is that of the same pieces alone", async () => {
  const of = (...texts: string[]) =>
    digestOfPieces(texts.map((text) => new TextEncoder().encode(text)));
  assertEquals(await of("ab", "", "c"), await of("ab", "", "c"));
  for (const other of [["ab", "c"], ["a", "b", "c"], ["ab", "", "d"], ["abc"], []]) {
    assertNotEquals(await of(...other), await of("ab", "", "c"));
  }
});
