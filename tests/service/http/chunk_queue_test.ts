import { Buffer } from "node:buffer";
import { type ByteSource, collect, wholeSource } from "../../../service/http/bytes.ts";
import { ChunkQueue } from "../../../service/http/chunk_queue.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { Pipe } from "../../../service/http/pipe.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../assert.ts";
import { processorTime } from "../../durations.ts";
import * as fc from "../../properties.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = async (queue: ChunkQueue) => new TextDecoder().decode(await collect(queue));

function queueOf(...pieces: (string | ByteSource)[]): ChunkQueue {
  const queue = new ChunkQueue();
  for (const piece of pieces) queue.push(typeof piece === "string" ? bytes(piece) : piece);
  return queue;
}

Deno.test("pieces are read in order, front ones first", async () => {
  const queue = queueOf("b", "c");
  queue.unshift(bytes("a"));
  assertEquals([queue.length, queue.done], [3, false]);
  assertEquals(await textOf(queue), "abc");
  assertEquals([queue.length, queue.done], [0, true]);
});

Deno.test("empty pieces are none", () => {
  const queue = queueOf("");
  queue.unshift(bytes(""));
  assertEquals(queue.read(), undefined);
});

Deno.test("a read takes no more than it asks for", () => {
  const queue = queueOf("abcde");
  assertEquals(queue.read(2), bytes("ab"));
  assertEquals(queue.read(2), bytes("cd"));
  assertEquals(queue.read(2), bytes("e"));
  assertEquals(queue.read(2), undefined);
});

Deno.test("many small pieces are read as fast as few", async () => {
  const count = 300_000;
  const millis = await processorTime(async () => {
    const queue = new ChunkQueue();
    const pipe = new Pipe();
    const piece = bytes("x");
    for (let i = 0; i < count; i++) queue.push(piece);
    for (let i = 0; i < 65_536; i++) pipe.write(piece);
    queue.push(pipe);
    pipe.finish();
    assertEquals((await textOf(queue)).length, count + 65_536);
  });
  assert(millis < 2000, `it took ${millis} ms`);
});

Deno.test("a body whose bytes have all arrived is whole, unless trailers follow", () => {
  assertEquals(queueOf().whole(), new Uint8Array());
  assertEquals(queueOf("a", "b").whole(), bytes("ab"));
  assertEquals(queueOf("a", new Pipe()).whole(), undefined);
  const queue = queueOf("a");
  queue.trailers.append("x", "1");
  assertEquals(queue.whole(), undefined);
});

Deno.test("a source stands at its place, and its fields come after its end", async () => {
  const pipe = new Pipe();
  const queue = queueOf("a", pipe, "c");
  assertEquals(queue.length, undefined);
  const read = textOf(queue);
  pipe.write(bytes("b"));
  pipe.finish(new HeaderList(["x", "1"]));
  assertEquals(await read, "abc");
  assertEquals(queue.trailers.raw, ["x", "1"]);
});

Deno.test("a piece put in front while a source is awaited is read first", async () => {
  const pipe = new Pipe();
  const queue = queueOf(pipe);
  assertEquals(queue.ready, false);
  queue.unshift(bytes("a"));
  assertEquals(queue.read(), bytes("a"));
  pipe.write(bytes("b"));
  assertEquals(await queue.read(), bytes("b"));
});

Deno.test("bytes that arrive after a piece was prepended are read after that piece", async () => {
  const pipe = new Pipe();
  const queue = queueOf(pipe, "c");
  const arrived = queue.whenReady();
  queue.unshift(bytes("a"));
  pipe.write(bytes("b"));
  pipe.finish();
  await arrived;
  assertEquals(await textOf(queue), "abc");
});

Deno.test("it is ready when bytes, the end or a failure are at hand", async () => {
  assert(queueOf().ready);
  assert(queueOf("a").ready);
  for (
    const happen of [
      (pipe: Pipe) => void pipe.write(bytes("a")),
      (pipe: Pipe) => pipe.finish(),
      (pipe: Pipe) => pipe.abort(new Error("cut")),
    ]
  ) {
    const pipe = new Pipe();
    const queue = queueOf(pipe);
    assert(!queue.ready);
    happen(pipe);
    await queue.whenReady();
    assert(queue.ready);
  }
});

Deno.test("a failure comes after the bytes before it, and stays", async () => {
  const pipe = new Pipe();
  const queue = queueOf(pipe, "never");
  pipe.write(bytes("a"));
  pipe.abort(new Error("cut"));
  assertEquals(await queue.read(), bytes("a"));
  assertThrows(() => queue.read(), Error, "cut");
  assertThrows(() => queue.read(), Error, "cut");
  assertEquals(queue.whole(), undefined);
});

Deno.test("a reader that waits learns of the failure", async () => {
  const pipe = new Pipe();
  const read = queueOf(pipe).read();
  pipe.abort(new Error("cut"));
  await assertRejects(() => Promise.resolve(read), Error, "cut");
});

Deno.test("cancel reaches every source, and there is nothing left", () => {
  const pipes = [new Pipe(), new Pipe()];
  const queue = queueOf("a", ...pipes);
  queue.cancel(new Error("left"));
  for (const pipe of pipes) assertThrows(() => pipe.write(bytes("x")));
  assertEquals(queue.read(), undefined);
});

Deno.test("queues nest", async () => {
  const inner = queueOf("b", "c");
  inner.trailers.append("x", "1");
  const outer = queueOf("a", inner, "d");
  assertEquals(outer.length, undefined, "fields follow");
  assertEquals(await textOf(outer), "abcd");
  assertEquals(outer.trailers.raw, ["x", "1"]);
});

/** Steps of one queue that is counted, and of another whose pieces may come behind it. */
const counted = fc.array(
  fc.oneof(
    fc.record({ step: fc.constantFrom("push", "unshift", "pipe", "other"), size: fc.nat(9) }),
    fc.record({ step: fc.constantFrom("read", "write"), size: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ step: fc.constantFrom("join", "cancel"), size: fc.constant(0) }),
  ),
  { maxLength: 40 },
);

Deno.test("bytes are counted from when they are at hand until they are read or given up", async () => {
  await fc.assert(fc.asyncProperty(counted, async (steps) => {
    const held = { bytes: 0 };
    const queue = queueOf("abc");
    queue.countIn(held);
    let other = new ChunkQueue();
    other.countIn(held);
    const pipes: Pipe[] = [];
    let length = 3;
    for (const { step, size } of steps) {
      if (step === "push") queue.push(new Uint8Array(size));
      else if (step === "unshift") queue.unshift(new Uint8Array(size));
      else if (step === "other") other.push(new Uint8Array(size));
      else if (step === "pipe") queue.push(pipes[pipes.push(new Pipe(held)) - 1]!);
      else if (step === "write") pipes.at(-1)?.write(new Uint8Array(size));
      else if (step === "join") {
        queue.join(other);
        other = new ChunkQueue();
        other.countIn(held);
      } else if (step === "cancel") {
        queue.cancel();
        pipes.length = 0;
        length = 0;
      } else if (queue.ready) {
        const chunk = await queue.read(size);
        length -= chunk?.length ?? 0;
      }
      if (/push|other/.test(step) || step === "unshift" || (step === "write" && pipes.length)) {
        length += size;
      }
      if (step === "cancel") length = other.length!;
      // A chunk on its way from a pipe to the queue is in neither for some microtasks.
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(held.bytes, length, step);
    }
    other.cancel();
    queue.cancel();
    assertEquals(held.bytes, 0);
  }));
});

Deno.test("bytes that arrived before counting starts are counted, read ones are not", async () => {
  const held = { bytes: 0 };
  const queue = queueOf("abc", "de");
  await queue.read(1);
  queue.countIn(held);
  queue.countIn({ bytes: 0 }); // the first counts
  assertEquals(held.bytes, 4);
  assertEquals(await textOf(queue), "bcde");
  assertEquals(held.bytes, 0);
});

Deno.test("a source with fields at its end has no length to declare", () => {
  const queue = new ChunkQueue();
  const source = new Pipe();
  queue.push(source);
  source.write(new Uint8Array(3));
  source.finish(new HeaderList(["a", "1"]));
  assertEquals([source.length, queue.length], [3, undefined]);
});

Deno.test("single bytes take little more memory than they are", () => {
  const queue = new ChunkQueue();
  const before = Deno.memoryUsage().heapUsed;
  for (let i = 0; i < 1 << 20; i++) queue.push(Uint8Array.of(i));
  const taken = Deno.memoryUsage().heapUsed - before;
  assert(taken < 64 << 20, `${taken} bytes`); // each in an array of its own took more than 200
  assertEquals(queue.length, 1 << 20);
});

Deno.test("any pieces, in front and behind, are read in their order", async () => {
  const change = fc.record({
    to: fc.constantFrom("back", "back", "front"),
    times: fc.constantFrom(1, 1, 63, 64, 65, 200),
    size: fc.constantFrom(1, 3, 5000, 9000),
    arrives: fc.constantFrom(false, false, false, true),
    read: fc.nat(3),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
      const queue = new ChunkQueue();
      let next = 0;
      let expected = Buffer.alloc(0);
      const take = (bytes: Uint8Array = new Uint8Array()) => {
        assert(expected.subarray(0, bytes.length).equals(bytes));
        expected = expected.subarray(bytes.length);
      };
      for (const { to, times, size, arrives, read } of changes) {
        for (let i = 0; i < (size > 3 ? 1 : times); i++) {
          const bytes = new Uint8Array(size).fill(next++);
          const piece = arrives ? wholeSource(bytes) : bytes;
          if (to === "back") queue.push(piece);
          else queue.unshift(piece);
          expected = Buffer.concat(to === "back" ? [expected, bytes] : [bytes, expected]);
        }
        for (let i = 0; i < read; i++) take(await queue.read(2000));
      }
      for (let bytes; (bytes = await queue.read());) take(bytes);
      assertEquals(expected.length, 0);
    }),
    { numRuns: 100 },
  );
});
