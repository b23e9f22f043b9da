import { listen } from "../../server/listener.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { fetchRaw } from "../guests/http.ts";
import { answerText, Wire } from "../cli/wire.ts";

/** A listener that has little patience with heads. */
async function impatient() {
  let answered = 0;
  const listener = await listen({
    hostname: "127.0.0.1",
    port: 0,
    headTimeout: 100,
    answer(exchange) {
      answerText(exchange, String(++answered));
      return Promise.resolve();
    },
  });
  return {
    port: listener.port,
    answered: () => answered,
    [Symbol.asyncDispose]: () => listener.drain(0),
  };
}

/** Sends a field now and then until the connection ends; gives what has come by then. */
async function drip(wire: Wire, start: string): Promise<string> {
  let over = false;
  const rest = wire.rest().finally(() => over = true);
  await wire.send(start);
  while (!over) {
    await wire.send("A: b\r\n").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return await rest;
}

for (
  const [title, start] of [
    ["sends its head field by field", "GET / HTTP/1.1\r\n"],
    ["sends nothing to begin with", ""],
  ] as const
) {
  Deno.test(`a client that ${title} is cut with a 408, and others are answered`, async () => {
    await using server = await impatient();
    using slow = await Wire.open(server.port);
    const cut = start ? drip(slow, start) : slow.rest();
    let over = false;
    cut.then(() => over = true);
    let others = 0;
    do {
      assertEquals((await fetchRaw(server.port, "/")).status, 200);
      others++;
    } while (!over);
    assertMatch(
      await cut,
      /^HTTP\/1\.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/,
    );
    assertEquals(server.answered(), others, "no guest has seen the slow one");
  });
}

Deno.test("a slow head on a connection that has served is cut, too", async () => {
  await using server = await impatient();
  using wire = await Wire.open(server.port);
  await wire.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  assertMatch(await wire.until("\r\n\r\n"), /^HTTP\/1\.1 200 /);
  await wire.exactly(1);
  assertMatch(await drip(wire, "GET / HTTP/1.1\r\n"), /^HTTP\/1\.1 408 /);
  assertEquals(server.answered(), 1);
});

Deno.test("a head that is there in time may be followed by a body that takes longer", async () => {
  await using server = await impatient();
  using wire = await Wire.open(server.port);
  using other = await Wire.open(server.port);
  await wire.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\na");
  await wire.until("\r\n\r\n");
  await wire.exactly(1);
  assertMatch(await other.rest(), /^HTTP\/1\.1 408 /, "the listener has looked meanwhile");
  await wire.send("bGET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  assertMatch(await wire.until("\r\n\r\n"), /^HTTP\/1\.1 200 /);
});
