import type { CacheDriver } from "../../../../service/cache/driver.ts";
import { memoryCacheDriver } from "../../../../service/cache/memory_driver.ts";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { collect } from "../../../../service/http/bytes.ts";
import { Front, toldBy, turn } from "./_front.ts";
import { sourceOf } from "../../backends/origins.ts";

/** A body that a test writes, and whether its reader has left. */
class Body {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  cancelled = false;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

  constructor() {
    this.body = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      cancel: () => void (this.cancelled = true),
    });
  }

  write(length: number): void {
    this.#controller.enqueue(new Uint8Array(length));
  }

  fail(): void {
    this.#controller.error(new Error("The origin is gone"));
  }
}

/** Has a client read so many pieces of an endless response, and leave. */
async function leaveEndless(front: Front, pieces: number): Promise<Body> {
  const endless = new Body();
  const reading = front.send().response;
  await front.reached();
  front.asked.at(-1)!.answer.resolve(new Response(endless.body));
  const source = sourceOf(await reading);
  for (let count = 0; count < pieces; count++) {
    endless.write(1000);
    await source.read();
  }
  source.cancel();
  return endless;
}

/** A driver on a disk that is full. */
function full(): CacheDriver {
  const fail = (): never => {
    throw new Error("database or disk is full");
  };
  return { ...memoryCacheDriver(), append: fail, put: fail, hide: fail };
}

const STALE_SOON = { etag: '"1"', "cache-control": "max-age=1, stale-while-revalidate=60" };
const CONFIRMED = {
  status: 304,
  headers: { etag: '"1"', "cache-control": "max-age=1000" },
};

for (const when of ["after", "before"] as const) {
  Deno.test(`content that breaks off ${when} the origin has confirmed it is not kept`, async () => {
    using front = new Front();
    const slow = new Body();
    const reading = front.send().response;
    await front.reached();
    front.asked[0]!.answer.resolve(new Response(slow.body, { headers: STALE_SOON }));
    slow.write(3);
    const first = sourceOf(await reading);
    front.pass(2);
    const second = sourceOf(await front.send().response);
    const confirm = async () => {
      await front.reached();
      front.asked[1]!.answer.resolve(new Response(null, CONFIRMED));
      await turn();
    };
    if (when === "after") await confirm();
    slow.fail();
    for (const source of [first, second]) {
      await assertRejects(() => collect(source), Error, "was not finished");
    }
    if (when === "before") await confirm();
    front.always = () => new Response("whole");
    assertEquals(await front.get(), "200 whole");
  });
}

Deno.test("a fetch ends that the cache has no room for, once its last reader has left", async () => {
  using front = new Front(undefined, 10_000);
  const endless = await leaveEndless(front, 20);
  assert(!endless.cancelled);
  endless.write(1000);
  await turn();
  assert(endless.cancelled, "the origin learns that nobody reads");
});

Deno.test("an answer that may have no end does not take the whole cache", async () => {
  using front = new Front(() => new Response("small"), 20_000);
  for (const path of ["1", "2", "3"]) await front.get({ url: `http://a.test/${path}` });
  front.always = undefined;
  const endless = await leaveEndless(front, 40);
  for (const path of ["1", "2", "3"]) await front.get({ url: `http://a.test/${path}` });
  assertEquals(front.uses, ["miss", "miss", "miss", "miss", "hit", "hit", "hit"]);
  endless.fail();
});

Deno.test("every request reads the response, even if the cache has no room for its beginning", async () => {
  using front = new Front(() => new Response("all of it"), 0);
  assertEquals([await front.get(), await front.get()], ["200 all of it", "200 all of it"]);
  assertEquals(front.uses, ["miss", "miss"]);
});

for (const [name, length] of [["nothing", 0], ["little", 10], ["much", 3 << 20]] as const) {
  Deno.test(`a driver that cannot keep ${name} spoils no answer`, async () => {
    const body = () => length ? new Uint8Array(length) : null;
    using front = new Front(() => new Response(body()), 16 << 20, full());
    for (let count = 0; count < 2; count++) {
      assertEquals((await collect((await front.send().response).body)).length, length);
    }
    assertEquals(front.uses, ["miss", "hit"]);
    assertEquals(front.reports.map((report) => report.split("\n")[0]), [
      "error: The cache goes on without its driver: Error: database or disk is full",
    ]);
  });
}

Deno.test("a driver that fails when an answer breaks off leaves the rest in order", async () => {
  using front = new Front(undefined, 1 << 20, full());
  const slow = new Body();
  const reading = front.send().response;
  await front.reached();
  front.asked[0]!.answer.resolve(new Response(slow.body));
  slow.fail();
  await assertRejects(async () => await toldBy(await reading), Error, "was not finished");
  front.always = () => new Response("whole");
  assertEquals(await front.get(), "200 whole");
});

Deno.test("a fetch ends whose backend sends nothing for too long: its head or the rest of its content", async () => {
  let waits: ((reason: string) => void) | undefined;
  const told: string[] = [];
  using front = new Front(undefined, 1 << 20, undefined, (stop, what) => {
    told.push(what);
    return { begin: () => waits = stop, end: () => waits = undefined };
  });
  const headless = front.send();
  const another = front.send();
  await front.reached();
  waits!("the backend has sent nothing");
  await assertRejects(async () => await headless.response);
  assertEquals(front.asked.length, 2, "who waited for the first one asks by itself");
  front.asked[1]!.answer.resolve(new Response("here"));
  assertEquals(await toldBy(await another.response), "200 here");
  const body = new Body();
  const reading = front.send({ url: "http://a.test/other" }).response;
  await front.reached();
  front.asked[2]!.answer.resolve(new Response(body.body));
  const source = sourceOf(await reading);
  body.write(10);
  assertEquals((await source.read())?.length, 10);
  await turn();
  const rest = assertRejects(async () => await source.read());
  waits!("the backend has sent nothing");
  await rest;
  await turn();
  assertEquals([body.cancelled, waits], [true, undefined]);
  assertEquals(told[0], 'A fetch of http://a.test/ from backend "origin" into the cache');
});
