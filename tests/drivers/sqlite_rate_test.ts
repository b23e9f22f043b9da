import { DatabaseSync } from "node:sqlite";
import { openSqlite } from "../../drivers/sqlite.ts";
import { SqliteFile } from "../../drivers/sqlite_file.ts";
import { sqliteRateDriver } from "../../drivers/sqlite_rate.ts";
import { RateLimiter } from "../../service/rate/limiter.ts";
import { assert, assertEquals } from "../assert.ts";
import { rateContract } from "../service/rate/contract.ts";
import { assertWhole, folder, killed } from "./_folder.ts";

rateContract("SQLite", async () => {
  const there = await folder();
  let storage = await openSqlite(there.file);
  return {
    driverOf: storage.rateDriver,
    async reopen() {
      storage[Symbol.dispose]();
      storage = await openSqlite(there.file);
      return storage.rateDriver;
    },
    async [Symbol.asyncDispose]() {
      storage[Symbol.dispose]();
      await there[Symbol.asyncDispose]();
    },
  };
});

Deno.test("of a flood of entries the file keeps the last, and nothing that has expired", async () => {
  await using there = await folder();
  using storage = await openSqlite(there.file);
  using database = new DatabaseSync(there.file);
  database.exec("PRAGMA synchronous = NORMAL");
  const counters = sqliteRateDriver(new SqliteFile(database, there.file), "counters", 100);
  const boxes = storage.rateDriver("boxes");
  await boxes.update("kept", 0, (record) => record.expires = 9_000);
  const update = (key: string, now: number) =>
    counters.update(key, now, (record) => record.expires = now + 1_000);
  for (let i = 0; i < 2_999; i++) update(i % 2 ? "busy" : `${i}`, 0);
  update("last", 0);
  const count = () => (database.prepare("SELECT count(*) AS count FROM rate").get()!).count;
  assertEquals(count(), 101);
  assert(counters.get("busy") && counters.get("2998") && counters.get("last"));
  assertEquals(counters.get("0"), undefined);
  for (let i = 0; i < 1_000; i++) update("later", 2_000);
  assertEquals([count(), (await boxes.get("kept"))?.expires], [2, 9_000]);
});

Deno.test("nothing that was counted is lost when the process is killed", async () => {
  await using there = await folder();
  for (const [round, enough] of [1, 50, 400].entries()) {
    const name = `${round}/`;
    const acknowledged = await killed(there.file, "rates", name, enough);
    using storage = await openSqlite(there.file);
    const { counters, boxes } = new RateLimiter(Date.now, storage.rateDriver);
    const counted = await counters.count("counter", name, 60);
    assert(counted === acknowledged || counted === acknowledged + 1, `${counted} are counted`);
    for (let i = 0; i < acknowledged; i++) assert(await boxes.has("box", `${name}${i}`));
    assertWhole(there.file);
  }
});
