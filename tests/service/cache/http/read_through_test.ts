import { collect } from "../../../../service/http/bytes.ts";
import { SendError } from "../../../../service/errors.ts";
import type { CacheUse } from "../../../../service/http/request_metrics.ts";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { counting, fieldsOf, Front, now, toldBy, turn } from "./_front.ts";
import { sourceOf } from "../../backends/origins.ts";

Deno.test("the second answer is the first one's, with its age and without a wait", async () => {
  using front = new Front(counting({ "content-type": "a/b", "content-length": "1" }));
  const first = await front.send().response;
  const names = ["content-type", "content-length", "age", "x-cache", "x-cache-hits"];
  assertEquals(fieldsOf(first, ...names), ["a/b", "1", "0", "MISS", "0"]);
  assertEquals(await toldBy(first), "200 1");
  front.pass(3599.9);
  const second = now(front.send().response);
  assertEquals(fieldsOf(second, ...names), ["a/b", "1", "3599", "HIT", "1"]);
  assertEquals(await toldBy(second), "200 1");
  front.pass(0.1);
  assertEquals(await front.get(), "200 2");
  assertEquals(front.uses, ["miss", "hit", "miss"]);
});

Deno.test("fifty requests at once are one to the origin, and read along", async () => {
  using front = new Front();
  const answers = Array.from({ length: 50 }, () => front.send().response);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  await front.reached();
  front.asked[0]!.answer.resolve(new Response(readable as ReadableStream<Uint8Array<ArrayBuffer>>));
  const responses = await Promise.all(answers);
  const sources = responses.map(sourceOf);
  await writer.write(new TextEncoder().encode("one,"));
  for (const source of sources.slice(1)) {
    assertEquals(new TextDecoder().decode(await source.read()), "one,");
  }
  await writer.write(new TextEncoder().encode("two"));
  await writer.close();
  for (const source of sources.slice(1)) assertEquals((await collect(source)).length, 3);
  assertEquals((await collect(sources[0]!)).length, 7);
  await front.reached();
  assertEquals(front.asked.length, 1);
  assertEquals(front.uses, ["miss", ...Array<CacheUse>(49).fill("collapsed")]);
});

Deno.test("a response that will not be stored delays no request", async () => {
  for (const control of ["max-age=0", "no-cache", "private", "no-store"]) {
    using front = new Front();
    const answers = Array.from({ length: 3 }, () => front.send().response);
    await front.reached();
    front.always = counting();
    front.asked[0]!.answer.resolve(
      new Response("own", { headers: { "cache-control": control } }),
    );
    const responses = await Promise.all(answers);
    assertEquals(await Promise.all(responses.map(toldBy)), ["200 own", "200 1", "200 2"], control);
    assertEquals(front.asked.length, 3);
  }
});

Deno.test("requests for a private response pass for two minutes", async () => {
  using front = new Front(counting({ "cache-control": "private" }));
  assertEquals(await front.get(), "200 1");
  const passed = await front.send({ method: "HEAD", headers: { range: "bytes=0-1" } }).response;
  assertEquals(fieldsOf(passed, "x-cache", "x-cache-hits", "age"), [
    undefined,
    undefined,
    undefined,
  ]);
  const { request } = front.asked[1]!;
  assertEquals([request.method, request.headers.get("range")], ["HEAD", "bytes=0-1"]);
  front.pass(120);
  assertEquals(await front.get(), "200 3");
  assertEquals(front.uses, ["miss", "pass", "miss"]);
});

Deno.test("when the origin fails and no object is kept, each request that waits is sent", async () => {
  using front = new Front();
  const answers = Array.from({ length: 3 }, () => front.send().response);
  await front.reached();
  front.always = counting();
  front.asked[0]!.answer.reject(new SendError("connection_refused", "Cannot connect"));
  await assertRejects(() => Promise.resolve(answers[0]!), SendError);
  const told = await Promise.all(answers.slice(1).map(async (answer) => toldBy(await answer)));
  assertEquals(told.sort(), ["200 1", "200 2"]);
  assertEquals(front.uses, ["miss", "miss", "miss"]);
});

Deno.test("an answer that breaks off fails all its readers and does not stay", async () => {
  using front = new Front();
  const answers = [front.send().response, front.send().response];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(new Uint8Array(3)),
    pull: () => Promise.reject(new Error("The origin is gone")),
  }, { highWaterMark: 0 });
  await front.reached();
  front.asked[0]!.answer.resolve(new Response(body));
  for (const response of await Promise.all(answers)) {
    await assertRejects(() => collect(response.body), Error, "Cannot read on in a cached object");
  }
  front.always = counting();
  assertEquals(await front.get(), "200 1");
});

Deno.test("a declared length that does not come is an answer that breaks off", async () => {
  using front = new Front(() => new Response("abc", { headers: { "content-length": "4" } }));
  const response = await front.send().response;
  assertEquals(fieldsOf(response, "content-length"), ["4"]);
  await assertRejects(() => collect(response.body), Error, "too short");
  assertEquals(front.cache.bytes, 0);
});

Deno.test("HEAD, ranges and conditions are answered by the whole that one GET has brought", async () => {
  using front = new Front(() => new Response("0123456789", { headers: { etag: '"1"' } }));
  const head = await front.send({ method: "HEAD", headers: { range: "bytes=1-2" } }).response;
  assertEquals(await toldBy(head), "200 ");
  await front.reached();
  const { request } = front.asked[0]!;
  assertEquals([request.method, request.headers.get("range")], ["GET", null]);
  await turn();
  assertEquals(await front.get(), "200 0123456789");
  assertEquals(await front.get({ headers: { range: "bytes=1-2" } }), "206 12");
  assertEquals(await front.get({ headers: { "if-none-match": '"1"' } }), "304 ");
  const again = now(front.send({ method: "HEAD" }).response);
  assertEquals(fieldsOf(again, "content-length", "x-cache"), ["10", "HIT"]);
  await front.reached();
  assertEquals(front.asked.length, 1);
});

Deno.test("a HEAD for an object that is not stored has the head of the GET", async () => {
  const headers = { "cache-control": "no-cache", "content-length": "3" };
  using front = new Front(() => new Response("abc", { headers }));
  const response = await front.send({ method: "HEAD" }).response;
  assertEquals([response.body.length, ...fieldsOf(response, "content-length", "x-cache")], [
    ...[0, "3", "MISS"],
  ]);
});

Deno.test("a client that leaves early cancels a fetch only if no other waits", async () => {
  using front = new Front();
  const alone = front.send();
  await front.reached();
  alone.cancel();
  await assertRejects(() => Promise.resolve(alone.response), SendError);
  assert(front.asked[0]!.request.signal.aborted);

  const leader = front.send();
  const other = front.send().response;
  await front.reached();
  leader.cancel();
  front.asked[1]!.answer.resolve(new Response("all of it"));
  assertEquals(await toldBy(await other), "200 all of it");
  assertEquals(front.asked.length, 2);
});

Deno.test("a slow reader delays no other, and a fetch needs no reader", async () => {
  using front = new Front();
  const unread = front.send().response;
  let pulled = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      controller.enqueue(new Uint8Array(1000));
      if (++pulled === 100) controller.close();
    },
  });
  await front.reached();
  front.asked[0]!.answer.resolve(new Response(body));
  sourceOf(await unread).cancel();
  assertEquals((await front.get()).length, 100_004);
});

Deno.test("the override sets an object's lifetime and keys", async () => {
  const kept = { "cache-control": "max-age=0" };
  using front = new Front(counting(kept));
  const ttl = (ttl: number, url: string, more = {}) => ({ url, override: { ttl, ...more } });
  await front.get(ttl(5, "http://a.test/1"));
  front.pass(4);
  assertEquals(now(front.send({ url: "http://a.test/1" }).response).status, 200);
  front.pass(1);
  assertEquals(await front.get({ url: "http://a.test/1" }), "200 2");

  front.always = counting({ "cache-control": "max-age=60", age: "10", "surrogate-key": "a b" });
  await front.get(ttl(0, "http://a.test/2"));
  assertEquals(await front.get(ttl(20, "http://a.test/2")), "200 2");
  front.pass(19);
  assertEquals(fieldsOf(now(front.send({ url: "http://a.test/2" }).response), "age"), ["29"]);
  front.pass(1);
  const staleWhileRevalidate = 9;
  assertEquals(
    await front.get(ttl(1, "http://a.test/2", { staleWhileRevalidate, surrogateKeys: "c \xff" })),
    "200 3",
  );
  front.pass(2);
  assertEquals(await front.get({ url: "http://a.test/2" }), "200 3");
  await turn();
  assertEquals(front.uses.slice(-2), ["miss", "stale"]);
  assertEquals([front.cache.purge("c", false), front.cache.purge("b", false)], [0, 1]);
});

Deno.test("no override makes one client's answer everybody's", async () => {
  for (const [name, value] of [["set-cookie", "a"], ["cache-control", "private"], ["vary", "*"]]) {
    using front = new Front(counting({ [name!]: value! }));
    const sent = { override: { ttl: 30 } };
    assertEquals([await front.get(sent), await front.get(sent)], ["200 1", "200 2"]);
    front.pass(30);
    await front.get(sent);
    assertEquals(front.uses, ["miss", "pass", "miss"]);
  }
});

Deno.test("surrogate keys of the origin, of the override and of the URL purge", async () => {
  using front = new Front(counting({ "surrogate-key": "a  b", "surrogate-control": "max-age=9" }));
  const response = await front.send({ override: { surrogateKeys: "c d" } }).response;
  assertEquals(fieldsOf(response, "surrogate-key", "surrogate-control"), [undefined, undefined]);
  const debug = await front.send({ headers: { "fastly-debug": "1" } }).response;
  assertEquals(fieldsOf(debug, "surrogate-key", "surrogate-control"), ["a  b", "max-age=9"]);
  for (const [count, key] of ["b", "d"].entries()) {
    assertEquals(front.cache.purge(key, false), 1, key);
    assertEquals(await front.get({ override: { surrogateKeys: "c d" } }), `200 ${count + 2}`);
  }
  assertEquals(front.cache.purge("c", true), 1);
  assertEquals(await front.get(), "200 3");
  assertEquals(front.uses.at(-1), "stale");
});

Deno.test("a wait for the lookup has its limit, and then nothing goes to the origin", async () => {
  using front = new Front();
  const leader = front.send({ override: { lookupTimeout: 0 } }).response;
  for (const lookupTimeout of [0, 5]) {
    const late = front.send({ override: { lookupTimeout } }).response;
    const error = await assertRejects(() => Promise.resolve(late), SendError);
    assertEquals(error.failure, "http_response_timeout");
  }
  const patient = front.send({ override: { lookupTimeout: 2 ** 32 - 1 } }).response;
  await front.reached();
  front.asked[0]!.answer.resolve(new Response("in the end"));
  assertEquals(await toldBy(await leader), "200 in the end");
  assertEquals(await toldBy(await patient), "200 in the end");
  await front.reached();
  assertEquals([front.asked.length, front.uses], [1, ["miss", "collapsed"]]);
});

Deno.test("fields that an answer varies by choose among the answers", async () => {
  using front = new Front();
  front.always = counting({ vary: "Accept-Language" });
  const ask = (language: string) => front.get({ headers: { "accept-language": language } });
  assertEquals([await ask("de"), await ask("en"), await ask("de")], ["200 1", "200 2", "200 1"]);
});

Deno.test("fields of caches behind this one come before its own", async () => {
  using front = new Front(counting({ "x-cache": "HIT", "x-cache-hits": "3" }));
  await front.get();
  const response = now(front.send().response);
  assertEquals(fieldsOf(response, "x-cache", "x-cache-hits"), ["HIT, HIT", "3, 1"]);
});

Deno.test("a response larger than the cache is not stored, and goes at its reader's speed", async () => {
  using front = new Front(undefined, 1000);
  const answer = front.send().response;
  let pulled = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(1));
    },
  }, { highWaterMark: 0 });
  await front.reached();
  front.asked[0]!.answer.resolve(new Response(body, { headers: { "content-length": "1001" } }));
  const source = sourceOf(await answer);
  await source.read();
  await turn();
  assertEquals(pulled, 1);
  source.cancel();
});

Deno.test("closing ends the fetches, whose readers learn it", async () => {
  const front = new Front();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>();
  const reading = front.send().response;
  await front.reached();
  front.asked[0]!.answer.resolve(new Response(body));
  const response = await reading;
  const waiting = front.send({ url: "http://a.test/2" }).response;
  front.through.close();
  await assertRejects(() => collect(response.body), Error, "Cannot read on");
  await assertRejects(() => Promise.resolve(waiting), SendError);
  assertEquals(front.reports, []);
});
