import { Body } from "../../handles/body.ts";
import { Stop } from "../../handles/stop.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { Pipe } from "../../service/http/pipe.ts";
import { assertEquals } from "../assert.ts";
import { type Bench, BUF, OUT, OUT2, turn, watch, XqdStatus } from "./_bench.ts";
import {
  Caching,
  FRESH,
  lookupRecord,
  MODULE,
  RECORD,
  requestWith,
  STALE,
  State,
  writeRecord,
} from "./_cache.ts";

const { ok, inval, badf, unsupported, none } = XqdStatus;

Deno.test("one of two transactions has the obligation, and the other gets its object at once", async () => {
  using c = new Caching();
  using d = c.other();
  const [first, second] = [await c.busy("key"), await d.busy("key")];
  assertEquals(await c.b.got("fastly_async_io", "is_ready", first), 1);
  assertEquals(await d.b.got("fastly_async_io", "is_ready", second), 0);
  const holder = await c.wait(first);
  assertEquals(await c.b.call(MODULE, "close_busy", first), ok);
  assertEquals(await c.state(holder), State.mustInsert);
  const waiting = watch(d.wait(second));
  const writer = await c.b.got(
    MODULE,
    "transaction_insert",
    holder,
    ...writeRecord(c.b, { maxAge: 7 }),
  );
  const found = await waiting.value;
  assertEquals([await d.state(found), await d.number("get_max_age_ns", found)], [
    FRESH,
    7n * 10n ** 9n,
  ]);
  assertEquals(await c.state(holder), 0);
  await c.write(writer, "value");
  assertEquals(await d.read(found), "value");
  assertEquals(await d.b.call(MODULE, "cache_busy_handle_wait", second, OUT), badf);
});

Deno.test("a lookup that is closed while it waits does not affect others", async () => {
  using c = new Caching();
  using d = c.other();
  const handles = [await c.busy("key"), await c.busy("key"), await d.busy("key")];
  assertEquals(await c.b.call(MODULE, "close_busy", handles[1]!), ok);
  const holder = await c.wait(handles[0]!);
  const waiting = watch(d.wait(handles[2]!));
  await turn();
  assertEquals(waiting.settled, false);
  assertEquals(await c.b.call(MODULE, "transaction_cancel", holder), ok);
  assertEquals(await c.b.call(MODULE, "transaction_cancel", holder), badf);
  assertEquals(await d.state(await waiting.value), State.mustInsert);
});

Deno.test("a wait that only the guest itself could end is refused at once", async () => {
  using c = new Caching();
  const holder = await c.transaction("key");
  const { error } = XqdStatus;
  const lookup = () => c.b.now(MODULE, "transaction_lookup", "key", 0, 0, OUT);
  const replace = () => {
    c.b.memory.setU32(RECORD + 4, 3);
    return c.b.now(MODULE, "replace", "key", 4, RECORD, OUT);
  };
  const busy = await c.busy("key");
  assertEquals(await c.b.got("fastly_async_io", "is_ready", busy), 0);
  const wait = () => c.b.now(MODULE, "cache_busy_handle_wait", busy, OUT);
  const select = (count: number, timeout = 0) =>
    c.b.call("fastly_async_io", "select", BUF, count, timeout, OUT);
  c.b.memory.setU32(BUF, busy);
  c.b.memory.setU32(BUF + 4, await c.busy("key"));
  assertEquals([lookup(), replace(), wait(), select(1), select(2)], Array(5).fill(error));
  assertEquals(await select(2, 1), XqdStatus.ok, "with a time limit it waits");
  assertEquals(c.b.memory.u32(OUT), 0xffff_ffff);
  const pipe = new Pipe();
  c.b.memory.setU32(BUF + 8, c.b.sandbox.handles.insert(Body.of(pipe)));
  const others = watch(select(3));
  await turn();
  assertEquals(others.settled, false, "others can end it");
  pipe.finish();
  assertEquals([await others.value, c.b.memory.u32(OUT)], [XqdStatus.ok, 2]);
  assertEquals(await c.state(await c.transaction("other")), State.mustInsert);
  await c.write(
    await c.b.got(MODULE, "transaction_insert", holder, ...writeRecord(c.b, {})),
    "value",
  );
  assertEquals(await c.read(await c.wait(busy)), "value");
  assertEquals(lookup(), XqdStatus.ok);
});

Deno.test("a variant that others get is waited for, one of the guest's own is not", async () => {
  using c = new Caching();
  using d = c.other();
  const fields = async (b: Bench, lang: string) => await requestWith(b, "lang", lang);
  await c.store("key", "de", { vary: "lang", request: await fields(c.b, "de") });
  const own = await c.transaction("key", { request: await fields(c.b, "fr") });
  assertEquals(await c.state(own), State.mustInsert);
  const theirs = await d.transaction("key", { request: await fields(d.b, "en") });
  const waiting = watch(c.transaction("key", { request: await fields(c.b, "en") }));
  await turn();
  assertEquals(waiting.settled, false);
  assertEquals(await d.b.call(MODULE, "transaction_cancel", theirs), XqdStatus.ok);
  assertEquals(await c.state(await waiting.value), State.mustInsert);
});

Deno.test("a wait is refused when all that could end it has become the guest's own", async () => {
  using c = new Caching();
  using d = c.other();
  const theirs = await d.transaction("key");
  const [first, second] = [await c.busy("key"), await c.busy("key")];
  const waiting = watch(c.b.call(MODULE, "cache_busy_handle_wait", second, OUT));
  await turn();
  assertEquals(waiting.settled, false);
  assertEquals(await d.b.call(MODULE, "transaction_cancel", theirs), XqdStatus.ok);
  assertEquals(await waiting.value, XqdStatus.error);
  assertEquals(await c.state(await c.wait(first)), State.mustInsert);
  assertEquals(await c.b.call(MODULE, "close_busy", second), XqdStatus.ok);
});

Deno.test("a wait can have a timeout: select, then close", async () => {
  using c = new Caching();
  const [holder, waiting] = [await c.busy("key"), await c.busy("key")];
  c.b.memory.setU32(BUF, waiting);
  assertEquals(await c.b.got("fastly_async_io", "select", BUF, 1, 5), 0xffff_ffff);
  assertEquals(await c.b.call(MODULE, "close_busy", waiting), ok);
  assertEquals(await c.state(await c.wait(holder)), State.mustInsert);
});

for (const end of ["close", "close_busy", "sandbox"]) {
  Deno.test(`an obligation goes on to the next one at the ${end} of its holder`, async () => {
    using c = new Caching();
    const busy = await c.busy("key");
    const holder = end === "close" ? await c.wait(busy) : busy;
    const pending = c.b.service.cache.transaction("0:key", new HeaderList());
    assertEquals(pending.ready, false);
    if (end === "sandbox") c.b.sandbox.end();
    else assertEquals(await c.b.call(MODULE, end, holder), ok);
    assertEquals(pending.ready, true);
    pending.cancel();
  });
}

Deno.test("a guest that is stopped while it waits lets those behind it go on", async () => {
  using c = new Caching();
  const { cache } = c.b.service;
  const headers = new HeaderList();
  const holder = cache.transaction("0:key", headers);
  const status = c.b.call(MODULE, "transaction_lookup", "key", 0, 0, OUT);
  const next = cache.transaction("0:key", headers);
  c.b.sandbox.execution.stop(new Stop("The client left"));
  const stopped = await Promise.resolve(status).then(() => false, (error) => error instanceof Stop);
  c.b.sandbox.end();
  holder.take().obligation!.cancel();
  assertEquals([stopped, next.ready], [true, true]);
});

Deno.test("a transaction needs its obligation, and takes no request of its own", async () => {
  using c = new Caching();
  await c.store("key", "value");
  const found = await c.transaction("key");
  assertEquals(await c.state(found), FRESH);
  const record = writeRecord(c.b, {});
  for (const name of ["transaction_insert", "transaction_insert_and_stream_back"]) {
    assertEquals(await c.b.call(MODULE, name, found, ...record, OUT, OUT2), badf);
  }
  assertEquals(await c.b.call(MODULE, "transaction_update", found, ...record), badf);
  const missing = await c.transaction("other");
  assertEquals(await c.b.call(MODULE, "transaction_update", missing, ...record), badf);
  const request = writeRecord(c.b, { request: await c.b.request() });
  assertEquals(await c.b.call(MODULE, "transaction_insert", missing, ...request, OUT), inval);
  assertEquals(await c.state(missing), State.mustInsert);
});

Deno.test("an update changes all that is said of an object, and nothing in it", async () => {
  using c = new Caching();
  await c.store("key", "value", { maxAge: 10, swr: 10, metadata: "old" });
  c.pass(11);
  const [first, second] = [await c.transaction("key"), await c.transaction("key")];
  assertEquals([await c.state(first), await c.state(second)], [STALE | State.mustInsert, STALE]);
  const record = writeRecord(c.b, { maxAge: 20, metadata: "new" });
  assertEquals(await c.b.call(MODULE, "transaction_update", first, ...record), ok);
  const found = await c.lookup("key");
  const { text } = await c.b.read(MODULE, "get_user_metadata", [found]);
  assertEquals([await c.state(found), text, await c.read(found)], [FRESH, "new", "value"]);
  assertEquals(await c.number("get_age_ns", found), 0n);
});

Deno.test("a replacement reads the present object and replaces it", async () => {
  using c = new Caching();
  await c.store("key", "1", { metadata: "m", swr: 3, age: 1 });
  const handle = await c.b.got(MODULE, "replace", "key", 0, 0);
  assertEquals(await c.b.got(MODULE, "replace_get_state", handle), FRESH);
  assertEquals(await c.numbers(handle, "replace_"), [
    1n,
    60n * 10n ** 9n,
    3n * 10n ** 9n,
    10n ** 9n,
    0n,
  ]);
  const { text } = await c.b.read(MODULE, "replace_get_user_metadata", [handle]);
  const { body } = await c.open(handle, {}, "replace_get_body");
  assertEquals([text, await c.b.drain(body)], ["m", "1"]);
  const writer = await c.b.got(MODULE, "replace_insert", handle, ...writeRecord(c.b, {}));
  await c.write(writer, "2");
  assertEquals(await c.read(await c.lookup("key")), "2");
  assertEquals(await c.b.call(MODULE, "replace_get_state", handle, OUT), badf);
});

Deno.test("a replacement of nothing has a state, and no more", async () => {
  using c = new Caching();
  const handle = await c.b.got(MODULE, "replace", "key", 0, 0);
  assertEquals(await c.b.got(MODULE, "replace_get_state", handle), 0);
  assertEquals(await c.numbers(handle, "replace_"), Array(5).fill(`status ${none}`));
  assertEquals(await c.b.call(MODULE, "get_state", handle, OUT), badf);
  assertEquals(await c.b.call(MODULE, "close", handle), ok);
});

Deno.test("a replacement can make others wait, and wait itself", async () => {
  using c = new Caching();
  await c.store("key", "1");
  const replace = (strategy: number) => {
    c.b.memory.setU32(RECORD + 4, strategy);
    return c.b.got(MODULE, "replace", "key", 4, RECORD);
  };
  const forced = await replace(2);
  const reader = await c.busy("key");
  using d = c.other();
  d.b.memory.setU32(RECORD + 4, 3);
  const next = watch(d.b.got(MODULE, "replace", "key", 4, RECORD));
  await turn();
  assertEquals([await c.b.got("fastly_async_io", "is_ready", reader), next.settled], [0, false]);
  const writer = await c.b.got(MODULE, "replace_insert", forced, ...writeRecord(c.b, {}));
  await c.write(writer, "2");
  const taken = await next.value;
  assertEquals(await c.read(await c.wait(reader)), "2");
  const { body } = await d.open(taken, {}, "replace_get_body");
  assertEquals(await d.b.drain(body), "2");
  for (const bad of [0, 4]) {
    c.b.memory.setU32(RECORD + 4, bad);
    assertEquals(await c.b.call(MODULE, "replace", "key", 4, RECORD, OUT), inval);
  }
  for (const bit of [0, 3]) {
    assertEquals(await c.b.call(MODULE, "replace", "key", 1 << bit, RECORD, OUT), unsupported);
  }
});

Deno.test("the headers of a replacement are its own", async () => {
  using c = new Caching();
  const request = await requestWith(c.b, "a", "1");
  const handle = await c.b.got(MODULE, "replace", "key", ...lookupRecord(c.b, { request }));
  const record = writeRecord(c.b, { vary: "a", request });
  await c.write(await c.b.got(MODULE, "replace_insert", handle, ...record), "1");
  assertEquals(await c.read(await c.lookup("key", { request })), "1");
  assertEquals(await c.state(await c.lookup("key")), 0);
});
