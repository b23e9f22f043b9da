import { assertEquals, assertMatch, assertNotEquals } from "../assert.ts";
import { Wire } from "../server/wire.ts";
import { fetchRaw } from "./http.ts";
import { type Served, serveGuest, testGuest } from "./serving.ts";

/** Answer of the Rust guest: ids of sandbox and request, and the sandbox's number of requests before. */
interface Told {
  readonly trace: string;
  readonly id: string;
  readonly count: number;
}

async function ask(guest: Served, path = "/"): Promise<Told> {
  const { status, body } = await fetchRaw(guest.port, path);
  assertEquals(status, 200, body);
  const [trace, id, count, asked] = body.trim().split(" ");
  assertEquals(asked, path);
  return { trace: trace!, id: id!, count: Number(count) };
}

async function askAll(guest: Served, times: number): Promise<Told[]> {
  const told: Told[] = [];
  for (let i = 0; i < times; i++) told.push(await ask(guest, `/${i}`));
  return told;
}

function served(guest: Served, count: number) {
  return guest.logged((entry) => entry.kind === "endpoint" && entry.message === `served ${count}`);
}

for (const mode of ["loop", "poll"]) {
  testGuest("rust", `${mode}: requests of one sandbox share its trace id only`, async () => {
    await using guest = await serveGuest("rust", { env: { SERVE: mode, SERVE_MOST: "3" } });
    const told = await askAll(guest, 4);
    assertEquals(told.map(({ count }) => count), [1, 2, 3, 1]);
    assertEquals(new Set(told.map(({ id }) => id)).size, 4);
    const [first, second, third, other] = told as [Told, Told, Told, Told];
    assertEquals([first.id, second.trace, third.trace], [first.trace, first.trace, first.trace]);
    assertNotEquals(other.trace, first.trace);
    assertEquals(other.id, other.trace);
    assertMatch(second.id, /^0{16}[0-9a-f]{16}$/);
    await served(guest, 3);
  });

  testGuest("rust", `${mode}: a sandbox has six requests and no more`, async () => {
    await using guest = await serveGuest("rust", { env: { SERVE: mode } });
    const told = await askAll(guest, 7);
    assertEquals(told.map(({ count }) => count), [1, 2, 3, 4, 5, 6, 1]);
    await served(guest, 6);
  });

  testGuest("rust", `${mode}: an option says how many requests a sandbox has`, async () => {
    const options = { env: { SERVE: mode }, limits: { sandbox_requests: 2 } };
    await using guest = await serveGuest("rust", options);
    const told = await askAll(guest, 4);
    assertEquals(told.map(({ count }) => count), [1, 2, 1, 2]);
  });

  testGuest("rust", `${mode}: a retired program lets its sandboxes end by themselves`, async () => {
    await using guest = await serveGuest("rust", { env: { SERVE: mode } });
    await askAll(guest, 2);
    guest.app.retire();
    await served(guest, 2);
    assertEquals((await askAll(guest, 2)).map(({ count }) => count), [1, 1]);
  });

  testGuest("rust", `${mode}: a trap in the fifth request fails that one only`, async () => {
    await using guest = await serveGuest("rust", { env: { SERVE: mode } });
    assertEquals((await askAll(guest, 4)).map(({ count }) => count), [1, 2, 3, 4]);
    const fifth = await fetchRaw(guest.port, "/trap");
    assertEquals(fifth.status, 500);
    assertMatch(fifth.body, /trapped/);
    assertEquals((await ask(guest)).count, 1);
  });

  testGuest("rust", `${mode}: a sandbox that waits too long ends`, async () => {
    const options = { env: { SERVE: mode }, limits: { sandbox_idle: 30 } };
    await using guest = await serveGuest("rust", options);
    assertEquals((await ask(guest)).count, 1);
    await served(guest, 1);
    assertEquals((await ask(guest)).count, 1);
  });

  testGuest("rust", `${mode}: each request has its own body`, async () => {
    await using guest = await serveGuest("rust", { env: { SERVE: mode } });
    for (const body of ["one", "", "three"]) {
      const echo = await fetchRaw(guest.port, "/echo", { method: "POST", body });
      assertEquals([echo.status, echo.body], [200, body]);
    }
    assertEquals((await ask(guest)).count, 4);
  });
}

testGuest("rust", "a guest's own patience counts when it is the shorter one", async () => {
  await using guest = await serveGuest("rust", { env: { SERVE: "loop", SERVE_TIMEOUT: "20" } });
  assertEquals((await ask(guest)).count, 1);
  await served(guest, 1);
});

testGuest("rust", "of two requests at a time one goes to the sandbox that waits", async () => {
  await using guest = await serveGuest("rust", { env: { SERVE: "loop", SERVE_MOST: "2" } });
  const first = await ask(guest);
  const both = await Promise.all([ask(guest, "/a"), ask(guest, "/b")]);
  assertEquals(both.map(({ count }) => count).sort(), [1, 2]);
  assertEquals(both.filter(({ trace }) => trace === first.trace).length, 1);
});

testGuest("rust", "requests on one connection are answered by one sandbox", async () => {
  await using guest = await serveGuest("rust", { env: { SERVE: "loop" } });
  using wire = await Wire.open(guest.port);
  for (let i = 1; i <= 3; i++) {
    await wire.send(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await wire.until("\r\n\r\n");
    assertMatch(await wire.until("\n"), new RegExp(` ${i} /${i}$`, "m"));
  }
});

testGuest("rust", "an app that is disposed of ends the sandboxes that wait", async () => {
  const guest = await serveGuest("rust", { env: { SERVE: "loop" } });
  await ask(guest);
  await guest[Symbol.asyncDispose]();
});

async function askScript(guest: Served): Promise<readonly [trace: string, count: number]> {
  const { status, body } = await fetchRaw(guest.port, "/");
  assertEquals(status, 200, body);
  const [trace, count] = body.split(" ");
  return [trace!, Number(count)];
}

testGuest(
  "javascript-serve",
  "a sandbox answers as many requests as the guest asks for",
  async () => {
    await using guest = await serveGuest("javascript-serve");
    const told: (readonly [trace: string, count: number])[] = [];
    for (let i = 0; i < 5; i++) told.push(await askScript(guest));
    const [[trace]] = told as [[string, number]];
    const [, [other]] = [told, told.at(-1)!];
    assertEquals(told.slice(0, 4), [1, 2, 3, 4].map((count) => [trace, count] as const));
    assertNotEquals(other, trace);
  },
);

testGuest("javascript-serve", "an exception fails its own request only", async () => {
  await using guest = await serveGuest("javascript-serve");
  assertEquals((await askScript(guest))[1], 1);
  assertEquals((await fetchRaw(guest.port, "/trap")).status, 500);
  assertEquals((await fetchRaw(guest.port, "/echo", { method: "POST", body: "hi" })).body, "hi");
});
