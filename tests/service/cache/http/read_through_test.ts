import { collect } from "../../../../service/http/bytes.ts";
import { SendError } from "../../../../service/errors.ts";
import type { CacheUse } from "../../../../service/http/request_metrics.ts";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { counting, DATE, fieldsOf, Front, now, toldBy, turn } from "./_front.ts";
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

Deno.test("fifty who ask at once are one request, and read along", async () => {
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

Deno.test("what will not be stored holds nobody up", async () => {
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

Deno.test("requests for what is one client's pass for two minutes", async () => {
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

Deno.test("a stale answer is given at once, and one fetch renews it", async () => {
  const control = "max-age=10, stale-while-revalidate=10";
  using front = new Front(() => new Response("old", { headers: { "cache-control": control } }));
  await front.get();
  front.pass(15);
  let count = 0;
  front.always = () => new Response(`new ${++count}`, { headers: { "cache-control": control } });
  const [first, second] = [front.send(), front.send()].map(({ response }) => now(response));
  assertEquals(fieldsOf(first!, "x-cache", "age"), ["HIT", "15"]);
  assertEquals([await toldBy(first!), await toldBy(second!)], ["200 old", "200 old"]);
  await turn();
  assertEquals(await toldBy(now(front.send().response)), "200 new 1");
  await front.reached();
  assertEquals(front.asked.length, 2);
  assertEquals(front.uses, ["miss", "stale", "stale", "hit"]);
});

Deno.test("a stale object that cannot be renewed stays", async () => {
  const headers = { "cache-control": "max-age=10, stale-while-revalidate=10" };
  using front = new Front(() => new Response("old", { headers }));
  await front.get();
  front.pass(11);
  for (
    const fails of [
      () => new Response("down", { status: 503, headers }),
      () => {
        throw new SendError("connection_refused", "Cannot connect");
      },
    ]
  ) {
    front.always = fails;
    assertEquals(await front.get(), "200 old");
    await turn();
  }
  assertEquals(front.reports.length, 2);
  assert(front.reports[0]!.startsWith("warning: Using the stale response for http://a.test/ of"));
  front.always = counting();
  await front.get();
  await turn();
  assertEquals(await front.get(), "200 1");
});

for (const [name, value] of [["etag", 'W/"1"'], ["last-modified", DATE]] as const) {
  Deno.test(`without a stale window, an object with ${name} is asked about for a day`, async () => {
    const condition = name === "etag" ? "if-none-match" : "if-modified-since";
    const headers = { [name]: value, "cache-control": "max-age=10", "x-old": "1" };
    using front = new Front(() => new Response("kept", { headers }));
    await front.get();
    front.pass(10 + 86_399);
    front.always = undefined;
    const clients = [
      front.send(),
      front.send({ headers: { "if-none-match": '"other"' } }),
      front.send({ method: "HEAD" }),
    ];
    await front.reached();
    assertEquals(front.asked.length, 2, "those who ask meanwhile wait");
    assertEquals(front.asked[1]!.request.headers.get(condition), value);
    front.asked[1]!.answer.resolve(
      new Response(null, { status: 304, headers: { "x-new": "2", "cache-control": "max-age=20" } }),
    );
    const answers = await Promise.all(clients.map(({ response }) => response));
    assertEquals(await Promise.all(answers.map(toldBy)), ["200 kept", "200 kept", "200 "]);
    for (const answer of answers) {
      assertEquals(fieldsOf(answer, "x-old", "x-new", "age"), ["1", "2", "0"]);
    }
    front.pass(19);
    assertEquals(await toldBy(now(front.send().response)), "200 kept");
    assertEquals(front.uses, ["miss", "miss", "collapsed", "collapsed", "hit"]);
    front.pass(20 + 86_400);
    front.always = counting();
    assertEquals(await front.get(), "200 1");
    assertEquals(front.asked.at(-1)!.request.headers.get(condition), null, "it is gone");
  });
}

Deno.test("what is only kept to be asked about never answers by itself", async () => {
  const headers = { etag: '"1"', "cache-control": "max-age=10" };
  using front = new Front(() => new Response("old", { headers }));
  await front.get();
  front.pass(10);
  front.always = () => new Response("down", { status: 503 });
  const down = [front.send(), front.send()].map(({ response }) => response);
  assertEquals(await Promise.all((await Promise.all(down)).map(toldBy)), ["503 down", "503 down"]);
  front.always = () => {
    throw new SendError("connection_refused", "Cannot connect");
  };
  await assertRejects(() => front.get(), SendError);
  front.always = () => new Response(null, { status: 304 });
  assertEquals(await front.get(), "200 old", "it has stayed");
  front.pass(10);
  front.always = () => new Response("new", { headers: { ...headers, etag: '"2"' } });
  assertEquals(await front.get(), "200 new");
  assertEquals(await toldBy(now(front.send().response)), "200 new");
  assertEquals(front.reports, []);
});

Deno.test("an object without a validator, or of no use at all, is not kept to be asked about", async () => {
  const held: Record<string, string>[] = [
    { "cache-control": "max-age=10" },
    { etag: '"1"', "cache-control": "max-age=0" },
    { etag: '"1"', "cache-control": "no-cache" },
    { etag: '"1"', "cache-control": "max-age=10", age: "10" },
    { etag: '"1"', "cache-control": "private" },
  ];
  for (const headers of held) {
    using front = new Front(() => new Response("x", { headers }));
    await front.get();
    front.pass(130);
    await front.get();
    assertEquals(front.asked[1]!.request.headers.get("if-none-match"), null);
  }
});

Deno.test("the origin is asked about what is stored, and its word renews it", async () => {
  const headers = {
    etag: '"1"',
    "last-modified": DATE,
    "cache-control": "max-age=10, stale-if-error=90",
  };
  using front = new Front(() => new Response("kept", { headers: { ...headers, age: "5" } }));
  await front.get();
  front.pass(20);
  front.always = () => new Response(null, { status: 304, headers: { "x-new": "1" } });
  const asked = { headers: { "if-none-match": '"other"', range: "bytes=0-1" } };
  const response = await front.send(asked).response;
  const { request } = front.asked[1]!;
  assertEquals(
    ["if-none-match", "if-modified-since", "range"].map((name) => request.headers.get(name)),
    ['"1"', DATE, null],
  );
  assertEquals(fieldsOf(response, "x-new", "age", "content-range"), ["1", "0", "bytes 0-1/4"]);
  assertEquals(await toldBy(response), "206 ke");
  front.pass(9);
  assertEquals(await toldBy(now(front.send().response)), "200 kept");
  assertEquals(front.uses, ["miss", "miss", "hit"]);
});

Deno.test("a 304 that makes an answer one client's is given, and nothing is kept", async () => {
  const headers = { etag: '"1"', "cache-control": "max-age=10, stale-if-error=90" };
  using front = new Front(() => new Response("kept", { headers }));
  await front.get();
  front.pass(20);
  front.always = () => new Response(null, { status: 304, headers: { "cache-control": "private" } });
  assertEquals(await front.get(), "200 kept");
  front.always = counting();
  assertEquals(await front.get(), "200 1");
  assertEquals(front.uses, ["miss", "miss", "pass"]);
});

Deno.test("when the origin fails, all who wait get what was kept for that", async () => {
  const headers = { "cache-control": "max-age=10, stale-if-error=90" };
  for (const fails of ["down", 500, 502, 503, 504]) {
    using front = new Front(() => new Response("old", { headers }));
    await front.get();
    front.pass(20);
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    front.asked.length = 0;
    front.always = undefined;
    const answers = Array.from({ length: 3 }, () => front.send().response);
    await front.reached();
    promise.then(front.asked[0]!.answer.resolve, front.asked[0]!.answer.reject);
    if (typeof fails === "number") resolve(new Response("down", { status: fails, headers }));
    else reject(new SendError("connection_refused", "Cannot connect"));
    const told = await Promise.all((await Promise.all(answers)).map(toldBy));
    assertEquals(told, ["200 old", "200 old", "200 old"]);
    assertEquals(front.uses, ["miss", "stale", "stale", "stale"]);
    await front.reached();
    assertEquals(front.asked.length, 1);
  }
});

Deno.test("another status than those of a failure is the new answer", async () => {
  const headers = { "cache-control": "max-age=10, stale-if-error=90" };
  using front = new Front(() => new Response("old", { headers }));
  await front.get();
  front.pass(20);
  front.always = () => new Response("gone", { status: 404 });
  assertEquals([await front.get(), await front.get()], ["404 gone", "404 gone"]);
});

Deno.test("when the origin fails with nothing kept, each who waits asks for itself", async () => {
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

Deno.test("a HEAD for what is not kept has the head of the GET", async () => {
  const headers = { "cache-control": "no-cache", "content-length": "3" };
  using front = new Front(() => new Response("abc", { headers }));
  const response = await front.send({ method: "HEAD" }).response;
  assertEquals([response.body.length, ...fieldsOf(response, "content-length", "x-cache")], [
    ...[0, "3", "MISS"],
  ]);
});

Deno.test("who leaves early cuts off a fetch only if nobody else waits", async () => {
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

Deno.test("a slow reader holds nobody up, and nobody has to read", async () => {
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

Deno.test("the override says how long, and what else an object is", async () => {
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

Deno.test("what caches behind this one have said stays in front of what it says", async () => {
  using front = new Front(counting({ "x-cache": "HIT", "x-cache-hits": "3" }));
  await front.get();
  const response = now(front.send().response);
  assertEquals(fieldsOf(response, "x-cache", "x-cache-hits"), ["HIT, HIT", "3, 1"]);
});

Deno.test("what is larger than the cache goes past it, at its reader's own speed", async () => {
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
