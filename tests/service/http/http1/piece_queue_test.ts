import { PieceQueue } from "../../../../service/http/http1/piece_queue.ts";
import { assert, assertEquals } from "../../../assert.ts";

/** A queue of pieces of these sizes, each filled with its index, and those that it has given back. */
function queueOf(
  ...sizes: number[]
): { queue: PieceQueue; pieces: Uint8Array[]; copied: Uint8Array[] } {
  const copied: Uint8Array[] = [];
  const queue = new PieceQueue((piece) => copied.push(piece));
  const pieces = sizes.map((size, index) => new Uint8Array(size).fill(index));
  for (const piece of pieces) queue.push(piece);
  return { queue, pieces, copied };
}

Deno.test("small pieces are joined, in their order, and given back", () => {
  const { queue, pieces, copied } = queueOf(3, 2, 1);
  assertEquals(queue.bytes, 6);
  assertEquals(queue.shift(), Uint8Array.of(0, 0, 0, 1, 1, 2));
  assertEquals(copied, pieces);
  assertEquals([queue.bytes, queue.shift()], [0, undefined]);
});

Deno.test("large pieces are never copied", () => {
  const { queue, pieces, copied } = queueOf(100_000, 5, 5, 8192, 5, 100_000);
  assert(queue.shift() === pieces[0]);
  assertEquals(queue.shift()?.length, 10);
  assert(queue.shift() === pieces[3]);
  assert(queue.shift() === pieces[4]);
  assert(queue.shift() === pieces[5]);
  assertEquals(copied, [pieces[1]!, pieces[2]!]);
  assertEquals(queue.bytes, 0);
});

Deno.test("small pieces are joined up to a size", () => {
  const { queue, pieces } = queueOf(...new Array<number>(100).fill(1000));
  const sizes = [];
  const bytes = [];
  for (let piece; (piece = queue.shift());) {
    sizes.push(piece.length);
    bytes.push(...piece);
  }
  assertEquals(sizes, [64_000, 36_000]);
  assertEquals(bytes, pieces.flatMap((piece) => [...piece]));
});

Deno.test("single bytes take little more memory than they are", () => {
  const queue = new PieceQueue();
  const before = Deno.memoryUsage().heapUsed;
  for (let i = 0; i < 1 << 20; i++) queue.push(Uint8Array.of(i));
  const taken = Deno.memoryUsage().heapUsed - before;
  assert(taken < 64 << 20, `${taken} bytes`); // each in an array of its own took more than 100
  assertEquals(queue.bytes, 1 << 20);
});

Deno.test("a queue that was cleared is empty", () => {
  const { queue } = queueOf(3, 2);
  queue.clear();
  assertEquals([queue.bytes, queue.shift()], [0, undefined]);
});
