import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { withFiles } from "../commands.ts";
import { Cli, run } from "../../process.ts";
import { Client, ON_LINUX, until, WorkersSite } from "./site.ts";

const HELLO = new URL("../../../testdata/wat/hello.wat", import.meta.url).pathname;

Deno.test(
  "workers share one port, each answers, and the first signal ends all well",
  ON_LINUX,
  async () => {
    await using site = await WorkersSite.start(2, [HELLO]);
    const workers = await site.workers();
    assertEquals(workers.map(({ id }) => id), [1, 2]);
    for (const worker of workers) {
      using kept = await site.connectTo(worker);
      assertEquals((await kept.get("/")).status, 200);
    }
    await until(async () => await (await fetch(`${site.admin}/healthz`)).text() === "ok\n");
    site.cli.signal("SIGTERM");
    const { code, stderr } = await site.cli.end();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(await site.workers(), []);
  },
);

Deno.test(
  "metrics are sums, and each worker's on request; those of one that has ended still count",
  ON_LINUX,
  async () => {
    await using site = await WorkersSite.start(2, [HELLO]);
    const [first, second] = await site.workers();
    using one = await site.connectTo(first!);
    using other = await site.connectTo(second!);
    await one.get("/");
    await other.get("/");
    const name = 'fastlike_http_requests_total{method="GET",code="200"}';
    // A worker that the machine holds up is left out meanwhile.
    await until(async () => await site.metric(name) === 4);
    const apart = 'fastlike_http_requests_total{worker="1",method="GET",code="200"}';
    await until(async () => await site.metric(apart, "?by=worker") === 2);
    assertEquals(await site.metric("fastlike_workers"), 2);
    Deno.kill(first!.pid, "SIGKILL");
    await until(async () => await site.metric("fastlike_worker_deaths_total") === 1);
    await until(async () => await site.metric(name) === 4);
  },
);

Deno.test("lines of all workers come out whole", ON_LINUX, async () => {
  await using site = await WorkersSite.start(2, [HELLO]);
  const long = `/${"x".repeat(6000)}`;
  const clients = Array.from({ length: 8 }, async () => {
    using client = new Client(site.port);
    for (let i = 0; i < 25; i++) assertEquals((await client.get(long)).status, 200);
  });
  await Promise.all(clients);
  site.cli.signal("SIGTERM");
  const { stdout } = await site.cli.end();
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.length, 200);
  for (const line of lines) {
    assertMatch(line, /^GET \/x{6000} 200 \S+ms \d+B request=[0-9a-f]{32}$/);
  }
});

Deno.test("a mistake in program, options or address is reported once, and the process exits with 1", async () => {
  const flags = ["--workers", "2", "--bind", "localhost:0"];
  assertEquals(await run("nowhere.wasm", ...flags), {
    code: 1,
    stdout: "",
    stderr: "Cannot read nowhere.wasm: there is no such file\n",
  });
  await withFiles({ "fastly.toml": "[local_server]\nbackends = 3\n" }, async (folder) => {
    const { code, stderr } = await run(HELLO, ...flags, "-C", `${folder}/fastly.toml`);
    assertEquals([code, stderr.trimEnd().split("\n").length], [1, 1]);
    assertStringIncludes(stderr, "backends");
  });
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  assertEquals(await run(HELLO, "--workers", "2", "--bind", `127.0.0.1:${port}`), {
    code: 1,
    stdout: "",
    stderr: `Cannot listen on 127.0.0.1:${port}: the address is in use (try --bind localhost:0)\n`,
  });
  assertEquals((await run(HELLO, "--workers", "many")).code, 2);
});

Deno.test("workers have the permissions of their supervisor, and no others", ON_LINUX, async () => {
  const permissions = [
    ...["--no-prompt", "--allow-read", "--allow-write", "--allow-env"],
    ...[`--allow-run=${Deno.execPath()}`, "--allow-net=127.0.0.1,[::1],localhost,0.0.0.0"],
  ];
  await using site = await WorkersSite.start(2, [HELLO], { permissions });
  const [worker] = await site.workers();
  const line = await Deno.readTextFile(`/proc/${worker!.pid}/cmdline`);
  for (const permission of permissions) assertStringIncludes(line, permission);
  assert(!/\0(-A|--allow-all)\0/.test(line), line);
  assertEquals(await (await fetch(site.url)).status, 200);
});

Deno.test(
  "SIGHUP gives all workers the new program, and a mistake in it none",
  ON_LINUX,
  async () => {
    const hello = await Deno.readTextFile(HELLO);
    await withFiles({ "app.wat": hello }, async (folder) => {
      const file = `${folder}/app.wat`;
      await using site = await WorkersSite.start(2, [file]);
      const workers = await site.workers();
      const kept = [await site.connectTo(workers[0]!), await site.connectTo(workers[1]!)];
      const answers = async () => {
        const all = [];
        for (const one of kept) all.push((await one.get("/")).text);
        return all;
      };
      const before = await answers();
      await Deno.writeTextFile(file, "(module (broken");
      site.cli.signal("SIGHUP");
      assertMatch(
        await site.cli.line("stderr"),
        /^error: Cannot .*app\.wat.* The old program goes on$/,
      );
      assertEquals(await answers(), before);
      await Deno.writeTextFile(file, hello.replace(/hello/gi, "HOWDY"));
      site.cli.signal("SIGHUP");
      // The mistake is logged once, and not by each worker. One that the machine holds up reloads late.
      assertMatch(
        await site.told(/^(?!warning: Worker \d is held up)/),
        /^info: Reloaded in \d+ ms$/,
      );
      const after = before.map((text) => text.replace(/hello/gi, "HOWDY"));
      assert(after[0] !== before[0], `${after[0]} is not ${before[0]}`);
      await until(async () => (await answers()).join() === after.join());
      for (const one of kept) one[Symbol.dispose]();
    });
  },
);

Deno.test("--workers 1 is one process", ON_LINUX, async () => {
  await using cli = new Cli([HELLO, "--workers", "1", "--bind", "localhost:0"]);
  assertMatch(await cli.line(), /^Listening on /);
  const line = await Deno.readTextFile(`/proc/${cli.pid}/cmdline`);
  assert(!line.includes("--as-worker"), line);
});
