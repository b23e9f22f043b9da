import { PieceQueue } from "../../../../service/http/http1/piece_queue.ts";
import { assert, assertEquals } from "../../../assert.ts";

/** A queue of pieces of these sizes, each filled with its index. */
function queueOf(...sizes: number[]): { queue: PieceQueue; pieces: Uint8Array[] } {
  const queue = new PieceQueue();
  const pieces = sizes.map((size, index) => new Uint8Array(size).fill(index));
  for (const piece of pieces) queue.push(piece);
  return { queue, pieces };
}

Deno.test("small pieces are joined, in their order, and given back", () => {
  const { queue, pieces } = queueOf(3, 2, 1);
  const copied: Uint8Array[] = [];
  assertEquals(queue.bytes, 6);
  assertEquals(queue.shift((piece) => copied.push(piece)), Uint8Array.of(0, 0, 0, 1, 1, 2));
  assertEquals(copied, pieces);
  assertEquals([queue.bytes, queue.shift()], [0, undefined]);
});

Deno.test("large pieces are never copied", () => {
  const { queue, pieces } = queueOf(100_000, 5, 5, 8192, 5, 100_000);
  const copied: Uint8Array[] = [];
  const shift = () => queue.shift((piece) => copied.push(piece));
  assert(shift() === pieces[0]);
  assertEquals(shift()?.length, 10);
  assert(shift() === pieces[3]);
  assert(shift() === pieces[4]);
  assert(shift() === pieces[5]);
  assertEquals(copied, [pieces[1]!, pieces[2]!]);
  assertEquals(queue.bytes, 0);
});

Deno.test("small pieces are joined up to a size", () => {
  const { queue } = queueOf(...new Array<number>(100).fill(1000));
  const sizes = [];
  for (let piece; (piece = queue.shift());) sizes.push(piece.length);
  assertEquals(sizes, [66_000, 34_000]);
});

Deno.test("a queue that was cleared is empty", () => {
  const { queue } = queueOf(3, 2);
  queue.clear();
  assertEquals([queue.bytes, queue.shift()], [0, undefined]);
});
