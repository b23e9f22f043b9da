import { SendError } from "../../../../service/errors.ts";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { counting, DATE, fieldsOf, Front, now, toldBy, turn } from "./_front.ts";

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

Deno.test("an object kept for validation never answers by itself", async () => {
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

Deno.test("the origin validates the stored object, and its 304 renews it", async () => {
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

Deno.test("when the origin fails, all requests that wait get the object kept for errors", async () => {
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
