import { Admin } from "../../../cli/telemetry/admin.ts";
import { fetched } from "../../asking.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { fetchRaw, valuesOf } from "../../guests/http.ts";
import { guestUrl } from "../../guests/serving.ts";
import { administered, run } from "../../process.ts";
import { scrape, scrapeUntil } from "../flags/samples.ts";
import { serving } from "../../server/wire.ts";

const HELLO = guestUrl("hello").pathname;
const RUST = guestUrl("rust").pathname;

Deno.test("the metrics count the served requests", async () => {
  const { cli, url, admin } = await administered([RUST, "--log-format", "json"]);
  await using _ = cli;
  await fetched(`${url}/hello`);
  await fetched(`${url}/trap`);
  await fetched(`${url}/log`);
  const response = await fetch(`${admin}/metrics`);
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  await response.body?.cancel();
  const samples = await scrapeUntil(admin, "fastlike_http_request_duration_seconds_count", 3);
  assertEquals(samples.get('fastlike_http_requests_total{method="GET",code="200"}'), 2);
  assertEquals(samples.get('fastlike_http_requests_total{method="GET",code="500"}'), 1);
  assertEquals(samples.get("fastlike_guest_traps_total"), 1);
  assertEquals(samples.get("fastlike_instances_live"), 1);
  assertMatch([...samples.keys()].join("\n"), /^fastlike_build_info\{version="[\d.]+",deno=/m);
});

Deno.test("a guest that cannot allocate is a 500, and the access log, the log and the metrics name the limit", async () => {
  const { cli, url, admin } = await administered([RUST, "--limit", "memory=32MiB"]);
  await using _ = cli;
  const limit = "the limit is memory 32MiB";
  const { status, body } = await fetchRaw(Number(new URL(url).port), "/allocate");
  assertEquals(status, 500);
  assertMatch(body, new RegExp(`^The guest trapped: .* its memory could not grow: ${limit}\n`));
  assertMatch(await cli.line(), /^GET \/allocate 500 .* limit="memory 32MiB"$/);
  const samples = await scrapeUntil(admin, "fastlike_http_request_duration_seconds_count", 1);
  assertEquals(samples.get('fastlike_limits_hit_total{limit="memory"}'), 1);
  assertEquals(samples.get("fastlike_guest_traps_total"), 1);

  assertEquals(await fetched(`${url}/hello`), [200, "Hello from rust\n"]);
  assertMatch(await cli.line(), /^GET \/hello 200 (?!.*limit=)/);
  cli.signal("SIGTERM");
  const { stderr } = await cli.end();
  assertMatch(
    stderr,
    new RegExp(
      `^memory allocation of \\d+ bytes failed\n(.*\n)*warning: .*could not grow: ${limit}`,
    ),
  );
});

Deno.test("instances are made before requests come, with a word if there are fewer", async () => {
  const { cli, admin } = await administered([HELLO, "--warmup", "1001"]);
  await using _ = cli;
  assertEquals(
    await cli.line("stderr"),
    "warning: 1000 instances are ready and not 1001: no more may live",
  );
  const samples = await scrape(admin);
  assertEquals(samples.get("fastlike_instances_idle"), 1000);
  assertEquals(samples.get("fastlike_http_request_duration_seconds_count"), 0);
});

Deno.test("the health is ok until the process is to end, which it does when all is answered", async () => {
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    reached.resolve();
    await go.promise;
    return new Response("from the origin");
  });
  const proxyTo = `127.0.0.1:${origin.addr.port}`;
  const { cli, url, admin } = await administered([RUST, "--proxy-to", proxyTo]);
  await using _ = cli;
  const health = () => fetched(`${admin}/healthz`);
  assertEquals(await health(), [200, "ok\n"]);
  const running = fetched(`${url}/proxy/a`);
  await reached.promise;
  cli.signal("SIGTERM");
  while ((await health())[0] === 200);
  assertEquals(await health(), [503, "draining\n"]);
  go.resolve();
  assertStringIncludes((await running)[1], "from the origin");
  assertEquals((await cli.end()).code, 0);
});

Deno.test("the error for an address in use names its flag", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const address = `127.0.0.1:${port}`;
  assertEquals(await run(HELLO, "--admin", address, "--bind", "localhost:0"), {
    code: 1,
    stdout: "",
    stderr: `Cannot listen on ${address}: the address is in use (try --admin localhost:0)\n`,
  });
});

Deno.test("the administration has two resources, to be read", async () => {
  const admin = new Admin((query) => `# ${query}\n`);
  await using listener = await serving((exchange) => admin.answer(exchange));
  const { port } = listener;
  const starting = await fetchRaw(port, "/healthz");
  assertEquals([starting.status, starting.body], [503, "starting\n"]);
  assertEquals(valuesOf(starting, "cache-control"), ["no-store"]);
  let health = "ok";
  admin.serve(() => Promise.resolve(health));
  assertEquals((await fetchRaw(port, "/healthz?verbose")).status, 200);
  const head = await fetchRaw(port, "/healthz", { method: "HEAD" });
  assertEquals([head.status, valuesOf(head, "content-length"), head.body], [200, ["3"], ""]);
  assertEquals((await fetchRaw(port, "/")).status, 404);
  const post = await fetchRaw(port, "/metrics", { method: "POST", body: "a=b" });
  assertEquals([post.status, valuesOf(post, "allow")], [405, ["GET, HEAD"]]);
  assertEquals((await fetchRaw(port, "/metrics?a=b")).body, "# ?a=b\n");
  health = "not accepting connections";
  const failing = await fetchRaw(port, "/healthz");
  assertEquals([failing.status, failing.body], [503, "not accepting connections\n"]);
});
