import { assertEquals } from "../assert.ts";
import { fetchRaw } from "./http.ts";
import { serveGuest, testGuest } from "./serving.ts";

const NAMES = ["rust", "go", "javascript"];

/** Guest, its clock, and its answers. */
async function limited(name: string) {
  const clock = { now: 1_700_000_000_000 };
  const served = await serveGuest(name, { clock: () => clock.now });
  const ask = async (path: string) => (await fetchRaw(served.port, `/rate/${path}`)).body.trimEnd();
  return { served, clock, ask, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

for (const name of NAMES) {
  testGuest(name, "requests are counted together, by entry and time", async () => {
    await using stage = await limited(name);
    await Promise.all(Array.from({ length: 20 }, () => stage.ask("count?entry=a&delta=6")));
    await stage.ask("count?entry=b&delta=1");
    // Rates of 1, 10 and 60 seconds, then counts of 10 to 60.
    assertEquals(await stage.ask("count?entry=a"), "120 12 2 120 120 120 120 120 120");
    stage.clock.now += 25_000;
    assertEquals(await stage.ask("count?entry=a"), "0 0 2 0 0 120 120 120 120");
    assertEquals(await stage.ask("count?entry=a&delta=60"), "60 6 3 60 60 180 180 180 180");
    stage.clock.now += 35_000;
    assertEquals(await stage.ask("count?entry=a"), "0 0 1 0 0 0 60 60 60");
    assertEquals(await stage.ask("count?entry=b"), "0 0 0 0 0 0 0 0 0");
  });

  testGuest(name, "who is too fast is in the box until his time is up", async () => {
    await using stage = await limited(name);
    const check = (entry: string) => stage.ask(`check?entry=${entry}&delta=10&limit=2&minutes=2`);
    assertEquals([await check("a"), await check("a")], ["allowed", "allowed"]);
    assertEquals(await stage.ask("box?entry=a"), "out");
    assertEquals(await check("a"), "blocked");
    assertEquals(await stage.ask("box?entry=a"), "in");
    assertEquals([await check("a"), await check("b")], ["blocked", "allowed"]);
    stage.clock.now += 119_999;
    assertEquals(await check("a"), "blocked");
    stage.clock.now += 1;
    assertEquals(await check("a"), "allowed");
    assertEquals(await stage.ask("box?entry=a"), "out");
  });

  testGuest(name, "a guest may put an entry in the box itself", async () => {
    await using stage = await limited(name);
    assertEquals(await stage.ask("punish?entry=a&minutes=1"), "punished");
    assertEquals(await stage.ask("check?entry=a&limit=100"), "blocked");
    assertEquals(await stage.ask("check?entry=b&limit=100"), "allowed");
    stage.clock.now += 60_000;
    assertEquals(await stage.ask("check?entry=a&limit=100"), "allowed");
    const refused = await fetchRaw(stage.served.port, "/rate/punish?entry=a&minutes=61");
    assertEquals(refused.status, 400, refused.body);
  });
}
