import { assertEquals, assertMatch } from "../assert.ts";
import { CliServer } from "../process.ts";
import { runCli, withFiles } from "./commands.ts";

const RUST = new URL("../../testdata/built/rust.wasm", import.meta.url).pathname;

/** Serves from a folder while `use` sends requests; returns the output after the first line. */
async function serve(
  cwd: string,
  args: readonly string[],
  use: (get: (path: string) => Promise<string>) => Promise<void>,
): Promise<string> {
  await using server = await CliServer.start(args, { cwd });
  await use(async (path) => (await server.ask(path)).text);
  server.cli.signal("SIGTERM");
  const { code, stdout } = await server.cli.end();
  assertEquals(code, 0);
  return stdout;
}

Deno.test("the command serves with the fastly.toml that it finds, and sees a store change", async () => {
  const files = {
    "fastly.toml": `[local_server]
      config_stores.settings = { format = "json", file = "settings.json" }
      log_endpoints.events.file = "events.log"`,
    "settings.json": '{"greeting":"hello"}',
  };
  await withFiles(files, async (folder) => {
    const printed = await serve(folder, [RUST], async (get) => {
      assertMatch(await get("/config?key=greeting"), /hello/);
      await Deno.writeTextFile(`${folder}/settings.json`, '{"greeting":"welcome"}');
      assertMatch(await get("/config?key=greeting"), /welcome/);
      await get("/log");
    });
    assertEquals(await Deno.readTextFile(`${folder}/events.log`), "hello log\n");
    assertEquals(printed.includes("hello log"), false);
  });
});

Deno.test("records of endpoints are JSON lines on the terminal if --log-format says so", async () => {
  await withFiles({}, async (folder) => {
    const printed = await serve(folder, [RUST, "--log-format", "json"], async (get) => {
      await get("/log");
    });
    const line = printed.split("\n").find((line) => line.startsWith("{"))!;
    assertEquals(JSON.parse(line).message, "hello log");
  });
});

Deno.test("a store with a mistake ends the command with one line and 1", async () => {
  await withFiles({ "kv.json": '{"..":"x"}' }, async (folder) => {
    const { code, stderr } = await runCli([RUST, "--kv", "s=kv.json"], { cwd: folder });
    assertEquals([code, stderr], [
      1,
      'Cannot read kv.json (s in --kv): key ".." has the path segment ".."\n',
    ]);
  });
});
