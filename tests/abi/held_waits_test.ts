/** No run of a program waits for bytes that only itself could write, also if that comes to be so during the wait. */
import { Pipe } from "../../service/http/pipe.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { type Bench, bench, BUF, OUT, OUT2, turn, watch, XqdStatus } from "./_bench.ts";
import { lookupRecord, MODULE, RECORD, writeRecord } from "./_cache.ts";

const { ok, error, badf } = XqdStatus;
const BODY = "fastly_http_body";
const encoder = new TextEncoder();

/** A guest with objects that it writes, and a client whose content is to come. */
class Writing implements Disposable {
  readonly b: Bench = bench({ kvStores: { s: {} } }, { body: new Pipe() });

  get client(): Pipe {
    return this.b.exchange.body as Pipe;
  }

  get content(): number {
    return this.b.sandbox.requests.downstream.body;
  }

  /** Begins an object; returns the bodies to write it into, and to read it from. */
  async object(key: string): Promise<{ readonly into: number; readonly from: number }> {
    const into = await this.b.got(MODULE, "insert", key, ...writeRecord(this.b, {}));
    return { into, from: await this.reader(key) };
  }

  async reader(key: string): Promise<number> {
    const found = await this.b.got(MODULE, "lookup", key, ...lookupRecord(this.b));
    return await this.b.got(MODULE, "get_body", found, 0, RECORD);
  }

  append(into: number, from: number): number | Promise<number> {
    return this.b.call(BODY, "append", into, from);
  }

  write(into: number, text: string): number | Promise<number> {
    return this.b.call(BODY, "write", into, text, 0, OUT2);
  }

  /** The text that a read gives, or its status. */
  async read(from: number): Promise<string | number> {
    const status = await this.b.call(BODY, "read", from, BUF, 100, OUT);
    return status === ok ? this.b.text(BUF, this.b.memory.u32(OUT)) : status;
  }

  [Symbol.dispose](): void {
    this.b[Symbol.dispose]();
  }
}

Deno.test("no body can be appended to the object that it is read from, through whatever others", async () => {
  for (const others of [0, 1, 2]) {
    using w = new Writing();
    const { into, from } = await w.object("first");
    let last = from;
    for (let i = 0; i < others; i++) {
      const other = await w.object(`other ${i}`);
      assertEquals(await w.append(other.into, last), ok);
      last = other.from;
    }
    const joined = await w.b.body("text before");
    assertEquals(await w.append(joined, last), ok);
    assertEquals(await w.append(into, joined), error, `${others} others`);
    assertEquals(await w.append(into, joined), badf, "it was consumed");
    assertEquals([await w.write(into, "hello"), await w.b.call(BODY, "close", into)], [ok, ok]);
    assertEquals(await w.read(await w.reader("first")), "hello");
  }
});

Deno.test("a read that waits for appended content is refused once the guest itself has to write the rest, and loses nothing", async () => {
  using w = new Writing();
  const { into, from } = await w.object("key");
  assertEquals(await w.append(into, w.content), ok);
  const waiting = watch(w.read(from));
  await turn();
  assertEquals(waiting.settled, false);
  w.client.finish();
  assertEquals(await waiting.value, error);
  assertEquals(await w.write(into, "hello"), ok);
  assertEquals(await w.read(from), "hello");
});

Deno.test("a read that waits for appended content succeeds if the guest has closed the object", async () => {
  using w = new Writing();
  const { into, from } = await w.object("key");
  assertEquals(await w.append(into, w.content), ok);
  assertEquals(await w.b.call(BODY, "close", into), ok);
  const waiting = watch(w.read(from));
  await turn();
  await w.client.write(encoder.encode("hello"));
  assertEquals(await waiting.value, "hello");
  const last = watch(w.read(from));
  await turn();
  w.client.finish();
  assertEquals(await last.value, "");
});

Deno.test("a read through several objects is refused once the first of them is the guest's to write", async () => {
  using w = new Writing();
  const [one, two, three] = [await w.object("1"), await w.object("2"), await w.object("3")];
  assertEquals(await w.append(two.into, one.from), ok);
  assertEquals(await w.append(three.into, two.from), ok);
  assertEquals(await w.read(three.from), error);
  assertEquals(await w.append(one.into, w.content), ok);
  const waiting = watch(w.read(three.from));
  await turn();
  assertEquals(waiting.settled, false);
  await w.client.write(encoder.encode("hello"));
  assertEquals(await waiting.value, "hello");
  const late = watch(w.read(three.from));
  await turn();
  w.client.finish();
  assertEquals(await late.value, error);
});

Deno.test("a select is refused once all that could end it is the guest's to write", async () => {
  using w = new Writing();
  const { into, from } = await w.object("key");
  assertEquals(await w.append(into, w.content), ok);
  w.b.memory.setU32(BUF, from);
  const waiting = watch(w.b.call("fastly_async_io", "select", BUF, 1, 0, OUT));
  await turn();
  assertEquals(waiting.settled, false);
  w.client.finish();
  assertEquals(await waiting.value, error);
});

Deno.test("an append to a response is refused, and cuts it, once the rest is the guest's to write", async () => {
  for (const appended of [false, true]) {
    using w = new Writing();
    const { into, from } = await w.object("key");
    if (appended) assertEquals(await w.append(into, w.content), ok);
    const response = await w.b.got("fastly_http_resp", "new");
    const body = await w.b.body();
    assertEquals(await w.b.call("fastly_http_resp", "send_downstream", response, body, 1), ok);
    const waiting = watch(w.append(body, from));
    await turn();
    assertEquals(waiting.settled, !appended);
    w.client.finish();
    assertEquals(await waiting.value, error);
    await assertRejects(() => w.b.exchange.responseText());
  }
});

Deno.test("a write after appended content is refused if the guest itself has to write that content", async () => {
  for (const appended of [false, true]) {
    using w = new Writing();
    const [one, two] = [await w.object("1"), await w.object("2")];
    if (appended) assertEquals(await w.append(one.into, w.content), ok);
    assertEquals(await w.append(two.into, one.from), ok);
    const waiting = watch(Promise.resolve(w.write(two.into, "behind")));
    await turn();
    assertEquals(waiting.settled, !appended);
    w.client.finish();
    assertEquals(await waiting.value, error);
    assertEquals(await w.b.call(BODY, "close", one.into), ok);
    assertEquals(await w.write(two.into, "again"), ok);
    assertEquals(await w.read(two.from), "again");
  }
});

Deno.test("an insert into a KV store is refused once the rest of its body is the guest's to write", async () => {
  for (const appended of [false, true]) {
    using w = new Writing();
    const { into, from } = await w.object("key");
    if (appended) assertEquals(await w.append(into, w.content), ok);
    const store = await w.b.got("fastly_kv_store", "open", "s");
    const insert = w.b.call("fastly_kv_store", "insert", store, "key", from, 0, 0, OUT);
    const waiting = watch(Promise.resolve(insert));
    await turn();
    assertEquals(waiting.settled, !appended);
    w.client.finish();
    assertEquals(await waiting.value, error);
  }
});

Deno.test("a wait for a range is refused once its first byte is the guest's to write", async () => {
  using w = new Writing();
  const { into } = await w.object("key");
  assertEquals(await w.append(into, w.content), ok);
  const found = await w.b.got(MODULE, "lookup", "key", ...lookupRecord(w.b, { insist: true }));
  w.b.memory.setU64(RECORD, 5n);
  const waiting = watch(w.b.call(MODULE, "get_body", found, 2, RECORD, OUT));
  await turn();
  assertEquals(waiting.settled, false);
  w.client.finish();
  assertEquals(await waiting.value, error);
});
