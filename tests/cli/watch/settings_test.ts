import { join } from "node:path";
import { assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { guest, Project } from "./project.ts";

/** A fastly.toml with a build command that makes the program of one source. */
function manifest(source: string, more = ""): string {
  return `[scripts]\nbuild = "mkdir -p bin && cp src/${source}.wat bin/main.wasm"\n${more}`;
}

async function served(...args: string[]): Promise<Project> {
  const project = new Project();
  for (const text of ["one", "two", "three"]) await project.write(`src/${text}.wat`, guest(text));
  await project.write("fastly.toml", manifest("one"));
  await project.serve("--watch", ...args);
  assertEquals(await project.ask(), "one");
  return project;
}

for (
  const [where, args] of [["is a source", []], ["is no source", ["--watch-dir", "src"]]] as const
) {
  Deno.test(`a build command that changes is followed where fastly.toml ${where}`, async () => {
    await using project = await served(...args);
    await project.write("fastly.toml", manifest("two"));
    await project.answers("two");
    await project.write(
      "fastly.toml",
      manifest("one", 'post_build = "cp src/three.wat bin/main.wasm"'),
    );
    await project.answers("three");
  });
}

Deno.test("a fastly.toml that has lost its build command is one line of the log, and is followed when it is mended", async () => {
  await using project = await served("--watch-dir", "src");
  await project.write("fastly.toml", 'name = "x"\n');
  assertMatch(
    await project.told(/^error/),
    /^error: Cannot build the project: fastly\.toml has no build command .*\. The old program goes on$/,
  );
  assertEquals(await project.ask(), "one");
  await project.write("fastly.toml", "[scripts");
  assertMatch(
    await project.told(/^error/),
    /^error: Cannot read fastly\.toml: .*The old program goes on$/,
  );
  await project.write("fastly.toml", manifest("two"));
  // There was no other message meanwhile.
  assertMatch(await project.told(/./), /^info: Building$/);
  await project.answers("two");
});

Deno.test("variables of an env_file are followed, also where git ignores it, and once it is there", async () => {
  await using project = new Project();
  await project.write(".gitignore", ".env*\n/bin\n");
  for (const text of ["one", "two", "three"]) await project.write(`src/${text}.wat`, guest(text));
  const scripts = (file: string) =>
    `[scripts]\nenv_file = "${file}"\n` +
    'build = "mkdir -p bin && cp src/$SOURCE.wat bin/main.wasm"\n';
  await project.write("fastly.toml", scripts(".env.build"));
  await project.write(".env.build", "SOURCE=one\n");
  await project.serve("--watch");
  assertEquals(await project.ask(), "one");
  await project.write(".env.build", "SOURCE=two\n");
  await project.answers("two");
  await project.write("fastly.toml", scripts(".env.other"));
  assertStringIncludes(await project.told(/^error/), "which [scripts] env_file names");
  assertEquals(await project.ask(), "two");
  await project.write(".env.other", "SOURCE=three\n");
  await project.answers("three");
  await project.write(".env.other", "SOURCE=one\n");
  await project.answers("one");
});

Deno.test("a first build that fails is tried again when fastly.toml is mended", async () => {
  await using project = new Project();
  await project.write("src/one.wat", guest("one"));
  await project.write("fastly.toml", manifest("missing"));
  const serving = project.serve("--watch", "--watch-dir", "src");
  await project.told(/^error: Cannot build the program: .*It is built again after a change$/);
  await project.write("fastly.toml", "[scripts");
  await project.told(/^error: Cannot read fastly\.toml.*It is built as before$/);
  await project.told(/^error: Cannot build the program/);
  await project.write("fastly.toml", manifest("one"));
  await serving;
  assertEquals(await project.ask(), "one");
});

Deno.test("a source that changes while the first build fails is built again", async () => {
  await using project = new Project();
  await project.write("src/app.wat", guest("one"));
  // The first build changes its own source and then fails: no later event tells of that change.
  const build = "if [ -e src/ready ]; then mkdir -p bin && cp src/app.wat bin/main.wasm; " +
    "else touch src/ready; exit 1; fi";
  await project.write("fastly.toml", `[scripts]\nbuild = "${build}"\n`);
  await project.serve("--watch", "--watch-dir", "src");
  assertEquals(await project.ask(), "one");
});

for (
  const [what, path, text] of [
    ["a source", "src/end", "now"],
    ["fastly.toml", "fastly.toml", manifest("one")],
  ] as const
) {
  Deno.test(`a first build that does not end is ended by a change of ${what}`, async () => {
    await using project = new Project();
    await project.write("src/one.wat", guest("one"));
    await project.write("src/end", "never");
    const endless = "echo Endless >&2; if grep -q never src/end; then sleep 600; fi; ";
    await project.write("fastly.toml", manifest("one").replace('"', `"${endless}`));
    const serving = project.serve("--watch", "--watch-dir", "src");
    await project.told(/^Endless$/);
    await project.write(path, text);
    await serving;
    assertEquals(await project.ask(), "one");
  });
}

Deno.test("a first build goes on while its settings are written and come to say the same", async () => {
  await using project = new Project();
  await project.write("src/app.wat", guest("one"));
  const wait = "while [ ! -e go ]; do sleep 0.02; done";
  const command = `echo run >> log; echo [ >> fastly.toml; ${wait}; cp src/app.wat bin/main.wasm`;
  const text = `[scripts]\nbuild = "mkdir -p bin; ${command}"\n`;
  await project.write("fastly.toml", text);
  await project.write(".fastlyignore", "/log\n/go\n/fastly.toml\n");
  const served = project.serve("--watch");
  await project.told(/It is built as before$/);
  await project.write("fastly.toml", `# The same\n${text}`);
  await project.write("go", "");
  await served;
  assertEquals(await project.ask(), "one");
  assertEquals(await Deno.readTextFile(join(project.folder, "log")), "run\n");
});

Deno.test("a first build that is interrupted is no fault of the build", async () => {
  await using project = new Project();
  await project.write("fastly.toml", '[scripts]\nbuild = "echo Endless >&2; sleep 600"');
  const serving = project.serve("--watch");
  serving.catch(() => {}); // it never serves
  await project.told(/^Endless$/);
  project.cli.signal("SIGINT");
  const { code, stderr } = await project.cli.end();
  assertEquals([code, stderr.replace("Endless\n", "")], [0, ""]);
});

Deno.test("a folder of sources that is not there is told, and followed once it is", async () => {
  await using project = new Project();
  await project.write("fastly.toml", manifest("one").replace("cp src", "cp source || cp src"));
  await project.write("src/one.wat", guest("one"));
  const serving = project.serve("--watch", "--watch-dir", "source");
  await project.told(/^warning: There is no source to follow: its changes count once it is there$/);
  await serving;
  await project.write("fastly.toml", manifest("one").replace("src", "source"));
  await project.told(/^error: The build has failed/);
  await project.write("source/one.wat", guest("two"));
  await project.answers("two");
});
