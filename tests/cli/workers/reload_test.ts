/** Reloads over all workers: at SIGHUP, with `--watch`, after a build, and in browsers. */
import { CommandError } from "../../../cli/errors.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { withFiles } from "../commands.ts";
import { guest } from "../watch/project.ts";
import type { Wire } from "../../server/wire.ts";
import { startingWorkers } from "./starting_workers.ts";
import { type Kept, ON_LINUX, until, WorkersSite } from "./site.ts";

const RUST = new URL("../../../testdata/built/rust.wasm", import.meta.url).pathname;

/** A site in a folder with files, and a kept connection to each of its two workers. */
async function withSite(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  use: (there: {
    readonly site: WorkersSite;
    readonly folder: string;
    readonly kept: readonly Kept[];
    /** Returns the answer of each worker. */
    readonly answers: () => Promise<string[]>;
    /** Waits until each worker answers a text. One that the machine holds up reloads late. */
    readonly all: (text: string) => Promise<void>;
    /** Replaces a file at once. */
    readonly write: (name: string, text: string) => Promise<void>;
    /** Waits for a line of the log. */
    readonly told: (line: RegExp) => Promise<string>;
  }) => Promise<void>,
): Promise<void> {
  await withFiles(files, async (folder) => {
    await using site = await WorkersSite.start(2, args, { cwd: folder });
    using open = new DisposableStack();
    const kept: Kept[] = [];
    for (const worker of await site.workers()) kept.push(open.use(await site.connectTo(worker)));
    const answers = async () => {
      const all = [];
      for (const one of kept) all.push((await one.get("/hello")).text);
      return all;
    };
    const write = async (name: string, text: string) => {
      await Deno.writeTextFile(`${folder}.new`, text);
      await Deno.rename(`${folder}.new`, `${folder}/${name}`);
    };
    const all = (text: string) =>
      until(async () => (await answers()).every((answer) => answer === text));
    await use({ site, folder, kept, answers, all, write, told: (line) => site.told(line) });
  });
}

Deno.test(
  "with --watch all workers get a program that is replaced, and none a broken one",
  ON_LINUX,
  async () => {
    await withSite(
      { "app.wat": guest("one") },
      ["app.wat", "--watch"],
      async ({ answers, all, write, told }) => {
        assertEquals(await answers(), ["one", "one"]);
        await write("app.wat", guest("two"));
        await told(/^info: Reloaded in/);
        await all("two");
        await write("app.wat", "(module (broken");
        assertMatch(await told(/^error/), /^error: Cannot .*app\.wat.* The old program goes on$/);
        assertEquals(await answers(), ["two", "two"]);
        await write("app.wat", guest("three"));
        // The mistake is logged once, and not by each worker.
        assertMatch(await told(/^(?!warning: Worker \d is held up)/), /^info: Reloaded in/);
        await all("three");
      },
    );
  },
);

Deno.test(
  "with --watch all workers get changed options, and the stores keep the guests' values",
  ON_LINUX,
  async () => {
    const manifest = (text: string) =>
      `[local_server.config_stores.settings]\nformat = "inline-toml"\n` +
      `[local_server.config_stores.settings.contents]\ngreeting = "${text}"\n` +
      `[[local_server.kv_stores.settings]]\nkey = "seed"\ndata = "${text}"\n`;
    await withSite(
      { "fastly.toml": manifest("one") },
      [RUST, "--watch", "-C", "fastly.toml"],
      async ({ kept, write, told }) => {
        const [one, other] = kept;
        const greetings = async () => [
          (await one!.get("/config?key=greeting")).text,
          (await other!.get("/config?key=greeting")).text,
          (await other!.get("/kv/get?key=seed")).text,
        ];
        assertEquals(await greetings(), ["one", "one", "one"]);
        await one!.get("/kv/put?key=mine", { method: "PUT", body: "kept" });
        await write("fastly.toml", manifest("two"));
        await told(/^info: Reloaded in/);
        await until(async () => (await greetings()).join() === "two,two,two");
        await write("fastly.toml", "[local_server]\nbackends = 3\n");
        assertMatch(await told(/^error/), /backends.* The old program goes on$/);
        assertEquals(await greetings(), ["two", "two", "two"]);
        assertEquals((await other!.get("/kv/get?key=mine")).text, "kept");
      },
    );
  },
);

Deno.test(
  "a project is built once for all workers, and a build that fails keeps the old program in all",
  ON_LINUX,
  async () => {
    const build = "test ! -e broken && echo built >> $PWD.builds && mkdir -p bin && " +
      "cp app.txt bin/main.wasm";
    await withSite(
      { "app.txt": guest("one"), "fastly.toml": `[scripts]\nbuild = "${build}"\n` },
      ["--watch", "--watch-dir", "."],
      async ({ folder, answers, all, write, told }) => {
        const builds = async () =>
          (await Deno.readTextFile(`${folder}.builds`)).match(/built/g)!.length;
        assertEquals(await answers(), ["one", "one"]);
        assertEquals(await builds(), 1);
        await write("broken", "");
        await told(/^error: The build has failed: the old program goes on/);
        assertEquals(await answers(), ["one", "one"]);
        await write("app.txt", guest("two"));
        await told(/^error: The build has failed/);
        await Deno.remove(`${folder}/broken`);
        await all("two");
        await Deno.remove(`${folder}.builds`);
      },
    );
  },
);

Deno.test(
  "with --build the command is run again at each change, and all workers get the program",
  ON_LINUX,
  async () => {
    await withSite(
      { "app.txt": guest("one") },
      ["app.wasm", "--build", "cp app.txt app.wasm", "--watch", "--watch-dir", "."],
      async ({ answers, all, write }) => {
        assertEquals(await answers(), ["one", "one"]);
        await write("app.txt", guest("two"));
        await all("two");
      },
    );
  },
);

Deno.test("requests that run during a reload end with the old program", ON_LINUX, async () => {
  const echoes = await Deno.readFile(RUST);
  await withFiles({}, async (folder) => {
    await Deno.writeFile(`${folder}/app.wasm`, echoes);
    await using site = await WorkersSite.start(2, [`${folder}/app.wasm`]);
    using open = new DisposableStack();
    const wires: Wire[] = [];
    const kept: Kept[] = [];
    for (const worker of await site.workers()) {
      kept.push(open.use(await site.connectTo(worker)));
      const { wire } = open.use(await site.connectTo(worker));
      await wire.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nsent");
      // The guest has the request once its answer has begun.
      await wire.until("\r\n\r\n");
      wires.push(wire);
    }
    await Deno.writeTextFile(`${folder}/new.wat`, guest("new"));
    await Deno.rename(`${folder}/new.wat`, `${folder}/app.wasm`);
    site.cli.signal("SIGHUP");
    await site.told(/^info: Reloaded in/);
    for (const one of kept) await until(async () => (await one.get("/hello")).text === "new");
    for (const wire of wires) {
      await wire.send("more");
      assertMatch(await wire.until("more"), /sent/);
    }
  });
});

Deno.test(
  "with --live-reload pages learn of a reload, whichever worker has their stream",
  ON_LINUX,
  async () => {
    const flags = ["app.wat", "--watch", "--live-reload"];
    await withSite(
      { "app.wat": guest("one") },
      flags,
      async ({ site, answers, write }) => {
        using open = new DisposableStack();
        const streams: Wire[] = [];
        for (const worker of await site.workers()) {
          const { wire } = open.use(await site.connectTo(worker));
          await wire.send("GET /.fastlike/reload HTTP/1.1\r\nHost: localhost\r\n\r\n");
          await wire.until(": connected\n\n");
          streams.push(wire);
        }
        await write("app.wat", guest("two"));
        for (const wire of streams) {
          await wire.until("data: reload\n\n");
          // All have the new program by then: the page may come from any worker.
          assertEquals(await answers(), ["two", "two"]);
        }
        // A page whose worker dies connects again, which reloads it.
        const [first] = await site.workers();
        Deno.kill(first!.pid, "SIGKILL");
        assert(!(await streams[0]!.rest()).includes("reload"));
        site.cli.signal("SIGTERM");
        assert(!(await streams[1]!.rest()).includes("reload"));
        assertEquals((await site.cli.end()).code, 0);
      },
    );
  },
);

Deno.test(
  "a worker that a guest holds up delays a reload by little, is named, and follows when it can",
  ON_LINUX,
  async () => {
    await withSite(
      { "app.wat": guest("old") },
      ["app.wat"],
      async ({ site, kept, write, told }) => {
        const [one, other] = kept;
        const [, second] = await site.workers();
        Deno.kill(second!.pid, "SIGSTOP");
        await write("app.wat", guest("new"));
        site.cli.signal("SIGHUP");
        await told(/^warning: Worker 2 is held up: it reloads when its guest pauses$/);
        await told(/^info: Reloaded in/);
        assertEquals((await one!.get("/")).text, "new");
        Deno.kill(second!.pid, "SIGCONT");
        await until(async () => (await other!.get("/")).text === "new");
      },
    );
  },
);

Deno.test(
  "a worker that has begun to start before a reload gets the new program, too",
  ON_LINUX,
  async () => {
    await withFiles({ "serve-1": "", "serve-2": "" }, async (folder) => {
      const workers = startingWorkers(2, folder);
      const { fleet } = workers;
      const files = async () => (await Array.fromAsync(Deno.readDir(folder))).map((it) => it.name);
      try {
        await fleet.complete;
        await Deno.remove(`${folder}/serve-2`);
        const second = fleet.ready.find(({ id }) => id === 2)!;
        second.kill();
        await second.ended;
        let late: string | undefined;
        await until(async () => {
          late = (await files()).find((name) =>
            name.startsWith("started-2") && !name.endsWith(`-${second.pid}`)
          );
          return late !== undefined;
        });
        await workers.reload();
        await Deno.writeTextFile(`${folder}/serve-2`, "");
        const reloaded = late!.replace("started", "reloaded");
        await until(async () => (await files()).includes(reloaded));
      } finally {
        await fleet.stop(0);
      }
    });
  },
);

Deno.test(
  "a reload whose workers all end meanwhile waits for that, and ends, too",
  ON_LINUX,
  async () => {
    await withFiles({ "serve-1": "", "serve-2": "" }, async (folder) => {
      const workers = startingWorkers(2, folder);
      const { fleet } = workers;
      try {
        await fleet.complete;
        // Their channels are closed at once, and that they have ended is known later.
        for (const worker of fleet.ready) worker.kill();
        const error = await assertRejects(() => workers.reload(), CommandError);
        assertEquals(error.message, "Cannot reload: no worker serves");
        await until(() => Promise.resolve(fleet.ready.length === 2));
        const stopped = fleet.stop(0);
        for (const worker of fleet.ready) worker.kill();
        await workers.reload(); // nothing is told of a reload that nothing needs any more
        await stopped;
      } finally {
        await fleet.stop(0);
      }
    });
  },
);
