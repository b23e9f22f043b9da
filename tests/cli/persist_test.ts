import { assert, assertEquals, assertMatch } from "../assert.ts";
import { type Answer, CliServer } from "../process.ts";
import { runCli, withFiles } from "./commands.ts";

const COUNT = new URL("../../testdata/wat/count.wat", import.meta.url).pathname;
const RUST = new URL("../../testdata/built/rust.wasm", import.meta.url).pathname;

/** Server with its stores in a folder, in a process of its own. */
class Server implements AsyncDisposable {
  readonly #server: CliServer;

  private constructor(server: CliServer) {
    this.#server = server;
  }

  static start(cwd: string, ...flags: string[]): Promise<Server> {
    return Server.startGuest(RUST, cwd, ...flags);
  }

  static async startGuest(guest: string, cwd: string, ...flags: string[]): Promise<Server> {
    return new Server(await CliServer.start([guest, ...flags], { cwd }));
  }

  async put(key: string, body: BodyInit): Promise<void> {
    const { status, text } = await this.ask(`/kv/put?key=${key}`, { method: "PUT", body });
    assertEquals([status, text], [200, "stored\n"]);
  }

  async get(key: string): Promise<string | number> {
    const { status, text } = await this.ask(`/kv/get?key=${key}`);
    return status === 200 ? text : status;
  }

  ask(path: string, init?: RequestInit): Promise<Answer> {
    return this.#server.ask(path, init);
  }

  async end(signal: Deno.Signal): Promise<void> {
    this.#server.cli.signal(signal);
    const ended = await this.#server.cli.end();
    if (signal === "SIGKILL") assertEquals(ended.signal, "SIGKILL");
    else assertEquals(ended.code, 0, ended.stderr);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end("SIGTERM");
  }
}

Deno.test("stored values are there after the server was killed, or stopped", async () => {
  const manifest = `[local_server]
    persist.path = "data/stores"
    kv_stores.settings = [{ key = "seed", data = "1" }, { key = "own", data = "1" }]`;
  await withFiles({ "fastly.toml": manifest }, async (folder) => {
    const big = "0123456789abcdef".repeat(200_000);
    const killed = await Server.start(folder);
    await killed.put("a", "1");
    await killed.put("big", big);
    await killed.put("own", "2");
    await killed.end("SIGKILL");
    {
      await using stopped = await Server.start(folder);
      assertEquals(await stopped.get("a"), "1");
      assert(await stopped.get("big") === big);
      await stopped.put("b", "2");
    }
    await Deno.writeTextFile(`${folder}/fastly.toml`, manifest.replaceAll('"1"', '"new"'));
    await using again = await Server.start(folder);
    const keys = ["a", "b", "own", "seed", "none"];
    const values = await Promise.all(keys.map((key) => again.get(key)));
    assertEquals(values, ["1", "2", "2", "new", 404]);
    assertEquals((await Array.fromAsync(Deno.readDir(`${folder}/data`))).length, 1);
  });
});

Deno.test("cached objects are found after a restart, and purged ones are not", async () => {
  await withFiles({}, async (folder) => {
    const flags = ["--persist", "data"];
    const big = "0123456789abcdef".repeat(200_000);
    const insert = async (server: Server, query: string, body: string, variant = "") => {
      const init = { method: "POST", body, headers: { "x-variant": variant } };
      assertEquals((await server.ask(`/cache/insert?${query}`, init)).text, "stored\n");
    };
    const told = async (server: Server, query: string, variant = "") => {
      const init = { headers: { "x-variant": variant } };
      const { headers, text } = await server.ask(`/cache/lookup?${query}`, init);
      return [headers.get("x-cache"), headers.get("x-hits"), headers.get("x-metadata"), text];
    };
    const killed = await Server.start(folder, ...flags);
    await insert(killed, "key=a&metadata=m&keys=x", "one");
    await insert(killed, "key=v&vary", "first", "1");
    await insert(killed, "key=v&vary", "second", "2");
    await insert(killed, "key=big&keys=y", big);
    await insert(killed, "key=gone&keys=z", "gone");
    await insert(killed, "key=soft&keys=s&swr=1000", "soft");
    assertEquals(await told(killed, "key=a"), ["hit", "1", "m", "one"]);
    assertEquals((await killed.ask("/cache/purge?key=z")).text, "purged\n");
    assertEquals((await killed.ask("/cache/purge?key=s&soft")).text, "purged\n");
    await killed.end("SIGKILL");
    {
      await using stopped = await Server.start(folder, ...flags);
      assertEquals(await told(stopped, "key=a"), ["hit", "2", "m", "one"]);
      assertEquals((await told(stopped, "key=v", "1"))[3], "first");
      assertEquals((await told(stopped, "key=v", "2"))[3], "second");
      assertEquals((await told(stopped, "key=v", "3"))[3], "absent\n");
      assertEquals((await told(stopped, "key=gone"))[3], "absent\n");
      assertEquals((await told(stopped, "key=soft")).slice(0, 2), ["stale", "1"]);
      assert((await told(stopped, "key=big"))[3] === big);
      assertEquals((await told(stopped, "key=big&from=1600000&to=1600003"))[3], "0123");
      assertEquals((await stopped.ask("/cache/purge?key=y")).text, "purged\n");
    }
    await using again = await Server.start(folder, ...flags);
    assertEquals(await told(again, "key=a"), ["hit", "3", "m", "one"]);
    assertEquals((await told(again, "key=big"))[3], "absent\n");
  });
});

Deno.test("rate counters and penalty boxes go on after a restart, and are one for two servers", async () => {
  await withFiles({}, async (folder) => {
    const flags = ["--persist", "data"];
    const killed = await Server.startGuest(COUNT, folder, ...flags);
    assertEquals((await killed.ask("/")).text, "1n");
    assertEquals((await killed.ask("/")).text, "2y");
    await killed.end("SIGKILL");
    await using one = await Server.startGuest(COUNT, folder, ...flags);
    await using other = await Server.startGuest(COUNT, folder, ...flags);
    assertEquals((await one.ask("/")).text, "3y");
    assertEquals((await other.ask("/")).text, "4y");
    assertEquals((await one.ask("/")).text, "5y");
  });
});

Deno.test("two servers on one folder see each other's values", async () => {
  await withFiles({}, async (folder) => {
    const flags = ["--kv", "settings", "--persist", "data"];
    await using one = await Server.start(folder, ...flags);
    await using other = await Server.start(folder, ...flags);
    await one.put("a", "1");
    assertEquals(await other.get("a"), "1");
    await other.put("a", "2");
    assertEquals(await one.get("a"), "2");
  });
});

Deno.test("the flag wins over the manifest, and without either nothing is kept", async () => {
  const manifest = '[local_server]\npersist.path = "manifest"\nkv_stores.settings = []';
  await withFiles({ "fastly.toml": manifest, "none.toml": "" }, async (folder) => {
    for (const expected of [404, "1"]) {
      await using server = await Server.start(folder, "--persist", "flag");
      assertEquals(await server.get("a"), expected);
      await server.put("a", "1");
    }
    await using without = await Server.start(folder, "-C", "none.toml", "--kv", "settings");
    assertEquals(await without.get("a"), 404);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    assertEquals(names.sort(), ["fastly.toml", "flag", "none.toml"]);
  });
});

Deno.test("a folder or file that cannot be used ends the command with one line and 1", async () => {
  await withFiles({ "a": "a file", "fastlike.sqlite": "no database".repeat(100) }, async (cwd) => {
    const inFile = await runCli([RUST, "--persist", "a"], { cwd });
    assertEquals(inFile.code, 1);
    assertMatch(inFile.stderr, /^Cannot make the folder a: [^\n]+\n$/);
    const broken = await runCli([RUST, "--persist", "."], { cwd });
    assertEquals([broken.code, broken.stderr], [
      1,
      "Cannot open fastlike.sqlite: file is not a database\n",
    ]);
  });
});
