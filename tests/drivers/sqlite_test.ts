import { DatabaseSync } from "node:sqlite";
import { openSqlite } from "../../drivers/sqlite.ts";
import { collect } from "../../service/http/bytes.ts";
import { kvStoresOf } from "../../service/stores/kv/stores.ts";
import { type KvEntry, KvStore } from "../../service/stores/kv/store.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { assertWhole, folder, isSame, killed, startWriter } from "./_folder.ts";
import { kvContract } from "../service/stores/kv/contract.ts";
import { valueOf } from "./writer.ts";

async function text({ value }: Pick<KvEntry, "value">): Promise<string> {
  return new TextDecoder().decode(await collect(value));
}

function bytes(value: string): Uint8Array[] {
  return [new TextEncoder().encode(value)];
}

kvContract("the SQLite driver", async () => {
  const there = await folder();
  const storage = await openSqlite(there.file);
  return {
    driver: storage.kvDriver("store"),
    async [Symbol.asyncDispose]() {
      storage[Symbol.dispose]();
      await there[Symbol.asyncDispose]();
    },
  };
});

Deno.test("values are there when the file is opened again, store by store", async () => {
  await using there = await folder();
  {
    using storage = await openSqlite(there.file);
    await new KvStore(storage.kvDriver("a"), Date.now).insert("k", bytes("of a"), { ttl: 60 });
    await new KvStore(storage.kvDriver("b"), Date.now).insert("k", bytes("of b"));
  }
  using storage = await openSqlite(there.file);
  const at = (store: string, now = Date.now) =>
    new KvStore(storage.kvDriver(store), now).lookup("k");
  assertEquals([await text(await at("a")), await text(await at("b"))], ["of a", "of b"]);
  assertEquals((await new KvStore(storage.kvDriver("c"), Date.now).list()).data, []);
  await assertRejects(() => at("a", () => Date.now() + 61_000));
});

Deno.test("a damaged value is an error, and is not tried for ever", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  const store = new KvStore(storage.kvDriver("store"), Date.now);
  await store.insert("a", valueOf(10));
  {
    using other = new DatabaseSync(there.file);
    other.exec("DELETE FROM kv_piece WHERE place = 0");
  }
  await assertRejects(
    () => store.lookup("a"),
    Error,
    `Cannot read KV store "store" (${there.file}): the value of key "a" is not whole`,
  );
});

Deno.test("of a big value that another process replaces the rest cannot be read, and is no other's", async () => {
  await using there = await folder();
  using mine = await openSqlite(there.file);
  const store = new KvStore(mine.kvDriver("store"), Date.now);
  await store.insert("a", valueOf(10));
  const { value } = await store.lookup("a");
  assert(!(value instanceof Uint8Array));
  await value.read();
  {
    using theirs = await openSqlite(there.file);
    await new KvStore(theirs.kvDriver("store"), Date.now).insert("a", valueOf(21));
  }
  await assertRejects(
    async () => await value.read(),
    Error,
    'Cannot read on: the value of "a" is not there any more',
  );
  assertEquals(await value.read(), undefined);
  assert(isSame(await collect((await store.lookup("a")).value), valueOf(21)));
});

Deno.test("a value that was read when it was replaced is deleted afterwards, or by the next process", async () => {
  await using there = await folder();
  using database = new DatabaseSync(there.file);
  const count = () => database.prepare("SELECT count(*) AS count FROM kv").get()!.count;
  {
    using storage = await openSqlite(there.file);
    const store = new KvStore(storage.kvDriver("store"), Date.now);
    await store.insert("a", valueOf(10));
    const { value } = await store.lookup("a");
    const { value: left } = await store.lookup("a");
    await store.insert("a", valueOf(21));
    assertEquals(count(), 2);
    await collect(value);
    assertEquals(count(), 2);
    if (!(left instanceof Uint8Array)) left.cancel();
    assertEquals(count(), 1);
    await store.lookup("a");
    await store.delete("a");
    assertEquals(count(), 2);
  }
  (await openSqlite(there.file))[Symbol.dispose]();
  assertEquals(count(), 2, "another process has the file open");
  database.close();
  using again = await openSqlite(there.file);
  using other = new DatabaseSync(there.file);
  assertEquals(other.prepare("SELECT count(*) AS count FROM kv").get()!.count, 1);
  assertEquals((await new KvStore(again.kvDriver("store"), Date.now).list()).data, []);
});

Deno.test("records that expired long ago are deleted when the file is opened", async () => {
  await using there = await folder();
  const record = { value: bytes("1"), metadata: "", generation: 1n };
  const hours = (count: number) => Date.now() + count * 3_600_000;
  {
    using storage = await openSqlite(there.file);
    const driver = storage.kvDriver("store");
    const times = { long: hours(-25), short: hours(-1), later: hours(1), never: undefined };
    for (const [key, expires] of Object.entries(times)) {
      driver.set(key, { ...record, expires }, "any");
    }
  }
  using storage = await openSqlite(there.file);
  const keys = (await storage.kvDriver("store").list("", undefined, 10)).map(({ key }) => key);
  assertEquals(keys, ["later", "never", "short"]);
});

Deno.test("no write that was acknowledged is lost when the process is killed", async () => {
  await using there = await folder();
  for (const [round, enough] of [1, 12, 40, 75, 130].entries()) {
    const name = `${round}/`;
    const acknowledged = await killed(there.file, "keys", name, enough);
    using storage = await openSqlite(there.file);
    const store = new KvStore(storage.kvDriver("store"), Date.now);
    for (let i = 0; i < acknowledged; i++) {
      const { value } = await store.lookup(`${name}${i}`);
      assert(
        isSame(await collect(value), valueOf(i)),
        `the value of ${name}${i} is what was written`,
      );
    }
    // The write that was under way is done or not, and nothing between.
    const next = await store.lookup(`${name}${acknowledged}`).catch(() => undefined);
    const whole = [bytes("first"), valueOf(acknowledged)];
    const written = next && await collect(next.value);
    assert(!written || whole.some((value) => isSame(written, value)));
    assertWhole(there.file);
  }
});

Deno.test("processes that write to one file at the same time lose nothing", async () => {
  await using there = await folder();
  const names = ["a", "b", "c"];
  // The file is not there yet: they make it together, too.
  const children = names.map((name) => startWriter(there.file, "append", name));
  const ends = await Promise.all(children.map((child) => child.output()));
  assertEquals(ends.map(({ code }) => code), [0, 0, 0]);
  using storage = await openSqlite(there.file);
  const store = new KvStore(storage.kvDriver("store"), Date.now);
  const counts = Object.groupBy(await text(await store.lookup("key")), (letter) => letter);
  assertEquals(names.map((name) => counts[name]?.length), [1000, 1000, 1000]);
  assertWhole(there.file);
});

Deno.test("entries of the options are written at each start, but not over the program's", async () => {
  await using there = await folder();
  const open = async (
    seed: Record<string, string>,
    use: (store: KvStore) => Promise<void>,
    now: () => number = Date.now,
  ) => {
    using storage = await openSqlite(there.file);
    await use(kvStoresOf({ store: seed }, now, storage.kvDriver).get("store")!);
  };
  const at = async (store: KvStore) => {
    const { data } = await store.list();
    const values = await Promise.all(data.map(async (key) => await text(await store.lookup(key))));
    return Object.fromEntries(data.map((key, i) => [key, values[i]]));
  };
  const first = { edited: "1", written: "1", deleted: "1", dropped: "1", dying: "1" };
  await open(first, async (store) => {
    assertEquals(await at(store), first);
    await store.insert("written", bytes("program"));
    await store.insert("dying", bytes("program"), { ttl: 60 });
    await store.delete("deleted");
  });
  const second = { edited: "2", written: "2", deleted: "2", dying: "2" };
  const after = { edited: "2", written: "program", deleted: "2", dropped: "1" };
  await open(second, async (store) => {
    assertEquals(await at(store), { ...after, dying: "program" });
  });
  const later = () => Date.now() + 61_000;
  for (let i = 0; i < 2; i++) {
    await open(
      second,
      async (store) => assertEquals(await at(store), { ...after, dying: "2" }),
      later,
    );
  }
});

Deno.test("a file that is none of ours is refused, and left as it is", async () => {
  await using there = await folder();
  const { file } = there;
  await Deno.writeTextFile(file, "no database, but text".repeat(100));
  await assertRejects(() => openSqlite(file), Error, `Cannot open ${file}: file is not a database`);
  assertEquals(await Deno.readTextFile(file), "no database, but text".repeat(100));
  await Deno.remove(file);
  {
    using other = new DatabaseSync(file);
    other.exec("CREATE TABLE theirs (a)");
  }
  const before = await Deno.readFile(file);
  await assertRejects(
    () => openSqlite(file),
    Error,
    `Cannot open ${file}: it is a database of another program`,
  );
  assertEquals(await Deno.readFile(file), before);
  await Deno.remove(file);
  (await openSqlite(file))[Symbol.dispose]();
  {
    using newer = new DatabaseSync(file);
    newer.exec("PRAGMA user_version = 99");
  }
  await assertRejects(
    () => openSqlite(file),
    Error,
    `Cannot open ${file}: it has version 99, and this program knows those up to 3: use a newer one`,
  );
  await assertRejects(
    () => openSqlite(`${file}/none`),
    Error,
    `Cannot open ${file}/none: unable to`,
  );
});
