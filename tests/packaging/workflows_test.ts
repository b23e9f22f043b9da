import { ROOT } from "../_graph.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

Deno.test("the workflows run what is there: tasks, scripts, the Dockerfile, this version of Deno", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const folder = new URL(".github/workflows/", ROOT);
  let runs = 0;
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(new URL(name, folder));
    for (const [, task] of text.matchAll(/deno task (\S+)/g)) assert(task! in tasks, task);
    for (const [, path] of text.matchAll(/(?:run: |-f )(\.ci\/\S+|packaging\/\S+)/g)) {
      assert((await Deno.stat(new URL(path!, ROOT))).isFile, path);
      runs++;
    }
    for (const [, version] of text.matchAll(/deno-version: (\S+)/g)) {
      assertEquals(version!.replace(/[^\d.]/g, ""), "2.9.6");
    }
    assertMatch(text, /^permissions:/m, "a workflow says what it may do");
  }
  assertEquals(runs, 2);
});

Deno.test("the changelog's first entry is of the package's version", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [, first] = /^## (\S+?),/m.exec(await Deno.readTextFile(new URL("CHANGELOG.md", ROOT))) ??
    [];
  assertEquals(first, version);
});
