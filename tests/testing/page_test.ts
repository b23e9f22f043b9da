import { assert, assertEquals } from "../assert.ts";
import { command, has, ROOT, withFiles } from "../cli/commands.ts";
import { guestUrl } from "../guests/serving.ts";
import { mockBackend } from "../../testing/mock.ts";
import { machineClock } from "../../service/util/clock.ts";

const TEXT = await Deno.readTextFile(`${ROOT}/docs/testing.md`);
const QUICK_START = /^## Quick start\n(.*?)^## /ms.exec(TEXT)![1]!;
const PAGE = TEXT.replace(QUICK_START, "");

function blocksOf(language: string): string[] {
  const blocks = PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"));
  return Array.from(blocks, ([, text]) => text!);
}

Deno.test("every test on the page passes as pasted", async () => {
  const blocks = blocksOf("ts");
  assert(blocks.length > 4);
  const files = Object.fromEntries(
    blocks.map((block, i) => [
      `block${i}_test.ts`,
      pasted(block),
    ]),
  );
  const wasm = await Deno.readFile(guestUrl("rust"));
  await withFiles({ ...files, "app.wasm": wasm }, async (cwd) => {
    const { code, stdout, stderr } = await command(
      Deno.execPath(),
      ["test", "-A", ...Object.keys(files)],
      { cwd },
    );
    assertEquals(code, 0, stdout + stderr);
    assert(stdout.includes(`${blocks.length} passed`), stdout);
  });
});

Deno.test("the page's file of mocks is one", () => {
  const [json] = blocksOf("json");
  mockBackend("origin", JSON.parse(json!), machineClock);
});

const SECTIONS = QUICK_START.split(/^### /m).slice(1);
const TEST = filesOf(SECTIONS.at(-1)!)["app_test.ts"]!;
const TOOLS = {
  Rust: await has("cargo", "--version"),
  Go: await has("go", "version"),
  JavaScript: await has("npx", "--version"),
};

/** The files that a section shows, each with its name in the line before it. */
function filesOf(section: string): Record<string, string> {
  const files = section.matchAll(/^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$/gms);
  return Object.fromEntries(Array.from(files, ([, name, text]) => [name!, pasted(text!)]));
}

function pasted(block: string): string {
  return block.replaceAll(/"\.\/(testing(\/files)?\.ts)"/g, `"file://${ROOT}/$1"`);
}

for (const [language, there] of Object.entries(TOOLS)) {
  Deno.test({
    name: `the quick start for ${language} ends with a passing test${
      there ? "" : " (skipped: install its tools)"
    }`,
    ignore: !there,
    async fn() {
      const section = SECTIONS.find((section) => section.startsWith(`${language}\n`))!;
      const commands = /^```sh\n(.*?)^```$/ms.exec(section)![1]!;
      const { "src/main.rs": main, ...files } = filesOf(section);
      await withFiles({ ...files, "app_test.ts": TEST }, async (cwd) => {
        if (main) {
          await Deno.mkdir(`${cwd}/src`);
          await Deno.writeTextFile(`${cwd}/src/main.rs`, main);
        }
        const { code, stdout, stderr } = await command("sh", ["-ec", commands], { cwd });
        assertEquals([code, stdout.includes("1 passed")], [0, true], stdout + stderr);
      });
    },
  });
}
