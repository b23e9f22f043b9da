import { ContentBuffer } from "../../../service/cache/buffer.ts";
import { concat } from "../../../service/http/bytes.ts";
import { assert, assertEquals } from "../../assert.ts";

const BYTES = Uint8Array.from({ length: 30_000 }, (_, at) => at * 7);

/** Pieces of a buffer, in order. */
function piecesOf(buffer: ContentBuffer): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = buffer.start; at < buffer.end; at += pieces.at(-1)!.length) {
    pieces.push(buffer.at(at));
  }
  return pieces;
}

Deno.test("many small pieces of a content are joined, however many of them were dropped", () => {
  const buffer = new ContentBuffer();
  for (let at = 0; at < BYTES.length; at++) {
    buffer.push(BYTES.subarray(at, at + 1));
    if (at === 50) buffer.drop(30);
    if (at === 20_000) buffer.trim(10_000);
  }
  const pieces = piecesOf(buffer);
  assertEquals(concat(pieces), BYTES.subarray(buffer.start));
  assert(buffer.start > 0 && buffer.start <= 10_000, `it begins at ${buffer.start}`);
  assert(pieces.length < 100, `${pieces.length} pieces`);
});

Deno.test("large pieces of a content are kept as they are", () => {
  const buffer = new ContentBuffer();
  const large = BYTES.subarray(0, 8192);
  for (let count = 0; count < 100; count++) buffer.push(large);
  assertEquals(piecesOf(buffer).length, 100);
  assert(buffer.at(0).buffer === BYTES.buffer);
});
