import { assert, assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";
import { command, denoFirst, ROOT, withFiles } from "./cli/commands.ts";
import { guestUrl } from "./guests/serving.ts";
import { Process } from "./process.ts";

const read = (path: string) => Deno.readTextFile(`${ROOT}/${path}`);
const LIBRARY = await read("docs/library.md");
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "packaging/npm/README.md",
  ...Array.from(Deno.readDirSync(`${ROOT}/docs`), ({ name }) => `docs/${name}`),
];

/** The blocks of a page in one language. */
function blocksOf(page: string, language: string): string[] {
  const blocks = page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"));
  return Array.from(blocks, ([, text]) => text!);
}

/** Pastes blocks into files beside `mod.ts` and a program, as in the checkout. */
async function allPasted(
  blocks: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const files: Record<string, string | Uint8Array> = {
    "app.wasm": await Deno.readFile(guestUrl("rust")),
    "mod.ts": `export * from "file://${ROOT}/mod.ts";`,
    "manifest.ts": `export * from "file://${ROOT}/manifest.ts";`,
    "testing.ts": `export * from "file://${ROOT}/testing.ts";`,
    "fastly.toml": "",
  };
  for (const [name, block] of Object.entries(blocks)) {
    files[name] = block.replaceAll(/"\.\/(?=(drivers|server)\/)/g, `"file://${ROOT}/`);
  }
  await withFiles(files, use);
}

/** Pastes one block, as `block.ts`. */
function pasted(block: string, use: (folder: string) => Promise<void>): Promise<void> {
  return allPasted({ "block.ts": block }, use);
}

const [SERVER, TEST, LISTEN, LOGS] = blocksOf(LIBRARY, "ts") as [string, string, string, string];
const MANIFEST = blocksOf(await read("docs/fastly.toml.md"), "ts")[0]!;
const IMPORTS = blocksOf(await read("docs/images.md"), "ts")[0]!;
const SCALE = blocksOf(await read("docs/scale.md"), "ts")[0]!;
const COMPONENTS = blocksOf(await read("docs/components.md"), "ts")[0]!;
const DRIVERS = blocksOf(await read("docs/drivers.md"), "ts")[0]!;

Deno.test("the pages' blocks have the types that they need", async () => {
  const blocks = [SERVER, TEST, LISTEN, LOGS, MANIFEST, IMPORTS, SCALE, COMPONENTS, DRIVERS];
  const files = Object.fromEntries(blocks.map((block, i) => [`block${i}.ts`, block]));
  // All at once: each check reads the types of the whole library.
  await allPasted(files, async (cwd) => {
    const args = ["check", ...Object.keys(files)];
    const { code, stderr } = await command(Deno.execPath(), args, { cwd });
    assertEquals(code, 0, stderr);
  });
});

Deno.test("library.md's server answers as pasted", async () => {
  await pasted(SERVER, async (cwd) => await answersHello(cwd));
});

/** Runs a pasted block that serves the program, and asks it for `/hello`. */
async function answersHello(cwd: string): Promise<void> {
  const args = ["run", "--allow-net", `--allow-read=${cwd},${ROOT}`, "block.ts"];
  const env = { ...denoFirst(), DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0" };
  await using child = new Process(Deno.execPath(), args, { cwd, env });
  const [, url] = await child.until(/(http:[^\s"]+)[\s"]/, "stderr");
  assertEquals(await (await fetch(new URL("hello", url))).text(), "Hello from rust\n");
}

Deno.test("library.md's listener answers as pasted, and sends informational responses", async () => {
  await pasted(LISTEN, async (cwd) => {
    const args = ["run", "--allow-net", `--allow-read=${cwd},${ROOT}`, "block.ts"];
    await using child = new Process(Deno.execPath(), args, { cwd, env: denoFirst() });
    const [, url] = await child.until(/(http:\S+)\s/);
    const { hostname, port } = new URL(url!);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const request = "GET /early-hint HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    await connection.write(new TextEncoder().encode(request));
    const answer = await new Response(connection.readable).text();
    assertStringIncludes(answer, "HTTP/1.1 103 ");
  });
});

Deno.test("library.md's test passes as pasted", async () => {
  await pasted(TEST, async (cwd) => {
    const args = ["test", "-A", "--no-check", "block.ts"];
    const { code, stdout, stderr } = await command(Deno.execPath(), args, { cwd });
    assertEquals(code, 0, stdout + stderr);
    assertStringIncludes(stdout, "ok | 1 passed");
  });
});

const USE = `
for (const path of ["/log", "/trap"]) await app.handler(new Request("http://localhost" + path));
await app[Symbol.asyncDispose]();`;

Deno.test("library.md's logs go to LogTape as pasted", async () => {
  await pasted(LOGS + USE, async (cwd) => {
    const args = ["run", "-A", "block.ts"];
    const { code, stdout, stderr } = await command(Deno.execPath(), args, { cwd });
    assertEquals(code, 0, stderr);
    assertMatch(stdout + stderr, / :: .*hello log/);
    assertMatch(stdout + stderr, /The guest trapped: unreachable/);
  });
});

Deno.test("the image page's block loads as pasted", async () => {
  await pasted(IMPORTS, async (cwd) => {
    const { code, stderr } = await command(Deno.execPath(), ["run", "-A", "block.ts"], { cwd });
    assertEquals(code, 0, stderr);
  });
});

for (const [page, block] of Object.entries({ components: COMPONENTS, drivers: DRIVERS })) {
  Deno.test(`the first block of ${page}.md loads the program as pasted`, async () => {
    const end = block.includes("await using app") ? "" : "await app[Symbol.asyncDispose]();";
    await pasted(`${block}console.log(app.status().instances);\n${end}`, async (cwd) => {
      const args = ["run", "-A", "block.ts"];
      const { code, stdout, stderr } = await command(Deno.execPath(), args, { cwd });
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "live");
    });
  });
}

Deno.test("fastly.toml.md's server answers as pasted", async () => {
  await pasted(MANIFEST, async (cwd) => await answersHello(cwd));
});

Deno.test("the hostcall of architecture.md is the code's own", async () => {
  const shown = blocksOf(await read("docs/architecture.md"), "ts").at(-1)!;
  const code = await read("abi/http_body.ts");
  const plain = (text: string) => text.replace(/\s+/g, " ");
  assertStringIncludes(plain(code), plain(shown).trim());
});

Deno.test("every task that a page names is there, and every flag of its commands is known", async () => {
  const { tasks } = JSON.parse(await read("deno.json"));
  const { FLAGS } = await import("../cli/flags/table.ts");
  for (const page of PAGES) {
    const text = await read(page);
    for (const [, task] of text.matchAll(/deno(?:@[\d.]+)? task ([a-z]+)/g)) {
      assert(tasks[task!], `${page}: ${task}`);
    }
    for (const block of blocksOf(text, "sh")) {
      for (const line of block.replaceAll("\\\n", " ").split("\n")) {
        const [, own = ""] = /(?:cli\.ts|fastlike)\s(.*)$/.exec(line) ?? [];
        for (const [, flag] of own.replace(/ -- .*/, "").matchAll(/(?<=\s|^)--([a-z][\w-]*)/g)) {
          assert(Object.hasOwn(FLAGS, flag!), `${page}: ${line}`);
        }
      }
    }
  }
});
