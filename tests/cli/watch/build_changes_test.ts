import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { writtenBy } from "../../../cli/watch/written.ts";
import { guest, Project } from "./project.ts";

/** A project whose build runs some commands after it has made the program of `src/app.wat`. */
async function projectOf(commands: string): Promise<Project> {
  const project = new Project();
  await project.write("src/app.wat", guest("one"));
  await project.write("build.sh", `mkdir -p bin && cp src/app.wat bin/main.wasm\n${commands}`);
  await project.write("fastly.toml", '[scripts]\nbuild = "echo run >> log && sh build.sh"\n');
  await project.write(".fastlyignore", "/log\n");
  return project;
}

/** Number of builds that have begun. */
async function builds({ folder }: Project): Promise<number> {
  return (await Deno.readTextFile(join(folder, "log"))).split("\n").length - 1;
}

/** Edits the program, and waits until that is served. */
async function edit(project: Project, to: string): Promise<void> {
  await project.write("src/app.wat", guest(to));
  await project.answers(to);
}

for (
  const [what, commands] of [
    ["writes lock files", "date +%N > Cargo.lock; date +%N > web/package-lock.json"],
    ["makes temporary files and removes them", "echo > src/temp$$; sleep 0.3; rm src/temp$$"],
    ["writes files as they were", "echo 1 > src/made.txt; sleep 0.3"],
    [
      "empties files and writes them as they were",
      ": > src/made.txt; sleep 0.3; echo 1 > src/made.txt",
    ],
  ] as const
) {
  Deno.test(`a build that ${what} causes no other`, async () => {
    await using project = await projectOf(`mkdir -p web; ${commands}`);
    await project.write("src/made.txt", "1\n");
    await project.serve("--watch");
    assertEquals(await project.ask(), "one");
    await edit(project, "two");
    await edit(project, "three");
    assertEquals(await builds(project), 3);
  });
}

Deno.test("a file that a build makes causes one other, and none when it is made again", async () => {
  await using project = await projectOf("cat src/app.wat | wc -l > src/lines.txt");
  await project.serve("--watch");
  await project.told(/^info: Building/);
  await project.told(/^info: Reloaded in/);
  assertEquals(await builds(project), 2);
  await edit(project, "two");
  await edit(project, "three");
  assertEquals(await builds(project), 4);
});

Deno.test("builds that change a source each time pause, longer each time, and the source is named", async () => {
  await using project = await projectOf("date +%N > src/time.txt; sleep 0.2");
  await project.serve("--watch");
  assertMatch(
    await project.told(/^warning/),
    /^warning: Each build changes src\/time\.txt, which causes another one only after a pause from now on/,
  );
  const begun = await builds(project);
  assert(begun <= 10, `${begun} builds`);
  await edit(project, "two");
  await edit(project, "three");
  assertEquals(await builds(project), begun + 2);
  // Between builds it is a source as any other.
  await project.write("src/time.txt", "mine");
  await project.told(/^info: Building/);
  assertEquals(await project.ask(), "three");
});

Deno.test("the last edit is built, also where each of many builds in a row was edited while it ran", async () => {
  const project = await projectOf(
    "if grep -q edit src/app.wat; then echo holding >&2\n" +
      "while cmp -s src/app.wat bin/main.wasm; do sleep 0.02; done; fi",
  );
  await using _project = project;
  await project.serve("--watch");
  for (let i = 0; i < 9; i++) {
    await project.write("src/app.wat", guest(`edit ${i}`));
    await project.told(/^holding/);
  }
  await project.write("src/app.wat", guest("last"));
  await project.answers("last");
  // The build has not changed it, so that it is a source as any other.
  await project.write("src/app.wat", guest("edit 10"));
  await project.told(/^holding/);
  await project.write("src/app.wat", guest("very last"));
  assertMatch(await project.told(/^(info|warning): [BE]/), /^info: Building$/);
  await project.answers("very last");
});

Deno.test("a source that is made, edited or removed during a build is built", async () => {
  await using project = await projectOf(
    "cat src/*.part > bin/new 2> /dev/null && mv bin/new bin/main.wasm\n" +
      "[ -e hold ] && echo holding >&2; while [ -e hold ]; do sleep 0.02; done",
  );
  await project.write(".fastlyignore", "/log\n/hold\n/bin\n");
  await project.serve("--watch");
  const held = async (change: () => Promise<void>) => {
    await project.write("hold", "");
    await project.write("src/app.wat", guest("begin"));
    await project.told(/^holding/);
    await change();
    await Deno.remove(join(project.folder, "hold"));
  };
  await held(() => project.write("src/a.part", guest("made")));
  await project.answers("made");
  await held(() => project.write("src/a.part", guest("edited")));
  await project.answers("edited");
  await held(() => Deno.remove(join(project.folder, "src/a.part")));
  await project.answers("begin");
});

Deno.test("a newer change ends the build that runs, with the processes of that build", async () => {
  await using project = await projectOf(
    "if grep -q endless src/app.wat; then echo begun >&2; sleep 600; fi",
  );
  await project.serve("--watch");
  await project.write("src/app.wat", guest("endless"));
  await project.told(/^begun/);
  assertEquals(await project.ask(), "one");
  await project.write("src/app.wat", guest("two"));
  assertMatch(await project.told(/^info/), /^info: Building$/);
  // The build that was ended has no message of its end.
  assertMatch(await project.told(/^(info|warning|error)/), /^info: Reloaded in/);
  assertEquals(await project.ask(), "two");
});

Deno.test("logs and stores that the host itself writes among the sources cause no build", async () => {
  await using project = new Project();
  await project.write("src/edited", "");
  const rust = new URL("../../../testdata/built/rust.wasm", import.meta.url).pathname;
  await project.write(
    "fastly.toml",
    `[scripts]
build = "echo run >> log && mkdir -p bin && cp ${rust} bin/main.wasm"
[local_server.log_endpoints.events]
file = "logs/events.log"
[local_server.kv_stores]
settings = []
`,
  );
  await project.write(".fastlyignore", "/log\n");
  await project.serve("--watch", "--persist", "data");
  for (let round = 1; round <= 3; round++) {
    await project.ask("/log");
    await project.ask(`/kv/put?key=a&value=${round}`, { method: "POST" });
    const logged = join(project.folder, "logs/events.log");
    while ((await Deno.readTextFile(logged)).split("\n").length <= round) {
      await project.ask("/hello");
    }
    project.cli.signal("SIGHUP"); // a reload takes longer than to see a change
    await project.told(/^info: Reloaded in/);
  }
  assertEquals(await builds(project), 1);
  await project.write("src/edited", "yes");
  await project.told(/^info: Building/);
});

Deno.test("the host's own files are logs, stores, kept code and redirected output", async () => {
  await using project = new Project();
  const at = (path: string) => join(project.folder, path);
  await project.write(
    "fastly.toml",
    `[local_server.log_endpoints]
one = { file = "one.log" }
two = {}
[local_server.persist]
path = "kept"`,
  );
  const flags = { persist: at("data"), codeCache: at("code"), logEndpoints: { b: at("b.log") } };
  const output = openSync(at("output"), "w");
  const written = writtenBy(flags, at("fastly.toml"), [output]);
  const isWritten = (path: string) => written()(path);
  const own = [
    ...["data/fastlike.sqlite", "data/fastlike.sqlite-wal", "kept/fastlike.sqlite-journal"],
    ...["code/x", "b.log", "one.log", "output"],
  ];
  for (const path of own) assert(isWritten(at(path)), path);
  const others = [
    ...["data2", "database/x", "data/app.ts", "kept/app.ts", "kept.txt"],
    ...["two.log", "fastly.toml", "src/output"],
  ];
  await project.write("src/output", "");
  for (const path of others) assert(!isWritten(at(path)), path);
  await project.write("fastly.toml", "[local_server.log_endpoints]\none = { file = 1 }\n[x");
  assert(!isWritten(at("one.log")));
  assert(isWritten(at("b.log")));
  closeSync(output);
  const inside = { persist: at("."), codeCache: at("."), logEndpoints: {} };
  const isWrittenHere = writtenBy(inside, at("fastly.toml"), [])();
  assert(isWrittenHere(at("fastlike.sqlite")));
  assert(!isWrittenHere(at("src/app.ts")), "a source beside the database stays one");
});
