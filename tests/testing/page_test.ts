import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { command, withFiles } from "../cli/commands.ts";
import { Project } from "../cli/watch/project.ts";
import { guestUrl } from "../guests/serving.ts";
import {
  commandsOf,
  filesOf,
  pasted,
  quickStartFiles,
  REST,
  SECTIONS,
  TOOLS,
  warm,
} from "../quick_start.ts";
import { mockBackend } from "../../testing/mock.ts";
import { machineClock } from "../../service/util/clock.ts";

function blocksOf(language: string): string[] {
  const blocks = REST.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"));
  return Array.from(blocks, ([, text]) => text!);
}

Deno.test("every test on the page passes as pasted, and none prints the text of a thread", async () => {
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
    // Deno prints the text of a thread whose types it checks.
    assert(!(stdout + stderr).includes("data:text/javascript"), stderr);
  });
});

Deno.test("the page has no block that no test runs", () => {
  const count = (text: string) => text.match(/^```\w+$/gm)?.length ?? 0;
  assertEquals(count(REST), blocksOf("ts").length + blocksOf("json").length);
  for (const [title, text] of SECTIONS) {
    const ran = commandsOf(title).length + Object.keys(filesOf(title)).length;
    assertEquals(count(text), ran, title);
  }
});

Deno.test("the page's file of mocks is one", () => {
  const [json] = blocksOf("json");
  mockBackend("origin", JSON.parse(json!), machineClock);
});

for (const [language, there] of TOOLS) {
  Deno.test({
    name: `the quick start for ${language} ends with a passing test, and a server that follows${
      there ? "" : " (skipped: install its tools)"
    }`,
    ignore: !there,
    async fn() {
      const files = quickStartFiles(language);
      await using project = new Project();
      for (const [path, text] of Object.entries(files)) await project.write(path, text);
      const env = project.env = await warm(language, project.folder, false);
      const [build] = commandsOf(language);
      const place = { cwd: project.folder, env };
      const { code, stdout, stderr } = await command("sh", ["-ec", build!], place);
      assertEquals([code, stdout.includes("1 passed")], [0, true], stdout + stderr);

      const [serve, ask] = commandsOf("The server");
      const [program, ...flags] = serve!.trim().split(" ");
      assertEquals(program, "fastlike");
      const path = /^curl localhost:5000(\/\S+)\n$/.exec(ask!)![1]!;
      await project.serve(...flags);
      assertEquals(await project.ask(path), "Hello, Ada!");
      const source = Object.keys(files).find((file) =>
        /main\.rs$|main\.go$|index\.js$/.test(file)
      )!;
      await project.edit(source, "Hello", "Good morning");
      assertStringIncludes(await project.told(/Building/), "info");
      await project.told(/^info: Reloaded in/);
      assertEquals(await project.ask(path), "Good morning, Ada!");
    },
  });
}
