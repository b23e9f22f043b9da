import { gzipSync } from "node:zlib";
import { collect, concat, EMPTY } from "../../../service/http/bytes.ts";
import { HostError } from "../../../service/errors.ts";
import { gunzip } from "../../../service/http/gunzip.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { sourceFrom } from "../backends/origins.ts";

const TEXT = "All work and no play makes Jack a dull boy. ".repeat(1000);
const ZIPPED = new Uint8Array(gzipSync(TEXT));

async function textOf(source: Parameters<typeof collect>[0]): Promise<string> {
  return new TextDecoder().decode(await collect(source));
}

Deno.test("whole gzip is decoded", async () => {
  const source = gunzip(ZIPPED);
  assertEquals(source.length, undefined);
  assertEquals(await textOf(source), TEXT);
  assertEquals(await source.read(), undefined);
});

Deno.test("gzip that comes byte by byte is decoded", async () => {
  const source = sourceFrom(async function* () {
    for (const byte of ZIPPED) yield new Uint8Array([byte]);
  }());
  assertEquals(await textOf(gunzip(source)), TEXT);
});

Deno.test("several members are one text", async () => {
  const other = new Uint8Array(gzipSync("And then."));
  assertEquals(await textOf(gunzip(concat([ZIPPED, other]))), TEXT + "And then.");
});

Deno.test("decoded bytes are there before the rest has arrived", async () => {
  const random = crypto.getRandomValues(new Uint8Array(60_000));
  const zipped = new Uint8Array(gzipSync(random));
  const read = Promise.withResolvers<void>();
  const source = gunzip(sourceFrom(async function* () {
    yield zipped.subarray(0, 40_000);
    await read.promise;
    yield zipped.subarray(40_000);
  }()));
  const first = await source.read();
  assert(first && first.length > 0);
  read.resolve();
  assertEquals(concat([first, await collect(source)]), random);
});

Deno.test("nothing is read before the first read, and no further than needed", async () => {
  let pulled = 0;
  const random = new Uint8Array(gzipSync(crypto.getRandomValues(new Uint8Array(65_536))));
  const source = sourceFrom(async function* () {
    for (; pulled < 100; pulled++) yield random;
  }());
  const decoded = gunzip(source);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(pulled, 0);
  await decoded.read();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert(pulled < 4, `${pulled} chunks were pulled`);
  decoded.cancel("enough");
  assertEquals(await source.cancelled, "enough");
});

Deno.test("content that is not gzip fails the first read", async () => {
  const source = sourceFrom(async function* () {
    yield "plain text";
  }());
  const error = await assertRejects(
    async () => await gunzip(source).read(),
    HostError,
    "Cannot decode",
  );
  assertEquals(error.kind, "failed");
  await source.cancelled;
});

Deno.test("gzip that ends too soon fails at its end", async () => {
  for (const length of [5, 30, ZIPPED.length - 1]) {
    await assertRejects(
      () => collect(gunzip(ZIPPED.subarray(0, length))),
      HostError,
      "not whole gzip",
    );
  }
});

Deno.test("nothing at all decodes to nothing", async () => {
  assertEquals(await collect(gunzip(EMPTY)), EMPTY);
});

Deno.test("trailers pass", async () => {
  const source = gunzip(sourceFrom(async function* () {
    yield ZIPPED;
    return new HeaderList(["X-Sum", "1"]);
  }()));
  assertEquals(await textOf(source), TEXT);
  assertEquals(source.trailers?.raw, ["X-Sum", "1"]);
});

Deno.test("a failure of the encoded content is passed on unchanged", async () => {
  const failure = new HostError("http-incomplete", "Cut");
  const source = gunzip(sourceFrom(async function* () {
    yield ZIPPED.subarray(0, 20);
    throw failure;
  }()));
  assertEquals(await assertRejects(() => collect(source), HostError), failure);
});

Deno.test("a decoder may be cancelled before it has begun, and in the middle of a read", async () => {
  gunzip(ZIPPED).cancel();
  const stalled = sourceFrom(async function* () {
    yield ZIPPED.subarray(0, 20);
    await new Promise(() => {});
  }());
  const source = gunzip(stalled);
  const reading = source.read();
  source.cancel("enough");
  await stalled.cancelled;
  assertEquals(await reading, undefined);
});
