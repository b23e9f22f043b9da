/** Hostcalls over a cache driver that answers later, or never. */
import { memoryCacheDriver } from "../../service/cache/memory_driver.ts";
import { silent, slow } from "../service/slow_driver.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { XqdStatus } from "./_bench.ts";
import { Caching, FRESH, State } from "./_cache.ts";

const { ok, error } = XqdStatus;
const PURGE = ["fastly_purge", "purge_surrogate_key"] as const;

Deno.test("a guest that ends an object's body, or purges, waits until its driver has answered", async () => {
  const memory = memoryCacheDriver();
  using c = new Caching({ cacheDriver: slow(memory) });
  await c.b.service.cache.loaded;
  await c.store("a", "kept", { keys: "k" });
  assertEquals((await memory.load()).length, 1);
  assertEquals(await c.read(await c.lookup("a")), "kept");
  const purged = c.b.call(...PURGE, "k", 0, 0);
  assert(purged instanceof Promise);
  assertEquals([await purged, (await memory.load()).length], [ok, 0]);
  assertEquals(await c.state(await c.lookup("a")), 0);
});

Deno.test("a guest finds an object after a restart when its driver has given the content", async () => {
  const memory = memoryCacheDriver();
  using before = new Caching({ cacheDriver: memory });
  await before.store("a", "kept");
  using c = new Caching({ cacheDriver: slow(memory) });
  await c.b.service.cache.loaded;
  const busy = await c.busy("a");
  const [found, other] = [await c.wait(busy), await c.transaction("a")];
  assertEquals([await c.state(found), await c.state(other)], [FRESH, FRESH]);
  assertEquals(await c.read(found), "kept");
});

Deno.test("a driver that never answers fails only the guest's purge, and the log has it once", async () => {
  const told: string[] = [];
  using c = new Caching({
    cacheDriver: { ...silentDriver(), load: () => [] },
    limits: { driver_time: "20ms" },
    log: (entry) => entry.kind === "host" && told.push(entry.message),
  });
  await c.store("a", "kept", { keys: "k" });
  await c.store("b", "kept too", { keys: "k" });
  assertEquals(await c.read(await c.lookup("b")), "kept too");
  assertEquals(await c.b.call(...PURGE, "k", 0, 0), error);
  assertEquals(await c.state(await c.transaction("a")), State.mustInsert);
  assertEquals(told.length, 2);
  assertMatch(told[0]!, /^The cache goes on without its driver: Cannot write to the cache: the/);
  assertMatch(
    told[1]!,
    /^A hostcall failed: .*Cannot purge the cache: the driver has not answered/,
  );
});

Deno.test("a service ends although its driver never answers", async () => {
  using c = new Caching({
    cacheDriver: { ...silentDriver(), load: () => [] },
    limits: { driver_time: "20ms" },
  });
  const stored = c.store("a", "kept");
  await c.b.service.close();
  await stored;
});

function silentDriver() {
  const driver = memoryCacheDriver();
  const never = silent(driver);
  const names = Object.keys(driver) as (keyof typeof driver)[];
  return Object.fromEntries(names.map((name) => [name, never[name]])) as unknown as typeof driver;
}
