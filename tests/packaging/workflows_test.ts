import { parse } from "npm:deno-std@1.4.0/yaml/parse.js";
import { ROOT } from "../_graph.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

Deno.test("the tasks, scripts, Dockerfile and version of Deno that the workflows name exist", async () => {
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

Deno.test("a release is a draft until all that it has is there, sums of all executables among it", async () => {
  const { jobs } = parse(
    await Deno.readTextFile(new URL(".github/workflows/release.yml", ROOT)),
  ) as { jobs: Record<string, Job> };
  const { draft, publish, ...others } = jobs;
  assertMatch(runOf(draft!), /^gh release create .* --draft /);
  assertEquals(publish!.needs, Object.keys(others));
  for (const job of [others.executables!, others.packages!]) assertEquals(job.needs, "draft");
  const sources = await Deno.readTextFile(new URL("packaging/release.ts", ROOT));
  for (
    const [, file] of runOf(others.executables!).matchAll(/dist\/release\/(fastlike[.-][\w.]*)/g)
  ) {
    assert(sources.includes(file!), file);
  }
  assertMatch(
    runOf(publish!),
    /sha256sum fastlike-\* > SHA256SUMS\n.* SHA256SUMS\n.*--draft=false$/,
  );
});

interface Job {
  readonly needs?: string | readonly string[];
  readonly steps: readonly { readonly run?: string }[];
}

/** Commands of a job, a line each. */
function runOf({ steps }: Job): string {
  return steps.flatMap(({ run }) => run ?? []).join("\n");
}

Deno.test("the changelog's first entry is of the package's version", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [, first] = /^## (\S+?),/m.exec(await Deno.readTextFile(new URL("CHANGELOG.md", ROOT))) ??
    [];
  assertEquals(first, version);
});
