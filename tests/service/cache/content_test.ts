import { type ByteSource, collect, type Payload } from "../../../service/http/bytes.ts";
import { CacheContent } from "../../../service/cache/content.ts";
import { readRange } from "../../../service/cache/range.ts";
import { HostError } from "../../../service/errors.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { turn, watch } from "../../abi/_bench.ts";

const DIGITS = "0123456789";

function contentOf(text: string, declared?: number): CacheContent {
  const content = new CacheContent(declared);
  add(content, text);
  return content;
}

function add(content: CacheContent, text: string): void {
  content.write(new TextEncoder().encode(text));
}

function whole(text: string, declared?: number): CacheContent {
  const content = contentOf(text, declared);
  content.finish();
  return content;
}

async function text(payload: Payload): Promise<string> {
  return new TextDecoder().decode(await collect(payload));
}

Deno.test("readers read along, each at its own place, and come to the same end", async () => {
  const content = contentOf("one,");
  const readers = [text(content.read()), text(content.read(2))];
  await turn();
  add(content, "two,");
  readers.push(text(content.read(4)));
  await turn();
  add(content, "three");
  assertEquals(content.length, undefined);
  content.finish();
  assertEquals(content.length, 13);
  assertEquals(await Promise.all(readers), ["one,two,three", "e,two,three", "two,three"]);
  assertEquals(await text(content.read()), "one,two,three");
});

Deno.test("whatever the pieces, every reader gets the bytes from its place on", async () => {
  const pieces = fc.array(fc.string({ unit: "grapheme-ascii", maxLength: 5 }), { maxLength: 8 });
  await fc.assert(fc.asyncProperty(pieces, fc.nat(50), fc.boolean(), async (pieces, at, early) => {
    const all = pieces.join("");
    const from = Math.min(at, all.length);
    const content = new CacheContent();
    const before = early ? text(content.read(from)) : undefined;
    for (const piece of pieces) {
      add(content, piece);
      if (early) await turn();
    }
    content.finish();
    assertEquals(await (before ?? text(content.read(from))), all.slice(from));
  }));
});

Deno.test("a content without its declared length fails for its readers", async () => {
  for (const content of [whole("1234", 5), whole("123456", 5)]) {
    await assertRejects(() => text(content.read()), Error, "Cannot read on");
    assertEquals(content.length, 5);
  }
  const cut = contentOf("1234");
  const reading = text(cut.read());
  cut.abort(new Error("The backend left"));
  await assertRejects(() => reading, Error, "not finished");
  await assertRejects(() => text(cut.read()), Error, "not finished");
});

Deno.test("all that was declared is all there is, though the writer does not end it", async () => {
  const content = contentOf("12345", 5);
  assertEquals(await text(content.read()), "12345");
  content.abort(new Error("The guest has ended"));
  assertEquals(await text(content.read()), "12345");
});

Deno.test("a piece does not keep a larger buffer alive", () => {
  const content = new CacheContent();
  content.write(new Uint8Array(1 << 20).subarray(0, 10));
  const piece = content.read(0, 5);
  content.finish();
  const kept = content.read();
  assert(!(piece instanceof Uint8Array), "an open content is read as it comes");
  assert(kept instanceof Uint8Array && kept.buffer.byteLength === 10);
});

/** `undefined` for everything. */
const RANGES: [from: number | undefined, to: number | undefined, part: string][] = [
  [undefined, undefined, DIGITS],
  [3, undefined, "3456789"],
  [3, 5, "345"],
  [0, 9, DIGITS],
  [9, 9, "9"],
  [undefined, 4, "6789"],
  [undefined, 10, DIGITS],
  [undefined, 11, DIGITS],
  [undefined, 0, DIGITS],
  [10, undefined, DIGITS],
  [3, 10, DIGITS],
  [5, 3, DIGITS],
];

for (const [from, to, part] of RANGES) {
  Deno.test(`of ten bytes ${from} to ${to} is "${part}"`, async () => {
    for (const content of [whole(DIGITS), whole(DIGITS, 10), contentOf(DIGITS, 10)]) {
      for (const insist of [true, false]) {
        assertEquals(await text(await readRange(content, { from, to }, insist)), part);
      }
    }
  });
}

Deno.test("a range of a known length does not wait for its bytes", async () => {
  const content = new CacheContent(10);
  const payload = readRange(content, { from: 2, to: 4 }, false);
  assert(!(payload instanceof Promise));
  assertEquals(payload.length, 3);
  const reading = text(payload);
  add(content, "01234");
  assertEquals(await reading, "234");
});

Deno.test("while the length is not known a range counts only if the reader insists", async () => {
  const content = contentOf("012345");
  const easy = readRange(content, { from: 6, to: 7 }, false);
  assert(!(easy instanceof Promise));
  const pending = watch(readRange(content, { from: 6, to: 7 }, true));
  const last = watch(readRange(content, { to: 3 }, true));
  await turn();
  assertEquals([pending.settled, last.settled], [false, false]);
  add(content, "6");
  await pending.value;
  add(content, "789");
  await turn();
  assertEquals(last.settled, false);
  content.finish();
  assertEquals(await text(easy), DIGITS);
  assertEquals(await text(await pending.value), "67");
  assertEquals(await text(await last.value), "789");
});

Deno.test("a range that turns out too long is read to the end, and breaks off there", async () => {
  const content = contentOf("0123");
  const payload = await readRange(content, { from: 2, to: 9 }, true);
  assert(!(payload instanceof Uint8Array));
  assertEquals(new TextDecoder().decode(await payload.read()), "23");
  const rest = collect(payload);
  content.finish();
  await assertRejects(() => rest, Error, "before the end of the range");
});

Deno.test("a writer that copies a source keeps to the pace of the fastest reader", async () => {
  const content = new CacheContent();
  content.findable = true;
  for (let i = 0; i < 3; i++) content.write(new Uint8Array(100_000));
  assertEquals(content.drained(), undefined, "it is written for readers to come");
  const slow = content.read() as ByteSource;
  const quick = content.read() as ByteSource;
  let waits = true;
  const stallClock = Promise.resolve(content.drained()).then(() => waits = false);
  await slow.read();
  await turn();
  assert(waits);
  await quick.read();
  await turn();
  assert(waits, "it is still far behind");
  await quick.read();
  await stallClock;
  content.write(new Uint8Array(300_000));
  const gone = content.drained();
  assert(gone instanceof Promise);
  quick.cancel();
  slow.cancel();
  await gone;
});

Deno.test("a content that no reader can reach is not copied", async () => {
  const content = new CacheContent();
  content.write(new Uint8Array(300_000));
  assertThrows(() => content.drained(), HostError);
  const reader = content.read() as ByteSource;
  const stallClock = content.drained();
  assert(stallClock instanceof Promise);
  reader.cancel();
  await assertRejects(() => stallClock, HostError);
});

Deno.test("a reader that has its range delays no other", async () => {
  const content = new CacheContent();
  content.findable = true;
  content.write(new Uint8Array(300_000));
  const part = content.read(0, 10) as ByteSource;
  assert(content.drained() instanceof Promise);
  await part.read();
  assertEquals(content.drained(), undefined);
});

Deno.test("bytes of a content that has left the cache are released when all readers have read them", async () => {
  const content = new CacheContent();
  const [one, two] = [content.read() as ByteSource, content.read() as ByteSource];
  for (let i = 0; i < 30; i++) {
    content.write(new Uint8Array(100_000).fill(i));
    assertEquals((await one.read())?.[0], i);
    if (i < 20) assertEquals((await two.read())?.[0], i);
  }
  await assertRejects(async () => await collect(content.read()), HostError, "are gone");
  content.finish();
  for (let i = 20; i < 30; i++) assertEquals((await two.read())?.[99_999], i);
  assertEquals([await one.read(), await two.read()], [undefined, undefined]);
});
