import { assert, assertEquals } from "../assert.ts";
import { fetchRaw, response } from "../guests/http.ts";
import { guestUrl } from "../guests/serving.ts";
import { administered } from "../process.ts";
import { scrape, scrapeUntil } from "./flags/samples.ts";
import { Wire } from "../server/wire.ts";

const CONNECTIONS = 5_000;
/** Opened at the same time: as many as a listener's backlog takes. */
const TOGETHER = 100;

/** A connection that has had a response and is kept for the next. */
async function keptAlive(port: number): Promise<Wire> {
  const wire = await Wire.open(port);
  await wire.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
  assertEquals((await response(wire)).status, 200);
  return wire;
}

Deno.test("thousands of idle connections cost no instance, and others are answered meanwhile", async () => {
  const { cli, url, admin } = await administered([guestUrl("rust").pathname]);
  await using _ = cli;
  const port = Number(new URL(url).port);
  const wires: Wire[] = [];
  while (wires.length < CONNECTIONS) {
    wires.push(...await Promise.all(Array.from({ length: TOGETHER }, () => keptAlive(port))));
  }
  // A client may have its response a moment before the server counts the request as answered.
  await scrapeUntil(admin, "fastlike_http_requests_in_flight", 0);
  const samples = await scrape(admin);
  assertEquals(samples.get("fastlike_http_connections"), CONNECTIONS);
  assertEquals(samples.get("fastlike_requests_queued"), 0);
  const live = samples.get("fastlike_instances_live")!;
  assert(live <= 1, `${live} instances live`);
  assertEquals((await fetchRaw(port, "/hello")).body, "Hello from rust\n");
  const [first] = wires;
  await first!.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
  assertEquals((await response(first!)).body, "Hello from rust\n");
  for (const wire of wires) wire.close();
  await scrapeUntil(admin, "fastlike_http_connections", 0);
  cli.signal("SIGTERM");
  assertEquals((await cli.end()).code, 0);
});
