import type { ByteSource } from "../../../../service/http/bytes.ts";
import { collect } from "../../../../service/http/bytes.ts";
import { ChunkQueue } from "../../../../service/http/chunk_queue.ts";
import { HostError } from "../../../../service/errors.ts";
import type { KvDriver } from "../../../../service/stores/kv/driver.ts";
import { cursorAfter, keyOfCursor } from "../../../../service/stores/kv/cursor.ts";
import { Expiries, type Expiring } from "../../../../service/stores/kv/expiries.ts";
import { faultOfKey } from "../../../../service/stores/kv/keys.ts";
import { memoryDriver } from "../../../../service/stores/kv/memory_driver.ts";
import { gather, joined, payloadOf } from "../../../../service/stores/kv/pieces.ts";
import { KvStore } from "../../../../service/stores/kv/store.ts";
import { kvStoresOf } from "../../../../service/stores/kv/stores.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../../assert.ts";
import * as fc from "../../../properties.ts";
import { kvContract } from "./contract.ts";

kvContract("the memory driver", () =>
  Promise.resolve({
    driver: memoryDriver(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }));

Deno.test("good keys are good", () => {
  const good = [
    "a",
    "ä".repeat(512),
    "a b",
    "a./b",
    "a../b",
    "..a",
    "...",
    "a//b",
    "/",
    "!",
    "\x7f",
  ];
  for (const key of good) assertEquals(faultOfKey(key), undefined, JSON.stringify(key));
});

Deno.test("a bad key is refused with the reason", () => {
  const bad: Record<string, string> = {
    "": "is empty",
    ["ä".repeat(513)]: "has 1026 bytes, more than 1024",
    "a\rb": 'contains "\\r"',
    "a\nb": 'contains "\\n"',
    "a#": 'contains "#"',
    ";": 'contains ";"',
    "a?b": 'contains "?"',
    "^a": 'contains "^"',
    "a|b": 'contains "|"',
    ".": 'has the path segment "."',
    "a/..": 'has the path segment ".."',
    "./a": 'has the path segment "."',
    "a/../b": 'has the path segment ".."',
    ".well-known/acme-challenge/x": 'starts with ".well-known/acme-challenge"',
    " ": "is a single control character or space",
    "\0": "is a single control character or space",
    "\uffff": "is a single control character or space",
    "\ud800": "is no well-formed text",
  };
  for (const [key, fault] of Object.entries(bad)) assertEquals(faultOfKey(key), fault);
});

Deno.test("a cursor leads back to its key", () => {
  for (const key of ["a", "é\u{1f600}", "\ufeffx", "x".repeat(1024)]) {
    assertEquals(keyOfCursor(cursorAfter(key)), key);
  }
});

/** A source that gives the same chunk again and again. */
function repeated(chunk: Uint8Array, times: number): ByteSource & { cancelled: boolean } {
  return {
    length: undefined,
    trailers: undefined,
    cancelled: false,
    read: () => times-- > 0 ? chunk : undefined,
    cancel() {
      this.cancelled = true;
    },
  };
}

Deno.test("a value is kept in few pieces that share no memory with the socket's", async () => {
  const slab = new Uint8Array(64 * 1024).fill(7);
  const pieces = await gather(repeated(slab.subarray(0, 10), 100_000));
  assertEquals(pieces.reduce((sum, { length }) => sum + length, 0), 1_000_000);
  assert(pieces.length <= 4, `${pieces.length} pieces`);
  for (const piece of await gather(repeated(slab.subarray(0, 10), 1))) {
    assertEquals(piece.buffer.byteLength, 10);
  }
});

Deno.test("a big value is never in one piece", async () => {
  const chunk = new Uint8Array(1_000_000);
  const pieces = await gather(repeated(chunk, 100));
  assertEquals(pieces.map(({ length }) => length), Array(100).fill(1_000_000));
  const payload = payloadOf(pieces);
  assertEquals(payload.length, 100_000_000);
  assert(!(payload instanceof Uint8Array));
});

Deno.test("more than a value may have is refused, and not read on", async () => {
  const source = repeated(new Uint8Array(2 ** 20), 1000);
  const error = await assertRejects(() => gather(source), HostError);
  assertEquals(error.kind, "too-large");
  assert(source.cancelled);
  const half = [new Uint8Array(60 * 2 ** 20)];
  assertThrows(() => joined(half, half), HostError, "Cannot store a value of more than");
});

Deno.test("a source that breaks off fails the reading", async () => {
  const broken = new ChunkQueue();
  broken.push(Uint8Array.of(1));
  broken.push({
    length: undefined,
    trailers: undefined,
    read: () => Promise.reject(new HostError("http-incomplete", "Cannot read on")),
    cancel() {},
  });
  assertEquals((await assertRejects(() => gather(broken), HostError)).kind, "http-incomplete");
});

Deno.test("a value that grows by small ones stays in few pieces", () => {
  let value: readonly Uint8Array[] = [];
  for (let i = 0; i < 1000; i++) value = joined(value, [Uint8Array.of(i)]);
  assertEquals([value.length, value[0]!.length], [1, 1000]);
});

Deno.test("a value is read once, and its length is that of the rest", async () => {
  const payload = payloadOf([Uint8Array.of(1, 2), Uint8Array.of(3)]) as ByteSource;
  assertEquals(payload.length, 3);
  await payload.read();
  assertEquals(payload.length, 1);
  assertEquals(await collect(payload), Uint8Array.of(3));
  assertEquals(payload.length, 0);
});

Deno.test("stores start with the entries of the options", async () => {
  const stores = kvStoresOf({
    first: {
      text: "é",
      bytes: Uint8Array.of(0, 255),
      empty: "",
      more: { value: "v", metadata: "m" },
    },
    second: {},
  }, () => 0);
  const first = stores.get("first")!;
  assertEquals((await first.list()).data, ["bytes", "empty", "more", "text"]);
  assertEquals((await first.lookup("text")).value, Uint8Array.of(0xc3, 0xa9));
  assertEquals((await first.lookup("empty")).value, new Uint8Array());
  assertEquals((await first.lookup("more")).metadata, "m");
  assertEquals((await stores.get("second")!.list()).data, []);
  const { generation } = await first.lookup("more");
  await first.insert("more", [], { ifGeneration: generation });
  assert((await first.lookup("more")).generation !== generation);
});

/** A driver over another that answers later, as one over a network does. */
function slow(driver: Required<KvDriver>): KvDriver {
  const later = () => new Promise((resolve) => setImmediate(resolve));
  return {
    get: (key) => later().then(() => driver.get(key)),
    set: (key, record, expected) => later().then(() => driver.set(key, record, expected)),
    delete: (key, generation) => later().then(() => driver.delete(key, generation)),
    list: (prefix, after, limit) => later().then(() => driver.list(prefix, after, limit)),
    sweep: (until, max) => later().then(() => driver.sweep(until, max)),
  };
}

kvContract("a driver that answers later", () =>
  Promise.resolve({
    driver: slow(memoryDriver()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }));

Deno.test("a store over a driver waits for its entries, whatever is asked first", async () => {
  const names: string[] = [];
  const open = () =>
    kvStoresOf({ mine: { a: "1", b: "2" } }, () => 0, (name) => {
      names.push(name);
      return slow(memoryDriver());
    }).get("mine")!;
  assertEquals((await open().list()).data, ["a", "b"]);
  assertEquals((await open().lookup("b")).value, Uint8Array.of(50));
  await open().delete("b");
  await assertRejects(() => open().insert("b", [], { mode: "add" }), HostError);
  assertEquals(names, ["mine", "mine", "mine", "mine"]);
});

Deno.test("a driver that fails at the start fails every call, and nothing before", async () => {
  const get = () => Promise.reject(new Error("no connection"));
  const driver = { ...memoryDriver(), get };
  const store = kvStoresOf({ mine: { a: "1" } }, () => 0, () => driver).get("mine")!;
  await new Promise((resolve) => setImmediate(resolve));
  for (const call of [() => store.list(), () => store.insert("b", []), () => store.delete("a")]) {
    await assertRejects(call, Error, "no connection");
  }
});

Deno.test("entries that a driver could not take at the start are written with the next call", async () => {
  const memory = memoryDriver();
  let fails = true;
  const set: typeof memory.set = (...record) => {
    if (fails) throw new Error("no connection");
    return memory.set(...record);
  };
  const store = kvStoresOf({ mine: { a: "1", b: "2" } }, () => 0, () => ({ ...memory, set }))
    .get("mine")!;
  await assertRejects(() => store.lookup("a"), Error, "no connection");
  fails = false;
  assertEquals((await store.list()).data, ["a", "b"]);
  assertEquals((await store.lookup("a")).value, Uint8Array.of(49));
  store.close();
});

Deno.test("the error for a bad key in the options names its store", () => {
  assertThrows(
    () => kvStoresOf({ mine: { "a#b": "1" } }, Date.now),
    TypeError,
    'Cannot use KV store "mine": the key "a#b" contains "#"',
  );
});

Deno.test("KV stores in memory take as many bytes together as they may, and not one more", async () => {
  let now = 1_000_000;
  const stores = kvStoresOf({ a: { seed: "1" }, b: {} }, () => now, undefined, 100);
  const [a, b] = [stores.get("a")!, stores.get("b")!];
  using _ = { [Symbol.dispose]: () => [a, b].forEach((store) => store.close()) };
  const bytes = (length: number) => [new Uint8Array(length)];
  const assertFull = async (work: Promise<unknown>) => {
    const { kind, limit } = await assertRejects(() => work, HostError);
    assertEquals([kind, limit], ["too-large", "kv_bytes"]);
  };
  await a.insert("k", bytes(90), { metadata: "é" }); // 5 of the seed, 1 and 2 and 90
  await b.insert("k", bytes(1));
  await assertFull(b.insert("j", []));
  await assertFull(b.insert("k", bytes(2)));
  await assertFull(b.insert("k", bytes(1), { mode: "append" }));
  assertEquals((await collect((await b.lookup("k")).value)).length, 1);
  await b.insert("k", []);
  await b.insert("j", []);
  await assertFull(a.insert("k", bytes(91), { metadata: "é" }));
  await a.insert("k", bytes(90), { metadata: "mm" });
  await a.delete("k"); // the record that remembers its generation is removed at once
  await a.insert("other", bytes(88), { ttl: 10 });
  await assertFull(a.insert("third", []));
  now += 10_000;
  await b.insert("third", bytes(86));
  await assertFull(a.insert("x", bytes(3)));
  await b.delete("third");
  await a.delete("seed");
  await b.insert("y", bytes(97));
  await assertFull(a.insert("x", []));
});

Deno.test("KV stores in memory hold a record for each 256 bytes that they may take, at least 1000", async () => {
  const store = kvStoresOf({ s: {} }, Date.now, undefined, 100_000).get("s")!;
  for (let i = 0; i < 1000; i++) await store.insert(`${i}`, []);
  const error = await assertRejects(() => store.insert("one more", []), HostError);
  assertEquals(error.limit, "kv_bytes");
  await store.insert("0", [new Uint8Array(10)]);
});

Deno.test("entries of the options for which there is no room fail the start", () => {
  assertThrows(
    () => kvStoresOf({ s: { a: "123", b: "1" } }, Date.now, undefined, 5),
    TypeError,
    'Cannot use KV store "s": its entries do not fit into limits.kv_bytes',
  );
});

Deno.test("expired keys are found in order, whatever is added and removed", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(5))), (steps) => {
    const expiries = new Expiries<Expiring>();
    const held: Expiring[] = [];
    for (const [due, removal] of steps) {
      const item = { due, place: -1 };
      held.push(item);
      expiries.add(item);
      if (removal === 0) expiries.remove(held.splice(due % held.length, 1)[0]!);
      if (removal === 1) expiries.remove({ due, place: -1 });
    }
    const order = [];
    for (let first; (first = expiries.first); expiries.remove(first)) order.push(first.due);
    assertEquals(order, held.map(({ due }) => due).sort((a, b) => a - b));
  }));
});

Deno.test("expired records are swept even if no writes follow", async () => {
  let now = 1_000_000;
  const due: (() => void)[] = [];
  const after = (_: number, callback: () => void) => {
    due.push(callback);
    return () => {};
  };
  const driver = memoryDriver();
  const store = new KvStore(driver, () => now, undefined, { after });
  await store.insert("key", [], { ttl: 1 });
  now += 200_000;
  assertEquals((await driver.list("", undefined, 10)).length, 1);
  due.shift()!();
  assertEquals([await driver.list("", undefined, 10), due.length], [[], 1]);
  store.close();
});
