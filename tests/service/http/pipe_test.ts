import { collect, concat } from "../../../service/http/bytes.ts";
import { HostError } from "../../../service/errors.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { Pipe } from "../../../service/http/pipe.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../assert.ts";

const LARGE = new Uint8Array(64 * 1024);
const one = Uint8Array.of(1);

Deno.test("written pieces are read one by one, and then the end", async () => {
  const pipe = new Pipe();
  pipe.write(one);
  pipe.write(Uint8Array.of(2, 3));
  pipe.finish(new HeaderList(["x", "1"]));
  assertEquals([await pipe.read(), await pipe.read()], [one, Uint8Array.of(2, 3)]);
  assertEquals([await pipe.read(), await pipe.read()], [undefined, undefined]);
  assertEquals(pipe.trailers?.raw, ["x", "1"]);
});

Deno.test("an empty write is no piece", async () => {
  const pipe = new Pipe();
  pipe.write(new Uint8Array());
  pipe.write(one);
  pipe.finish();
  assertEquals(await collect(pipe), one);
});

Deno.test("many small pieces that wait are joined", async () => {
  const pipe = new Pipe();
  const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => at);
  for (let at = 0; at < bytes.length; at++) pipe.write(bytes.subarray(at, at + 1));
  pipe.finish();
  const pieces: Uint8Array[] = [];
  for (let piece; (piece = await pipe.read());) pieces.push(piece);
  assertEquals(concat(pieces), bytes);
  assert(pieces.length < 130, `${pieces.length} pieces`);
});

Deno.test("a reader waits for the writer", async () => {
  const pipe = new Pipe();
  const read = pipe.read();
  assert(read instanceof Promise);
  pipe.write(one);
  assertEquals(await read, one);
  const end = pipe.read();
  pipe.finish();
  assertEquals(await end, undefined);
});

Deno.test("a writer waits while too much is unread", async () => {
  const pipe = new Pipe();
  assertEquals(pipe.write(LARGE), undefined);
  assert(pipe.full);
  const waiting = pipe.write(one);
  assert(waiting instanceof Promise);
  assertEquals((await pipe.read())?.length, LARGE.length);
  await waiting;
  assert(!pipe.full);
  assertEquals(await pipe.read(), one);
});

Deno.test("several writers that wait are served in their order", async () => {
  const pipe = new Pipe();
  pipe.write(LARGE);
  const writes = [1, 2, 3].map((n) => pipe.write(Uint8Array.of(n)));
  await pipe.read();
  await Promise.all(writes);
  pipe.finish();
  assertEquals(await collect(pipe), Uint8Array.of(1, 2, 3));
});

Deno.test("the length is known once the writer has finished", () => {
  const pipe = new Pipe();
  pipe.write(one);
  assertEquals(pipe.length, undefined);
  pipe.finish();
  assertEquals(pipe.length, 1);
  pipe.read();
  assertEquals(pipe.length, 0);
});

Deno.test("an aborted message fails after the written bytes, and again", async () => {
  const pipe = new Pipe();
  pipe.write(one);
  pipe.abort(new Error("cut"));
  pipe.finish();
  assertEquals(pipe.length, undefined);
  assertEquals(await pipe.read(), one);
  assertThrows(() => pipe.read(), Error, "cut");
  assertThrows(() => pipe.read(), Error, "cut");
});

Deno.test("a reader that waits learns of the abort", async () => {
  const pipe = new Pipe();
  const read = pipe.read();
  pipe.abort(new Error("cut"));
  await assertRejects(() => Promise.resolve(read), Error, "cut");
});

Deno.test("a write to a reader that has left fails, waiting or not", async () => {
  const pipe = new Pipe();
  pipe.write(LARGE);
  const waiting = pipe.write(one);
  pipe.cancel(new Error("left"));
  await assertRejects(() => Promise.resolve(waiting), HostError);
  assertThrows(() => pipe.write(one), HostError);
  assert(!pipe.full);
  await pipe.room;
});
