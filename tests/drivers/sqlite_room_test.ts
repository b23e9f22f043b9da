import { openSqlite } from "../../drivers/sqlite.ts";
import { HostError } from "../../service/errors.ts";
import { collect } from "../../service/http/bytes.ts";
import { KvStore } from "../../service/stores/kv/store.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { folder } from "./_folder.ts";

const MIB = 1 << 20;

/** Fails unless the insert is refused as too large, by the limit `kv_bytes`. */
async function assertFull(insert: () => Promise<unknown>): Promise<void> {
  const error = await assertRejects(insert);
  assert(error instanceof HostError, `${error}`);
  assertEquals([error.kind, error.limit], ["too-large", "kv_bytes"]);
}

function zeros(count: number): Uint8Array[] {
  return [new Uint8Array(count)];
}

Deno.test("a bound on KV stores holds for all stores and all processes that have the file open", async () => {
  await using there = await folder();
  const options = { kvBytes: 10_000 };
  using mine = await openSqlite(there.file, options);
  using theirs = await openSqlite(there.file, options);
  const one = new KvStore(mine.kvDriver("one"), Date.now);
  const other = new KvStore(theirs.kvDriver("other"), Date.now);
  await one.insert("a", zeros(4_990), { metadata: "12345" }); // 4,996 with its key
  await other.insert("b", zeros(5_003)); // and 5,004
  await assertFull(() => one.insert("c", []));
  await assertFull(() => other.insert("b", zeros(5_004)));
  assertEquals((await collect((await other.lookup("b")).value)).length, 5_003, "it is kept");
  await other.insert("b", zeros(5_002));
  await one.insert("c", []);
  await other.delete("b");
  options.kvBytes = 20_000; // as after a reload
  await one.insert("d", zeros(15_000));
  await assertFull(() => other.insert("b", zeros(5_000)));
});

Deno.test("values in pieces count whole, and not any more once they are deleted or replaced", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file, { kvBytes: 8 * MIB });
  const store = new KvStore(storage.kvDriver("store"), Date.now);
  for (let i = 0; i < 4; i++) await store.insert("a", zeros(6 * MIB - i));
  await assertFull(() => store.insert("b", zeros(3 * MIB)));
  await store.delete("a");
  await store.insert("b", zeros(7 * MIB));
});

Deno.test("expired entries make room, also of other stores", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file, { kvBytes: 10_000 });
  let now = Date.now() - 100_000;
  const early = new KvStore(storage.kvDriver("early"), () => now);
  for (let i = 0; i < 9; i++) await early.insert(`${i}`, zeros(1_000), { ttl: 10 });
  now = Date.now();
  const store = new KvStore(storage.kvDriver("store"), Date.now);
  await store.insert("a", zeros(9_000));
  await assertFull(() => store.insert("b", zeros(1_000)));
});

Deno.test("empty entries are bounded, too, since each takes some bytes", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file, { kvBytes: 100_000 });
  const store = new KvStore(storage.kvDriver("store"), Date.now);
  for (let i = 0; i < 1_000; i++) await store.insert(`${i}`, []);
  await assertFull(() => store.insert("more", []));
});
