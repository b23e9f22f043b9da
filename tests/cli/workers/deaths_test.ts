import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../assert.ts";
import { withFiles } from "../commands.ts";
import { Cli } from "../../process.ts";
import { killWorkers } from "./kills.ts";
import { isAlive, Kept, ON_LINUX, signal, until, WorkersSite } from "./site.ts";
import { startingWorkers } from "./starting_workers.ts";
import { Wire } from "../../server/wire.ts";

const HELLO = new URL("../../../testdata/wat/hello.wat", import.meta.url).pathname;
const SPIN = new URL("../../../testdata/wat/spin.wat", import.meta.url).pathname;
const RUST = new URL("../../../testdata/built/rust.wasm", import.meta.url).pathname;

Deno.test(
  "20 kills under load lose only requests of the workers that were killed",
  ON_LINUX,
  async () => {
    const { kills, answered } = await killWorkers({ kills: 20, workers: 2, clients: 8 });
    assertEquals(kills, 20);
    assert(answered > 100, `${answered} requests were answered`);
  },
);

Deno.test(
  "a worker's death is logged with its signal, and its place is filled",
  ON_LINUX,
  async () => {
    await using site = await WorkersSite.start(2, [HELLO]);
    const [first, second] = await site.workers();
    Deno.kill(second!.pid, "SIGABRT");
    // Whether it has served for a second by then is the machine's matter; the next test has both cases.
    assertMatch(
      await site.cli.line("stderr"),
      new RegExp(
        `^error: Worker 2 \\(process ${second!.pid}\\) was ended by SIGABRT\\. ` +
          "Another takes its place (in 100 ms|now)$",
      ),
    );
    await site.whole(2);
    const now = await site.workers();
    assertEquals(now.map(({ id }) => id), [1, 2]);
    assertEquals([now[0]!.pid, now[1]!.pid === second!.pid], [first!.pid, false]);
  },
);

Deno.test(
  "a worker that dies early is replaced after a pause, and one that has served for long enough at once",
  ON_LINUX,
  async () => {
    await withFiles({ "serve-1": "" }, async (folder) => {
      for (const [steady, when] of [[600_000, "in 100 ms"], [0, "now"]] as const) {
        const told = Promise.withResolvers<string>();
        const { fleet } = startingWorkers(
          1,
          folder,
          (_, message) => told.resolve(message),
          { first: 100, max: 5000, steady },
        );
        await fleet.complete;
        const { pid } = fleet.ready[0]!;
        Deno.kill(pid!, "SIGABRT");
        assertEquals(
          await told.promise,
          `Worker 1 (process ${pid}) was ended by SIGABRT. Another takes its place ${when}`,
        );
        await until(() => fleet.ready.length === 1);
        assert(fleet.ready[0]!.pid !== pid);
        await fleet.stop(0);
      }
    });
  },
);

Deno.test(
  "a worker that V8 ends for want of memory costs one worker, and the log says so",
  ON_LINUX,
  async () => {
    const permissions = ["-A", "--v8-flags=--max-old-space-size=18"];
    await using site = await WorkersSite.start(2, [RUST], { permissions });
    let told: string | undefined;
    const telling = (async () => {
      for (;;) {
        const line = await site.cli.line("stderr");
        if (line.startsWith("error: Worker")) return told = line;
      }
    })();
    // Names of objects in the cache take more than the heap has long before the objects meet cache_bytes.
    const fill = async (client: number) => {
      for (let i = 0; told === undefined; i++) {
        const keys = Array.from({ length: 1500 }, (_, at) => `${client}-${i}-${at}`).join("%20");
        try {
          using kept = new Kept(await Wire.open(site.port));
          await kept.get(`/cache/insert?key=${client}-${i}&keys=${keys}`, { method: "POST" });
        } catch {
          // This was the worker's.
        }
      }
    };
    await Promise.all([1, 2, 3, 4].map(fill));
    assertMatch(
      await telling,
      /^error: Worker \d \(process \d+\) was ended by \w+: JavaScript ran out of memory\. /,
    );
    await site.whole(2);
  },
);

Deno.test(
  "workers end when their supervisor is killed, also one that computes without end",
  ON_LINUX,
  async () => {
    for (const [guest, ...flags] of [[HELLO], [SPIN, "--limit", "cpu_time=1h"]]) {
      await using site = await WorkersSite.start(2, [guest!, ...flags]);
      const workers = await site.workers();
      using client = new Kept(await Wire.open(site.port));
      await client.send("/");
      if (guest === HELLO) await client.receive();
      site.cli.signal("SIGKILL");
      try {
        for (const { pid } of workers) await until(async () => !await isAlive(pid));
      } finally {
        for (const { pid } of workers) signal(pid, "SIGKILL");
      }
    }
  },
);

Deno.test(
  "a guest that computes without end is stopped by the signal that ends the process",
  ON_LINUX,
  async () => {
    await using site = await WorkersSite.start(2, [SPIN, "--limit", "cpu_time=1h"]);
    using client = new Kept(await Wire.open(site.port));
    await client.send("/");
    const workers = await site.workers();
    await until(async () => {
      const ticks = await Promise.all(workers.map(({ pid }) => ticksOf(pid)));
      return Math.max(...ticks) - Math.min(...ticks) > 50; // half a second of one worker
    });
    site.cli.signal("SIGTERM");
    assertEquals((await site.cli.end()).code, 0);
  },
);

Deno.test(
  "workers that have run out of open files say so, are not healthy, and accept again",
  ON_LINUX,
  async () => {
    const openFiles = 160;
    const args = [HELLO, "--limit", "connections=100000"];
    await using site = await WorkersSite.start(2, args, { openFiles });
    const health = async () => (await fetch(`${site.admin}/healthz`)).status;
    await until(async () => await health() === 200);
    const wires: Wire[] = [];
    // More than both may have; connections that they cannot accept wait in the backlog.
    while (wires.length < 2 * openFiles + 60) wires.push(await Wire.open(site.port));
    const full = /cannot accept connections: the process has too many open files/;
    const again = /accepts connections again/;
    const lines: string[] = [];
    // One worker may accept again, for a moment, before the other has run out.
    const twice = async (pattern: RegExp) => {
      while (lines.filter((line) => pattern.test(line)).length < 2) {
        lines.push(await site.cli.line("stderr"));
      }
    };
    await twice(full);
    await until(async () => await health() === 503);
    for (const wire of wires) wire.close();
    await twice(again);
    for (const worker of await site.workers()) {
      using kept = await site.connectTo(worker);
      assertEquals((await kept.get("/")).status, 200);
    }
    await until(async () => await health() === 200);
  },
);

Deno.test(
  "workers that end again and again before they serve end the process with an error",
  ON_LINUX,
  async () => {
    await using cli = new Cli([HELLO, "--workers", "2", "--bind", "localhost:0"]);
    let over = false;
    const ended = cli.end().finally(() => over = true);
    const { childrenOf } = await import("./site.ts");
    while (!over) {
      for (const { pid } of await childrenOf(cli.pid)) signal(pid, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { code, stdout, stderr } = await ended;
    assertEquals(code, 1);
    // A worker that a slow machine has let serve for a moment is all that may have been told.
    assertMatch(stdout, /^(Listening on http:\/\/\S+\n)?$/);
    assertStringIncludes(
      stderr.trimEnd().split("\n").at(-1)!,
      "Cannot keep workers running: 5 in a row have ended before they served, the last so: Worker ",
    );
  },
);

/** Processor time in user mode of a process, in hundredths of a second. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")")).split(" ")[12]);
}

Deno.test(
  "workers that end again and again right after they serve are replaced ever later, and end the process",
  ON_LINUX,
  async () => {
    await withFiles({ "serve-1": "", "die": "" }, async (folder) => {
      const told: string[] = [];
      const { fleet } = startingWorkers(
        1,
        folder,
        (_, message) => void told.push(message),
        { first: 10, max: 500, steady: 600_000 }, // a machine may hold up what dies at once
      );
      const error = await assertRejects(() => fleet.broken) as Error;
      assertMatch(
        error.message,
        /^Cannot keep workers running: 10 in a row have ended within 600 s of serving, the last so: Worker 1 \(process \d+\) has ended with status 7 \(--workers 1 runs/,
      );
      // The longest is 500 ms. A message is not repeated within a minute.
      const pauses = told.map((line) => / in (\d+) ms$/.exec(line)?.[1]);
      assertEquals(pauses, ["10", "20", "40", "80", "160", "320"]);
      assertEquals(fleet.deaths, 10);
    });
  },
);
