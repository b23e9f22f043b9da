import { layoutOf } from "../../../wasm/rewrite/layout.ts";
import { packed, unpacked } from "../../../wasm/rewrite/packed.ts";
import { rewrite } from "../../../wasm/rewrite/rewrite.ts";
import { assert, assertEquals } from "../../assert.ts";
import { guestUrl } from "../../guests/serving.ts";

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("a rewritten module is the same when it is packed and unpacked", async () => {
  const layout = layoutOf(await Deno.readFile(guestUrl("rust")));
  const options = { memory: 2 ** 27, checks: true };
  for (const reset of [{ dirtyPages: true }, { dirtyPages: false }, undefined]) {
    const one = rewrite(layout, { ...options, reset });
    const bytes = joined(packed(one));
    const other = unpacked(bytes);
    assert(typeof other !== "string");
    const { offsets, ...rest } = other;
    const { offsets: own, ...expected } = one;
    assertEquals(rest.bytes.length, expected.bytes.length);
    assert(rest.bytes.every((byte, i) => byte === expected.bytes[i]));
    assertEquals({ ...rest, bytes: 0 }, { ...expected, bytes: 0 });
    for (let at = 0; at < one.bytes.length; at += 97) {
      assertEquals(offsets.original(at), own.original(at));
    }
  }
  assertEquals(unpacked(joined(packed("it has no memory"))), "it has no memory");
});
