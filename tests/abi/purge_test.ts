import { assert, assertEquals } from "../assert.ts";
import { BUF, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";
import { Caching, FRESH, RECORD, STALE, State } from "./_cache.ts";

const { ok, inval, buflen } = XqdStatus;
const MODULE = "fastly_purge";

Deno.test("a purge removes the objects that have the key", async () => {
  using c = new Caching();
  await c.store("1", "", { keys: "a b" });
  await c.store("2", "", { keys: "b c" });
  assertEquals(c.b.now(MODULE, "purge_surrogate_key", "a", 0, 0), ok);
  assertEquals([await c.state(await c.lookup("1")), await c.state(await c.lookup("2"))], [
    0,
    FRESH,
  ]);
  assertEquals(c.b.now(MODULE, "purge_surrogate_key", "none", 0, 0), ok);
});

Deno.test("a soft purge leaves objects stale, to be renewed by one transaction", async () => {
  using c = new Caching();
  await c.store("1", "value", { keys: "a", maxAge: 10 });
  assertEquals(c.b.now(MODULE, "purge_surrogate_key", "a", 1, 0), ok);
  assertEquals(await c.state(await c.lookup("1")), STALE);
  assertEquals(await c.state(await c.transaction("1")), STALE | State.mustInsert);
  c.pass(10);
  assertEquals(await c.state(await c.lookup("1")), 0);
});

Deno.test("a purge answers as Fastly's API does, if the guest has room for that", async () => {
  using c = new Caching();
  await c.store("1", "", { keys: "a" });
  const { memory } = c.b;
  const call = (room: number) => {
    memory.setU32(RECORD, BUF);
    memory.setU32(RECORD + 4, room);
    memory.setU32(RECORD + 8, OUT);
    return c.b.now(MODULE, "purge_surrogate_key", "a", 2, RECORD);
  };
  memory.setU32(OUT, UNTOUCHED);
  assertEquals(call(10), buflen);
  const needed = memory.u32(OUT);
  assertEquals(await c.state(await c.lookup("1")), FRESH);
  assertEquals([call(needed), memory.u32(OUT)], [ok, needed]);
  const { id, ...answer } = JSON.parse(c.b.text(BUF, needed));
  assertEquals(await c.state(await c.lookup("1")), 0);
  assertEquals(answer, { status: "ok" });
  assert(typeof id === "string" && id.length > 0);
});

Deno.test("a purge with an invalid key or unknown options is refused", () => {
  using c = new Caching();
  for (const key of ["", "a b", "\u00e4", "k".repeat(1025)]) {
    assertEquals(c.b.now(MODULE, "purge_surrogate_key", key, 0, 0), inval);
  }
  assertEquals(c.b.now(MODULE, "purge_surrogate_key", "a", 4, 0), inval);
});
