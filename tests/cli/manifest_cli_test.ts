import { assertEquals, assertMatch } from "../assert.ts";

const CLI = new URL("../../cli.ts", import.meta.url).pathname;
const RUST = new URL("../../testdata/built/rust.wasm", import.meta.url).pathname;

async function inFolder(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, content);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function start(folder: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", CLI, "--bind", "localhost:0", ...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Serves from a folder while `use` asks; gives what was printed after the first line. */
async function serve(
  folder: string,
  args: readonly string[],
  use: (get: (path: string) => Promise<string>) => Promise<void>,
): Promise<string> {
  await using child = start(folder, ...args);
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let printed = "";
  try {
    while (!printed.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`The process ended: ${await errors}`);
      printed += value;
    }
    const [, url] = /^Listening on (.*)\n/.exec(printed)!;
    await use(async (path) => await (await fetch(`${url}${path}`)).text());
  } finally {
    child.kill("SIGTERM");
    for (let read; !(read = await reader.read()).done;) printed += read.value;
    await errors;
  }
  assertEquals((await child.status).code, 0);
  return printed.slice(printed.indexOf("\n") + 1);
}

Deno.test("the command serves with the fastly.toml that it finds, and sees a store change", async () => {
  const files = {
    "fastly.toml": `[local_server]
      config_stores.settings = { format = "json", file = "settings.json" }
      log_endpoints.events.file = "events.log"`,
    "settings.json": '{"greeting":"hello"}',
  };
  await inFolder(files, async (folder) => {
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
  await inFolder({}, async (folder) => {
    const printed = await serve(folder, [RUST, "--log-format", "json"], async (get) => {
      await get("/log");
    });
    const line = printed.split("\n").find((line) => line.startsWith("{"))!;
    assertEquals(JSON.parse(line).message, "hello log");
  });
});

Deno.test("a store with a mistake ends the command with one line and 1", async () => {
  await inFolder({ "kv.json": '{"..":"x"}' }, async (folder) => {
    await using child = start(folder, RUST, "--kv", "s=kv.json");
    const { code, stderr } = await child.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [
      1,
      'Cannot read kv.json (s in --kv): key ".." has the path segment ".."\n',
    ]);
  });
});
